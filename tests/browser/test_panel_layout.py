"""Hidden, moved and enlarged panels: the browser stores them, and links contain them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from chart_assertions import assert_drawn_equals_store, wait_for_state
from fake_collector import METRICS
from kept_tab import OpenAt
from playwright.sync_api import Page, expect
from served_page import Live, Serve
from waiting import wait_until, wait_until_passes

from dashapp.model.ticks import Metric, Tick

SHOWN = "dashapp.page.panelOrder.visiblePanels()"
ORDER = """() => [...document.querySelectorAll("main .panel:not(.absent):not([hidden])")]
    .map((section) => section.dataset.panel).filter(Boolean)"""


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all()


@pytest.fixture
def live(open_at: OpenAt, served: Live) -> Live:
    """The server, with its page open and drawn."""
    open_at(served.url, lambda page: assert_drawn_equals_store(page, served.store))
    return served


def menu(page: Page, panel: str, item: str) -> None:
    page.click(f'[data-panel="{panel}"] .more')
    page.get_by_role("menuitem", name=item, exact=True).click()


def expect_order(page: Page, *first: str) -> None:
    wait_until(page, lambda: page.evaluate(ORDER)[: len(first)] == list(first))


def expect_shown(page: Page, panel: str, shown: bool) -> None:
    wait_until(page, lambda: (panel in page.evaluate(ORDER)) == shown)


def expect_address(page: Page, name: str, value: str | None) -> None:
    said = f"new URLSearchParams(location.search).get('{name}')"
    wait_until(page, lambda: page.evaluate(said) == value)


def expect_theme(page: Page, theme: str) -> None:
    expect(page.locator("html")).to_have_attribute("data-theme", theme)


def remembered(page: Page) -> dict[str, Any]:
    got: dict[str, Any] = json.loads(page.evaluate("localStorage.getItem('dashapp')"))
    return got


def remember(page: Page, live: Live, text: str) -> None:
    """Store `text` as if a page had done so before this one opens."""
    page.goto(f"{live.url}healthz")
    page.evaluate("(text) => localStorage.setItem('dashapp', text)", text)


def reopened(page: Page, live: Live, query: str = "") -> None:
    page.goto(live.url + query)
    expect(page.locator(".js-plotly-plot").first).to_be_attached()


def test_hidden_panel_stays_hidden_until_user_selects_it(page: Page, live: Live) -> None:
    expect_order(page, "cpu", "cores")
    menu(page, "cores", "Hide")
    expect_shown(page, "cores", False)
    page.locator("#note").get_by_role("button", name="Undo").click()
    expect_shown(page, "cores", True)
    menu(page, "cores", "Hide")
    expect_shown(page, "cores", False)
    expect_address(page, "panels", "-cores")
    reopened(page, live)
    expect_shown(page, "cores", False)
    page.click("#menu")
    page.click("#panels")
    page.get_by_role("checkbox", name="Cores", exact=True).check()
    page.keyboard.press("Escape")
    expect_shown(page, "cores", True)
    expect_address(page, "panels", None)
    assert_drawn_equals_store(page, live.store)


def test_hiding_all_panels_shows_hint_and_is_kept_in_link(page: Page, live: Live) -> None:
    for name in page.evaluate(SHOWN):
        page.evaluate("(name) => dashapp.page.panelOrder.setHidden(name, true)", name)
    expect_address(page, "panels", "none")
    said = "getComputedStyle(document.querySelector('main'), '::before').content"
    wait_until(page, lambda: "All panels are hidden" in page.evaluate(said))
    page.evaluate("localStorage.clear()")
    page.goto("about:blank")
    page.goto(f"{live.url}?panels=none")
    wait_for_state(page, "live")
    wait_until(page, lambda: page.evaluate(SHOWN) == [])
    expect(page.locator("#note.shown")).to_have_count(0)


def test_panel_moves_in_its_group_by_menu_keyboard_and_mouse(page: Page, serve: Serve) -> None:
    live = serve(feeding=False, past=1)
    memory = Metric("memory.percent", "Memory", "%", "memory", 0, 100)
    live.store.describe([*METRICS, memory])
    for second in range(1, 30):
        live.store.append(Tick(live.feeder.newest + 1, 1.0, {"cpu.percent": 9.0, memory.key: float(second)}))
    reopened(page, live)
    menu(page, "memory", "Move up")
    expect_order(page, "memory", "cpu")
    page.focus('[data-panel="memory"] .more')
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".menu :focus")).to_have_text("Move down")
    page.keyboard.press("Enter")
    expect_order(page, "cpu", "memory", "cores")
    expect(page.locator('[data-panel="memory"] .more')).to_be_focused()
    page.drag_and_drop('[data-panel="memory"] h2', '[data-panel="cpu"] .chart')
    expect_order(page, "memory", "cpu")
    reopened(page, live)
    expect_order(page, "memory", "cpu", "cores")
    # A panel stays in its group.
    page.drag_and_drop('[data-panel="cores"] h2', '[data-panel="cpu"] .chart')
    # By key: the browser may still be at the end of the drag, which swallows a click.
    page.focus('[data-panel="cores"] .more')
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Enlarge")).to_be_visible()
    expect(page.get_by_role("menuitem", name=re.compile("^Move"))).to_have_count(0)
    expect_order(page, "memory", "cpu", "cores")


def test_large_panel_fills_row_after_reload(page: Page, live: Live) -> None:
    plot = '[data-panel="cores"] .nsewdrag'
    before = page.locator(plot).bounding_box()
    menu(page, "cores", "Enlarge")
    expect_address(page, "large", "cores")
    assert before

    def larger() -> bool:
        box = page.locator(plot).bounding_box()
        return bool(box and box["width"] >= before["width"] and box["height"] > 1.5 * before["height"])

    wait_until(page, larger)
    reopened(page, live)
    wait_until(page, larger)
    menu(page, "cores", "Make smaller")
    expect_address(page, "large", None)


def test_link_shows_its_panels_and_keeps_stored_layout(page: Page, live: Live) -> None:
    menu(page, "cores", "Hide")
    reopened(page, live, "?panels=cores&large=cores&theme=dark")
    wait_until(page, lambda: page.evaluate(ORDER) == ["cores"])
    expect_theme(page, "dark")
    expect(page.locator('[data-panel="cores"].large')).to_have_count(1)
    assert_panels_drawn(page, ["cores"])
    reopened(page, live)
    expect_shown(page, "cores", False)
    expect_theme(page, "auto")


def test_hidden_panel_is_not_drawn_before_observer_reports(own_page: Page, served: Live) -> None:
    """A busy browser reports what is on screen only after the first data arrived."""
    own_page.add_init_script("window.IntersectionObserver = class { observe() {} disconnect() {} };")
    reopened(own_page, served, "?panels=cores")
    assert_panels_drawn(own_page, ["cores"])


def assert_panels_drawn(page: Page, panels: list[str]) -> None:
    drawn = """() => [...document.querySelectorAll(".js-plotly-plot")]
        .filter((gd) => gd.data?.[0]?.x.length).map((gd) => gd.closest("[data-panel]").dataset.panel)"""
    wait_until(page, lambda: page.evaluate(drawn) == panels)


def test_stored_layout_keeps_panels_of_other_pages(page: Page, served: Live) -> None:
    kept = {"version": 1, "order": ["web", "cpu", "other", "cores"], "hidden": ["web"], "large": ["other"]}
    remember(page, served, json.dumps(kept))
    reopened(page, served)
    menu(page, "cores", "Enlarge")

    def both_are_kept() -> None:
        now = remembered(page)
        assert now["order"][:4] == ["web", "cpu", "other", "cores"]
        assert now["hidden"] == ["web"]
        assert sorted(now["large"]) == ["cores", "other"]

    wait_until_passes(page, both_are_kept)
    page.click("#menu")
    page.click("#panels")
    page.get_by_role("button", name="Reset to default").click()

    def none_is_kept() -> bool:
        now = remembered(page)
        return not {"web", "other"} & {*now["order"], *now["hidden"], *now["large"]}

    wait_until(page, none_is_kept)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?panels=cpu,nowhere", "Unknown panel in the link: “nowhere”"),
        ("?large=%3Cimg%20src%3Dx%3E", "Unknown panel in the link: “<img src=x>”"),
        ("?window=soon", "Invalid time in the link, ignored: window=“soon”"),
        ("?end=-5", "Invalid time in the link, ignored: end=“-5”"),
        ("?theme=pink", "Unknown theme in the link: “pink”"),
        ("?panels=" + ",".join(f"p{n}" for n in range(500)), "Unknown panel in the link: “p0”"),
    ],
)
def test_invalid_link_shows_note_and_page_works(page: Page, served: Live, query: str, sentence: str) -> None:
    page.goto(served.url + query)
    expect(page.locator("#note.shown")).to_contain_text(sentence)
    expect(page.locator("#note img")).to_have_count(0)
    expect_shown(page, "cpu", True)
    assert_drawn_equals_store_of_cpu(page)


def assert_drawn_equals_store_of_cpu(page: Page) -> None:
    points = "document.querySelector('[data-panel=\"cpu\"] .js-plotly-plot')?.data?.[0]?.x.length ?? 0"
    wait_until(page, lambda: page.evaluate(points) >= 90)


@pytest.mark.parametrize(
    "stored",
    [
        "not JSON",
        "null",
        "[]",
        json.dumps({"version": 0, "hidden": ["cpu"]}),
        json.dumps({"version": 1, "hidden": "cpu", "order": {"a": 1}, "theme": 7}),
        json.dumps(
            {"version": 1, "hidden": ["gone"], "order": ["gone", "cpu"], "large": [None], "theme": "pink"}
        ),
    ],
)
def test_invalid_stored_layout_is_ignored(page: Page, served: Live, stored: str) -> None:
    remember(page, served, stored)
    reopened(page, served)
    expect_order(page, "cpu")
    assert_drawn_equals_store(page, served.store)
    menu(page, "cores", "Hide")
    # Panels that another page may have hidden stay hidden.
    wait_until(page, lambda: {*remembered(page)["hidden"]} - {"gone"} == {"cores"})
    assert remembered(page)["version"] == 1


def test_theme_button_cycles_and_choice_is_stored(page: Page, live: Live) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    page.click("#menu")
    page.click("#theme")
    expect_theme(page, "dark")
    expect_address(page, "theme", "dark")
    dark = page.evaluate(ground)
    reopened(page, live)
    expect_theme(page, "dark")
    wait_until(page, lambda: page.evaluate(ground) == dark)
    page.keyboard.press("t")
    expect_theme(page, "light")
    wait_until(page, lambda: page.evaluate(ground) != dark)
    page.keyboard.press("t")
    expect_address(page, "theme", None)


def test_enlarged_panel_is_in_view(page: Page, live: Live) -> None:
    page.set_viewport_size({"width": 1200, "height": 700})
    menu(page, "cores", "Enlarge")
    expect(page.locator('[data-panel="cores"].large')).to_be_in_viewport(ratio=0.9)
    assert_drawn_equals_store(page, live.store)


def test_link_of_earlier_version_shows_panel_that_has_the_lines_now(page: Page, served: Live) -> None:
    page.goto(f"{served.url}?panels=cpukinds,memory&large=cpukinds")
    wait_for_state(page, "live")
    expect(page.locator('.panel.large[data-panel="cpu"]')).to_be_visible()
    expect(page.locator("#note.shown")).to_have_count(0)
    page.goto(f"{served.url}?panels=-cpukinds")
    wait_for_state(page, "live")
    expect(page.locator('[data-panel="cpu"]')).to_be_visible()
