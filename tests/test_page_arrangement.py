"""Panels are hidden, moved and enlarged; the browser remembers it, and the address tells others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Live, Serve
from drawing import assert_drawn_equals_store, wait_for_state
from playwright.sync_api import Page, expect
from waiting import wait_until

SHOWN = "dashapp.page.arrangement.shown()"
ORDER = """() => [...document.querySelectorAll("main > .panel:not(.absent):not([hidden])")]
    .map((section) => section.dataset.panel).filter(Boolean)"""


@pytest.fixture
def live(page: Page, serve: Serve) -> Live:
    live = serve()
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    return live


def menu(page: Page, panel: str, item: str) -> None:
    page.click(f'[data-panel="{panel}"] .more')
    page.get_by_role("menuitem", name=item, exact=True).click()


def order(page: Page) -> list[str]:
    got: list[str] = page.evaluate(ORDER)
    return got


def address(page: Page) -> dict[str, Any]:
    got: dict[str, Any] = page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
    return got


def reopened(page: Page, live: Live, query: str = "") -> None:
    page.goto(live.url + query)
    wait_until(page, lambda: page.evaluate("document.querySelectorAll('.js-plotly-plot').length > 0"))


def test_a_hidden_panel_stays_away_until_it_is_wanted_again(page: Page, live: Live) -> None:
    assert order(page)[:2] == ["cpu", "cores"]
    menu(page, "cores", "Hide")
    assert "cores" not in order(page)
    assert address(page)["panels"] == "-cores"
    reopened(page, live)
    assert "cores" not in order(page)
    page.click("#panels")
    page.get_by_role("checkbox", name="Cores", exact=True).check()
    page.keyboard.press("Escape")
    assert "cores" in order(page)
    assert "panels" not in address(page)
    assert_drawn_equals_store(page, live.store)


def test_all_panels_hidden_is_said_and_told_to_others(page: Page, live: Live) -> None:
    for name in page.evaluate(SHOWN):
        page.evaluate("(name) => dashapp.page.arrangement.setHidden(name, true)", name)
    assert address(page)["panels"] == "none"
    said = "getComputedStyle(document.querySelector('main'), '::before').content"
    assert "Every panel is hidden" in page.evaluate(said)
    page.evaluate("localStorage.clear()")
    reopened_empty = page.context.new_page()
    reopened_empty.goto(f"{live.url}?panels=none")
    wait_for_state(reopened_empty, "live")
    assert reopened_empty.evaluate(SHOWN) == []
    assert not reopened_empty.locator("#note.shown").count()


def test_panels_move_by_menu_key_and_mouse(page: Page, live: Live) -> None:
    menu(page, "cores", "Move up")
    assert order(page)[:2] == ["cores", "cpu"]
    page.focus('[data-panel="cores"] .more')
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".menu :focus")).to_have_text("Move down")
    page.keyboard.press("Enter")
    assert order(page)[:2] == ["cpu", "cores"]
    expect(page.locator('[data-panel="cores"] .more')).to_be_focused()
    page.drag_and_drop('[data-panel="cores"] h2', '[data-panel="cpu"] .chart')
    assert order(page)[:2] == ["cores", "cpu"]
    assert_drawn_equals_store(page, live.store)
    reopened(page, live)
    assert order(page)[:2] == ["cores", "cpu"]
    assert_drawn_equals_store(page, live.store)


def test_a_large_panel_fills_the_row_and_is_drawn_as_wide(page: Page, live: Live) -> None:
    plot = '[data-panel="cores"] .nsewdrag'
    before = page.locator(plot).bounding_box()
    menu(page, "cores", "Enlarge")
    assert address(page)["large"] == "cores"
    assert before

    def wider() -> bool:
        box = page.locator(plot).bounding_box()
        return bool(box and box["width"] > 1.5 * before["width"] and box["height"] > before["height"])

    wait_until(page, wider)
    reopened(page, live)
    wait_until(page, wider)
    menu(page, "cores", "Make smaller")
    assert "large" not in address(page)


def test_a_link_shows_its_panels_and_leaves_what_is_remembered(page: Page, live: Live) -> None:
    menu(page, "cores", "Hide")
    reopened(page, live, "?panels=cores&large=cores&theme=dark")
    assert order(page) == ["cores"]
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.locator('[data-panel="cores"].large').count() == 1
    assert_panels_drawn(page, ["cores"])
    reopened(page, live)
    assert "cores" not in order(page)
    assert page.evaluate("document.documentElement.dataset.theme") == "auto"


def assert_panels_drawn(page: Page, panels: list[str]) -> None:
    drawn = """() => [...document.querySelectorAll(".js-plotly-plot")]
        .filter((gd) => gd.data?.[0]?.x.length).map((gd) => gd.closest("[data-panel]").dataset.panel)"""
    wait_until(page, lambda: page.evaluate(drawn) == panels)


def test_panels_of_other_pages_stay_as_they_are_there(page: Page, live: Live) -> None:
    kept = {"version": 1, "order": ["web", "cpu", "gpu", "cores"], "hidden": ["web"], "large": ["gpu"]}
    page.evaluate("(kept) => localStorage.setItem('dashapp', kept)", json.dumps(kept))
    reopened(page, live)
    menu(page, "cores", "Enlarge")
    remembered = json.loads(page.evaluate("localStorage.getItem('dashapp')"))
    assert remembered["order"][:4] == ["web", "cpu", "gpu", "cores"]
    assert remembered["hidden"] == ["web"]
    assert sorted(remembered["large"]) == ["cores", "gpu"]
    page.click("#panels")
    page.get_by_role("button", name="As at first").click()
    remembered = json.loads(page.evaluate("localStorage.getItem('dashapp')"))
    assert not {"web", "gpu"} & {*remembered["order"], *remembered["hidden"], *remembered["large"]}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?panels=cpu,nowhere", "a panel that is not here: “nowhere”"),
        ("?large=%3Cimg%20src%3Dx%3E", "a panel that is not here: “<img src=x>”"),
        ("?window=soon", "window=“soon”, which is no time"),
        ("?end=-5", "end=“-5”, which is no time"),
        ("?theme=pink", "a theme that is not here: “pink”"),
        ("?panels=" + ",".join(f"p{n}" for n in range(500)), "a panel that is not here: “p0”"),
    ],
)
def test_a_wrong_link_is_told_and_the_page_works(page: Page, live: Live, query: str, sentence: str) -> None:
    reopened(page, live, query)
    expect(page.locator("#note.shown")).to_contain_text(sentence)
    assert page.locator("#note img").count() == 0
    assert "cpu" in order(page)
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
def test_what_an_older_version_stored_does_no_harm(page: Page, live: Live, stored: str) -> None:
    page.evaluate("(stored) => localStorage.setItem('dashapp', stored)", stored)
    reopened(page, live)
    assert order(page)[0] == "cpu"
    assert_drawn_equals_store(page, live.store)
    menu(page, "cores", "Hide")
    reopened(page, live)
    assert "cores" not in order(page)


def test_the_theme_button_goes_round_and_is_remembered(page: Page, live: Live) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    page.click("#theme")
    dark = page.evaluate(ground)
    assert address(page)["theme"] == "dark"
    reopened(page, live)
    assert page.evaluate(ground) == dark
    page.keyboard.press("t")
    assert page.evaluate(ground) != dark
    page.keyboard.press("t")
    assert "theme" not in address(page)
