"""Paper, touch screens, tablets and forced colours."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from chart_assertions import assert_drawn_equals_store, wait_for_state, window
from kept_tab import OpenAt
from playwright.sync_api import Browser, Page, expect
from served_page import Live, Serve
from tab import ZONE
from thorough import amount
from waiting import still_box, wait_until, wait_until_passes

from dashapp.model.thresholds import AlertState, Threshold
from dashapp.web.figures import DARK_LINE_COLORS, LINE_COLORS

CPU = '[data-panel="cpu"]'
RANGE = "dashapp.page.liveView.pausedRange"
# The cards and the drawings in them, as on paper.
ON_PAPER = """() => [...document.querySelectorAll("#page .panel")].filter((panel) => panel.offsetParent)
    .map((panel) => {
    const box = panel.getBoundingClientRect();
    const drawing = panel.querySelector(".main-svg")?.getBoundingClientRect();
    const chart = panel.querySelector(".chart");
    return {
        left: box.left, right: box.right, top: box.top, bottom: box.bottom, drawn: drawing?.right ?? 0,
        text: chart ? getComputedStyle(chart, "::after").content : "",
    };
})"""


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all(past=300)


@pytest.fixture
def live(open_at: OpenAt, served: Live) -> Live:
    open_at(served.url, lambda page: assert_drawn_equals_store(page, served.store))
    return served


def test_printed_page_has_whole_cards_on_white(page: Page, live: Live) -> None:
    for width in (390, 1200, 1900):
        page.set_viewport_size({"width": width, "height": 900})
        expect_whole_on_paper(page, live)


def expect_whole_on_paper(page: Page, served: Live) -> None:
    page.emulate_media(color_scheme="dark")
    assert_drawn_equals_store(page, served.store)
    page.keyboard.press("p")
    wait_for_state(page, "paused")
    page.emulate_media(media="print", color_scheme="dark")

    def is_whole() -> None:
        cards = page.evaluate(ON_PAPER)
        assert len(cards) >= 2
        for card in cards:
            assert card["drawn"] <= card["right"]
            assert card["right"] - card["left"] == pytest.approx(680, abs=1)
            assert "Waiting" not in card["text"]
        assert all(above["bottom"] <= below["top"] for above, below in pairwise(cards))
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"

    wait_until_passes(page, is_whole)
    for hidden in ("#bar", "#pause", "#window", "#menu", "#groups", ".more"):
        expect(page.locator(hidden).first).to_be_hidden()
    # The range is on paper, too.
    expect(page.locator("#paper-title")).to_contain_text(page.locator("#range").text_content() or "-")
    page.emulate_media(media="screen", color_scheme="light")
    drawn = f"document.querySelector('{CPU} .main-svg').clientWidth"
    wait_until(
        page,
        lambda: page.evaluate(drawn) == page.evaluate(f"document.querySelector('{CPU} .chart').clientWidth"),
    )
    page.keyboard.press("l")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, served.store)


def test_double_click_undoes_each_zoom(page: Page, live: Live) -> None:
    """Also right after a zoom, and between two draws."""
    box = still_box(page, f"{CPU} .nsewdrag")
    height = box["y"] + 60
    for _ in range(amount(3, 6)):
        page.mouse.move(box["x"] + 0.3 * box["width"], height)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.5 * box["width"], height)
        page.mouse.move(box["x"] + 0.6 * box["width"], height)
        page.mouse.up()
        wait_until(page, lambda: page.evaluate(RANGE))
        page.mouse.dblclick(box["x"] + 0.5 * box["width"], height)
        wait_for_state(page, "live")
        wait_until(page, lambda: page.evaluate(RANGE) is None)
    assert_drawn_equals_store(page, live.store)


ZOOM_AND_BACK = """(pause) => new Promise((done) => {
  const { liveView } = dashapp.page;
  liveView.zoomTo(30);
  setTimeout(() => { liveView.zoomTo(100); done(); }, pause);
})"""


def test_slider_follows_zoom_and_back_on_slow_browser(page: Page, live: Live) -> None:
    """Two values within one of its draws left the slider at the first one."""
    wait_for_state(page, "live")
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    for pause in range(0, 20, amount(6, 3)):
        page.evaluate(ZOOM_AND_BACK, pause)
        wait_until(page, lambda: window(page) == 100)
        expect(page.locator("#window-label")).to_have_text("100 seconds")
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    page.locator("#window [role=slider]").press("ArrowRight")
    wait_until(page, lambda: window(page) > 100)
    expect(page.locator("#window-label")).not_to_have_text("100 seconds")


@pytest.fixture
def phone(chromium: Browser, served: Live) -> Iterator[Page]:
    context = chromium.new_context(
        viewport={"width": 390, "height": 800},
        is_mobile=True,
        has_touch=True,
        timezone_id=ZONE,
        locale="en-GB",
    )
    page = context.new_page()
    page.goto(served.url)
    assert_drawn_equals_store(page, served.store)
    yield page
    context.close()


class Fingers:
    """Touch points on a page."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)

    def send(self, kind: str, *points: tuple[float, float]) -> None:
        found: list[dict[str, Any]] = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": found})


def test_two_fingers_zoom_and_a_tap_reads_values(phone: Page, served: Live) -> None:
    box = still_box(phone, f"{CPU} .nsewdrag")
    height = box["y"] + 80
    left, right, width = box["x"], box["x"] + box["width"], box["width"]
    phone.touchscreen.tap(left + 0.5 * width, height)
    reading = wait_until(phone, lambda: phone.evaluate("dashapp.page.liveView.reading.pointer"))
    expect(phone.locator(f"{CPU} .tooltip")).to_be_visible()
    expect(phone.locator("#tiles")).to_have_attribute("data-at", str(reading))
    wait_for_state(phone, "live")
    live_range = phone.evaluate("dashapp.page.liveView.liveRange()")
    fingers = Fingers(phone)
    fingers.send("touchStart", (left + 0.4 * width, height), (left + 0.6 * width, height))
    for share in (0.1, 0.2, 0.3):
        fingers.send(
            "touchMove", (left + (0.4 - share) * width, height), (left + (0.6 + share) * width, height)
        )
    fingers.send("touchEnd")
    wait_for_state(phone, "paused")
    start, end = wait_until(phone, lambda: phone.evaluate(RANGE))
    # Four times as far apart: a quarter of the range, around the same middle.
    assert end - start == pytest.approx(25_000, rel=0.15)
    assert (start + end) / 2 == pytest.approx(sum(live_range) / 2, abs=8000)
    assert right <= 390
    phone.locator("#pause").tap()
    wait_for_state(phone, "live")
    assert_drawn_equals_store(phone, served.store)


def test_bar_in_the_past_has_no_overlapping_or_cut_controls(page: Page, served: Live) -> None:
    newest = served.store.newest().time_ms
    # The bar is fullest if an alert fires now.
    firing = AlertState(Threshold.parse("cpu.percent >= 0"), True, newest / 1000)
    served.store.set_thresholds([firing])
    try:
        page.goto(f"{served.url}?window=100&end={newest - 60_000}")
        wait_for_state(page, "paused")
        expect(page.locator("#alerts .count")).to_have_text("No alert then, 1 now")
        for width in (360, 820, 1099, 1100, 1200, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            wait_until_passes(page, partial(expect_whole_bar, page, width))
    finally:
        served.store.set_thresholds([])


def expect_whole_bar(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == width
    boxes = [
        page.locator(name).bounding_box() for name in ("#earlier", "#window", "#later", "#pause", "#menu")
    ]
    found = [box for box in boxes if box]
    assert len(found) == 5
    for one in found:
        assert one["x"] >= 0
        assert one["x"] + one["width"] <= width
    for one, other in pairwise(found):
        apart = one["x"] + one["width"] <= other["x"] + 1 or one["y"] + one["height"] <= other["y"] + 1
        assert apart or other["y"] + other["height"] <= one["y"] + 1
    assert found[1]["width"] > 100
    cut = """(all) => all.filter((each) => each.scrollWidth > each.clientWidth + 1).map(({ id }) => id)"""
    # On a phone, the range has the place of the name.
    assert not page.locator("#bar h1, .past-range" if width > 480 else ".past-range").evaluate_all(cut)
    assert page.locator("#range").bounding_box()["height"] <= 56  # type: ignore[index]


def test_process_table_on_a_phone_shows_cpu_and_memory(phone: Page, served: Live) -> None:
    table = phone.locator('[data-table="top"]')
    table.scroll_into_view_if_needed()
    expect(table.locator("tbody tr").first).to_be_visible()
    for column in ("name", "cpu", "memory"):
        expect(table.locator(f"tbody .{column}").first).to_be_in_viewport(ratio=0.95)
    assert phone.evaluate("document.querySelector('[data-table=top] .scroll').scrollWidth") <= 390


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_line_colours_have_contrast_in_both_themes() -> None:
    for colours, card in ((LINE_COLORS, "#ffffff"), (DARK_LINE_COLORS, "#171e26")):
        assert len(set(colours)) == 8
        assert all(contrast(colour, card) >= 4.5 for colour in colours)


def test_line_colours_follow_theme(page: Page, live: Live) -> None:
    colour = "document.querySelector('[data-panel=cpu] .js-plotly-plot').data[0].line.color"
    page.emulate_media(color_scheme="dark")
    wait_until(page, lambda: page.evaluate(colour) == DARK_LINE_COLORS[0])
    page.evaluate("dashapp.page.theme.set('light')")
    wait_until(page, lambda: page.evaluate(colour) == LINE_COLORS[0])
    assert_drawn_equals_store(page, live.store)


def test_forced_colours_show_slider_status_and_alarms(page: Page, live: Live) -> None:
    page.emulate_media(forced_colors="active")
    rule = Threshold.parse("cpu.percent >= 0")
    live.store.set_thresholds([AlertState(rule, True, live.store.newest().time_ms / 1000)])
    expect(page.locator(".tile.broken")).to_have_count(1)
    expect(page.locator(".panel.broken > h2 .value")).to_have_count(1)
    expect(page.locator(".panel.broken .legend-line .value").first).to_be_attached()
    read = """([selector, pseudo]) => {
        const style = getComputedStyle(document.querySelector(selector), pseudo);
        return [style.backgroundColor, style.borderTopWidth];
    }"""
    dot, _ = page.evaluate(read, ["#status", "::before"])
    card, _ = page.evaluate(read, ["body", None])
    assert dot != card
    assert page.evaluate(read, [".tile.broken", None])[1] == "4px"
    for control in ("#window .dash-slider-track", "#search", "#menu", "#earlier"):
        assert page.evaluate(read, [control, None])[1] == "1px"
    # The sign is at the value in the title, and not at each line of the legend.
    sign = "(selector) => getComputedStyle(document.querySelector(selector), '::after').content"
    assert "⚠" in page.evaluate(sign, ".panel.broken > h2 .value")
    assert page.evaluate(sign, ".panel.broken .legend-line .value") == "none"
    page.emulate_media(forced_colors="none")
    live.store.set_thresholds([])
