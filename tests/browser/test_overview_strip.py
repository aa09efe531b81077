"""The strip of the whole history: its brush is the range on screen."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from chart_assertions import wait_for_state
from playwright.sync_api import Page, expect
from served_page import Live, Serve
from waiting import stays, wait_until, wait_until_passes

PAST_S = 1000
RANGE = "dashapp.page.liveView.shownRange"
WHOLE = "dashapp.page.overviewStrip.range"


@pytest.fixture(scope="module")
def live(serve_all: Serve) -> Live:
    return serve_all(past=PAST_S)


def box_of(page: Page, selector: str) -> dict[str, Any]:
    box: Any = page.locator(selector).bounding_box()
    assert box
    return dict(box)


def opened(page: Page, url: str) -> dict[str, Any]:
    page.goto(url)
    expect(page.locator(".brush")).to_be_visible()
    return box_of(page, "#strip")


def assert_brush_is_range(page: Page) -> None:
    """Within two pixels, because the strip moves by whole ones."""

    def is_range() -> None:
        strip, brush = box_of(page, "#strip"), box_of(page, ".brush")
        (start, end), (oldest, newest) = page.evaluate(f"[{RANGE}, {WHOLE}]")
        pixels = [strip["x"] + strip["width"] * (t - oldest) / (newest - oldest) for t in (start, end)]
        assert brush["x"] == pytest.approx(pixels[0], abs=2)
        assert brush["x"] + brush["width"] == pytest.approx(pixels[1], abs=2)

    wait_until_passes(page, is_range)


def test_strip_requests_history_once_and_none_per_tick(page: Page, live: Live) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "ticks?metrics=" in request.url else None)
    opened(page, live.url)
    begun = len(live.trouble.asked)
    stays(lambda: len(asked) == 1, lambda: len(live.trouble.asked) > begun + 4, page)
    assert page.evaluate("window.flights.most") == 1
    start, end = page.evaluate(WHOLE)
    assert end - start == pytest.approx(1000 * PAST_S, rel=0.1)
    assert_brush_is_range(page)
    expect(page.locator(".strip-title")).to_have_text("CPU")
    drawn = """() => { const canvas = document.querySelector("#strip canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, index) => index % 4 === 3 && value > 0).length; }"""
    wait_until(page, lambda: page.evaluate(drawn) > 1000)


def test_strip_of_a_new_store_is_not_an_empty_box(page: Page, serve: Serve) -> None:
    live = serve(past=2, interval=0.25)
    page.goto(live.url)
    expect(page.locator(".strip-title")).to_have_text("The whole history appears here")
    expect(page.locator(".brush")).to_be_hidden()
    expect(page.locator(".strip-title")).to_have_text("CPU")
    expect(page.locator(".brush")).to_be_visible()


def test_strip_has_no_gap_if_it_missed_ticks(page: Page, live: Live) -> None:
    opened(page, live.url)
    newest = "dashapp.page.liveView.subscription.newest"
    start = page.evaluate(newest)
    # On a busy machine one frame has several ticks.
    page.evaluate("dashapp.page.overviewStrip.update = () => {}")
    wait_until(page, lambda: page.evaluate(newest) > start + 4000)
    page.evaluate("delete dashapp.page.overviewStrip.update")
    wait_until(page, lambda: page.evaluate(f"{WHOLE}[1]") > start + 4000)
    times = page.evaluate("dashapp.page.overviewStrip.points.slice(-12).map(([time]) => time)")
    assert {later - earlier for earlier, later in pairwise(times)} == {1000}


def test_click_beside_the_brush_jumps_there(page: Page, live: Live) -> None:
    strip = opened(page, live.url)
    page.mouse.click(strip["x"] + 0.3 * strip["width"], strip["y"] + 30)
    wait_for_state(page, "paused")
    (start, end), (oldest, newest) = page.evaluate(f"[{RANGE}, {WHOLE}]")
    assert (start + end) / 2 == pytest.approx(oldest + 0.3 * (newest - oldest), abs=5000)
    assert end - start == pytest.approx(100_000, abs=1)
    assert_brush_is_range(page)


def test_brush_moves_resizes_and_returns_to_live(page: Page, live: Live) -> None:
    strip = opened(page, live.url)
    height = strip["y"] + 25

    def drag(start: float, end: float) -> None:
        page.mouse.move(start, height)
        page.mouse.down()
        page.mouse.move((start + end) / 2, height)
        page.mouse.move(end, height)
        page.mouse.up()

    brush = box_of(page, ".brush")
    middle = brush["x"] + brush["width"] / 2
    before = page.evaluate(RANGE)
    drag(middle, middle - 0.5 * strip["width"])
    wait_for_state(page, "paused")
    start, end = page.evaluate(RANGE)
    assert end - start == pytest.approx(before[1] - before[0], abs=2)
    assert before[1] - end == pytest.approx(500 * PAST_S, rel=0.1)
    assert_brush_is_range(page)
    brush = box_of(page, ".brush")
    drag(brush["x"] + 1, brush["x"] - 100)
    wait_until(page, lambda: page.evaluate(RANGE)[0] < start - 1000)
    longer = page.evaluate(RANGE)
    assert longer[1] == pytest.approx(end, abs=2)
    expect(page.locator("#window [role=slider]")).to_have_attribute(
        "aria-valuetext", page.inner_text("#window-label")
    )
    assert_brush_is_range(page)
    brush = box_of(page, ".brush")
    middle = brush["x"] + brush["width"] / 2
    drag(middle, middle + strip["width"])
    wait_for_state(page, "live")


def test_brush_moves_by_keys(page: Page, live: Live) -> None:
    opened(page, live.url)
    brush = page.locator(".brush")
    brush.press("ArrowLeft")
    wait_for_state(page, "paused")
    expect(brush).to_have_attribute("aria-valuetext", page.inner_text("#range"))
    length = page.evaluate(f"{RANGE}[1] - {RANGE}[0]")
    brush.press("ArrowUp")
    wait_until(page, lambda: page.evaluate(f"{RANGE}[1] - {RANGE}[0]") > length)
    brush.press("End")
    wait_for_state(page, "live")
    expect(brush).to_have_attribute("aria-valuetext", "Live")
    expect(brush).to_be_focused()
