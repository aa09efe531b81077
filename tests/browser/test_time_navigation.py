"""Navigation in time by button, key, drag and URL, and back to the live view without gaps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from chart_assertions import assert_drawn_equals_store, drawing, shows, wait_for_state
from kept_tab import OpenAt
from painted import painted_columns
from playwright.sync_api import Page, Route, expect
from served_page import Live, Serve
from waiting import wait_until, wait_until_passes

from dashapp.model.ticks import to_milliseconds


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all(past=1500)


@pytest.fixture
def live(open_at: OpenAt, served: Live) -> Iterator[Live]:
    """The server, with its page open and drawn."""
    open_at(served.url, lambda page: assert_drawn_equals_store(page, served.store))
    yield served
    served.trouble.calm()


def test_pause_before_the_first_data_shows_the_range_of_that_moment(page: Page, served: Live) -> None:
    held: list[Route] = []
    page.route("**/api/ticks?*", lambda route: held.append(route))
    page.goto(served.url)
    wait_until(page, lambda: held)
    page.locator("#pause").click()
    # That lets the held requests go on, too.
    page.unroute("**/api/ticks?*")
    wait_for_state(page, "paused")
    wait_until(page, lambda: len(drawing(page)[0]["traces"][0]["x"]) > 80)
    start, end = page.evaluate("dashapp.page.liveView.pausedRange")
    assert end - start == 100_000
    assert abs(end - served.store.newest().time_ms) < 60_000
    page.keyboard.press("l")
    wait_for_state(page, "live")


def test_range_without_data_is_reported(page: Page, served: Live) -> None:
    first = served.store.since(0, 100_000)[0].time
    page.goto(f"{served.url}?window=100&end={1000 * (first - 3600):.0f}")
    expect(page.locator("#status")).to_have_text("Paused: no data in this time range")
    page.wait_for_selector('[data-panel="cpu"].loading')
    page.keyboard.press("l")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, served.store)
    page.goto(f"{served.url}?window=100&end={1000 * (first + 50):.0f}")
    expect(page.locator("#status")).to_have_text(re.compile("^Paused at "))
    page.keyboard.press("p")
    wait_for_state(page, "live")


def address(page: Page) -> dict[str, Any]:
    got: dict[str, Any] = page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
    return got


def go(page: Page, where: str) -> None:
    """Press the button or the key, and wait until the URL changes."""
    before = address(page)
    if where.startswith("#"):
        page.click(where)
    else:
        page.keyboard.press(where)
    wait_until(page, lambda: address(page) != before)


def held(page: Page) -> tuple[float, float]:
    said = address(page)
    end = float(said["end"]) / 1000
    return end - float(said["window"]), end


def test_earlier_and_later_move_by_three_quarters_of_window(page: Page, live: Live) -> None:
    for way in ("#earlier", "ArrowLeft", "#earlier"):
        go(page, way)
    wait_for_state(page, "paused")
    start, end = held(page)
    assert end < live.feeder.newest - 200
    wait_until(page, lambda: shows(page, live.store, start, end))
    for way in ("ArrowRight", "#later"):
        go(page, way)
        end += 75
        assert held(page)[1] == pytest.approx(end, abs=0.01)
        wait_until(page, lambda: shows(page, live.store, *held(page)))
    while "end" in address(page):
        go(page, "#later")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    wait_until(page, lambda: "end" not in address(page))


def test_link_reproduces_paused_range(page: Page, live: Live) -> None:
    go(page, "#earlier")
    go(page, "#earlier")
    start, end = held(page)
    wait_until(page, lambda: shows(page, live.store, start, end))
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    wait_for_state(page, "paused")
    wait_until(page, lambda: shows(page, live.store, start, end))
    page.keyboard.press("Escape")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_browser_back_and_forward_restore_ranges(page: Page, live: Live) -> None:
    go(page, "#earlier")
    first = held(page)
    go(page, "#earlier")
    second = held(page)
    page.go_back()
    wait_until(page, lambda: shows(page, live.store, *first))
    page.go_back()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    page.go_forward()
    page.go_forward()
    wait_until(page, lambda: shows(page, live.store, *second))


@pytest.mark.parametrize("query", ["?window=abc&end=-1&x=<b>", "?window=-5&end=zzz", "?window=1e999"])
def test_link_with_invalid_time_opens_live_view(page: Page, served: Live, query: str) -> None:
    page.goto(served.url + query)
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, served.store)


def test_navigation_sends_one_request_at_a_time(page: Page, live: Live) -> None:
    live.trouble.latency = 1
    for key in ("ArrowLeft", "ArrowLeft", "ArrowRight", "l", "ArrowLeft", "p", "ArrowLeft", "l"):
        page.keyboard.press(key)
        wait_until(page, lambda: page.evaluate("flights.now") == 1)
    live.trouble.latency = 0
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    assert page.evaluate("flights.most") == 1


def test_return_from_past_to_live_window_draws_all_points(page: Page, live: Live) -> None:
    go(page, "ArrowLeft")
    go(page, "ArrowLeft")
    wait_until(page, lambda: shows(page, live.store, *held(page)))
    # Go forward until the range lies within the points that the live page holds.
    for _ in range(2):
        go(page, "ArrowRight")
        if "end" not in address(page):
            break
        wait_until(page, lambda: shows(page, live.store, *held(page)))
    page.keyboard.press("l")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


@pytest.mark.parametrize("end", ["4000000000000", "99999999999999999"])
def test_link_into_future_shows_note_and_live_view(page: Page, served: Live, end: str) -> None:
    page.goto(f"{served.url}?window=100&end={end}")
    expect(page.locator("#note.shown")).to_contain_text(f"ignored: end=“{end}”")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, served.store)


def test_window_label_describes_visible_range(page: Page, live: Live) -> None:
    go(page, "#earlier")
    expect(page.locator("#window-label")).to_have_text("100 seconds")
    expect(page.locator("#window [role=slider]")).to_have_attribute("aria-valuetext", "100 seconds")
    expect(page.locator("#range")).to_have_text(re.compile(r"^\w+ \d+ \w+ \d\d:\d\d:\d\d \u2013 "))
    wait_until(page, lambda: shows(page, live.store, *held(page)))
    page.keyboard.press("Shift+ArrowLeft")
    wait_until(page, lambda: page.evaluate("dashapp.page.liveView.crosshair.time") is not None)
    page.keyboard.press("l")
    wait_for_state(page, "live")
    expect(page.locator("#window-label")).to_have_text("100 seconds")
    wait_until(page, lambda: page.evaluate("dashapp.page.liveView.crosshair.time") is None)


def test_zoom_is_limited_to_a_few_ticks(page: Page, live: Live) -> None:
    page.evaluate(
        "dashapp.page.onZoom([...dashapp.page.liveView.liveRange()].map((t, side) => t - 5000 + side * 5))"
    )
    wait_for_state(page, "paused")
    start, end = held(page)
    assert end - start >= 5


def test_page_keeps_polling_on_link_to_unavailable_time(page: Page, served: Live) -> None:
    page.goto(f"{served.url}?window=1000000000&end=1000")
    wait_for_state(page, "paused")
    asked = len(served.trouble.asked)
    wait_until(page, lambda: len(served.trouble.asked) >= asked + 3)
    wait_for_state(page, "paused")
    page.keyboard.press("l")
    wait_for_state(page, "live")


def test_earlier_in_longest_window_requests_past_range(page: Page, live: Live) -> None:
    page.focus("#window [role=slider]")
    page.keyboard.press("End")
    expect(page.locator("#window-label")).to_have_text("2 hours")
    asked = len(live.trouble.asked)
    page.click("#earlier")
    wait_until(page, lambda: any("from=" in query for query in live.trouble.asked[asked:]))
    # No data is that old. The empty response counts, so the page requests live ticks again.
    page.wait_for_selector('[data-panel="cpu"].loading')
    wait_until(page, lambda: "after=" in live.trouble.asked[-1])
    wait_for_state(page, "paused")


def test_zoom_does_not_change_window_of_link(page: Page, served: Live) -> None:
    page.goto(served.url + "?window=600")
    expect(page.locator("#window-label")).to_have_text("10 minutes")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, served.store)
    page.evaluate(
        "dashapp.page.onZoom([...dashapp.page.liveView.liveRange()].map((t, side) => t - (1 - side) * 1000))"
    )
    go(page, "ArrowLeft")
    page.go_back()
    page.keyboard.press("l")
    wait_for_state(page, "live")
    expect(page.locator("#window-label")).to_have_text("10 minutes")
    assert_drawn_equals_store(page, served.store)


def test_pause_keeps_drawn_points_through_store_reset(page: Page, serve: Serve) -> None:
    live = serve(past=200)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    go(page, "#pause")
    wait_for_state(page, "paused")
    start, _ = held(page)
    before = live.store.since(start, 1000)
    live.store.clear()
    live.feeder.backfill(3)
    asked = len(live.trouble.asked)
    wait_until(page, lambda: len(live.trouble.asked) >= asked + 3)

    def kept() -> None:
        (chart,) = [chart for chart in drawing(page) if chart["panel"] == "cpu"]
        assert chart["traces"][0]["x"][0] == to_milliseconds(before[0].time)
        assert page.evaluate("dashapp.page.liveView.series.t.length") < 20

    wait_until_passes(page, kept)
    page.click("#pause")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_pause_after_first_draw_keeps_area_below_line(page: Page, served: Live) -> None:
    page.goto(served.url)
    wait_for_state(page, "live")
    page.keyboard.press("p")
    wait_for_state(page, "paused")
    time_ms = served.store.newest().time_ms - 20_000
    wait_until(page, lambda: painted_columns(page, "cpu", [time_ms])[0] > 0)
