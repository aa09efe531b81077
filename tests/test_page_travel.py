"""Travel in time: by button, key, dragging and address, and back to what is live with nothing missing."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Live, Serve
from drawing import assert_drawn_equals_store, drawing, wait_for_state, wait_until
from playwright.sync_api import Page

from dashapp.model import milliseconds


@pytest.fixture
def live(page: Page, serve: Serve) -> Live:
    live = serve(past=1500)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    return live


def shows(page: Page, live: Live, start: float, end: float) -> bool:
    """Whether the CPU panel shows exactly the store's ticks of that range (seconds), over that range."""
    (chart,) = [chart for chart in drawing(page) if chart["panel"] == "cpu"]
    if any(abs(a - 1000 * b) > 2 for a, b in zip(chart["range"], (start, end), strict=True)):
        return False
    (trace,) = chart["traces"]
    inside = [(x, y) for x, y in zip(trace["x"], trace["y"], strict=True) if 1000 * start < x <= 1000 * end]
    expected = [
        (milliseconds(tick.time), tick.values["cpu.percent"])
        for tick in live.store.since(start, 100_000)
        if tick.time <= end
    ]
    return bool(expected) and inside == expected


def address(page: Page) -> dict[str, Any]:
    got: dict[str, Any] = page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
    return got


def held(page: Page) -> tuple[float, float]:
    said = address(page)
    end = float(said["end"]) / 1000
    return end - float(said["window"]), end


@pytest.mark.parametrize("way", ["button", "key"])
def test_earlier_and_later_move_by_most_of_a_screen(page: Page, live: Live, way: str) -> None:
    for _ in range(3):
        page.click("#earlier") if way == "button" else page.keyboard.press("ArrowLeft")
    wait_for_state(page, "paused")
    start, end = held(page)
    assert end < live.feeder.newest - 200
    wait_until(page, lambda: shows(page, live, start, end))
    page.click("#later") if way == "button" else page.keyboard.press("ArrowRight")
    wait_until(page, lambda: held(page)[1] == pytest.approx(end + 75, abs=0.01))
    wait_until(page, lambda: shows(page, live, *held(page)))
    for _ in range(6):
        page.click("#later")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    assert "end" not in address(page)


def test_a_link_shows_another_viewer_the_same(page: Page, live: Live) -> None:
    page.click("#earlier")
    page.click("#earlier")
    start, end = held(page)
    wait_until(page, lambda: shows(page, live, start, end))
    other = page.context.new_page()
    other.goto(page.url)
    wait_for_state(other, "paused")
    wait_until(other, lambda: shows(other, live, start, end))
    other.keyboard.press("Escape")
    wait_for_state(other, "live")
    assert_drawn_equals_store(other, live.store)


def test_back_and_forward_lead_through_time(page: Page, live: Live) -> None:
    page.click("#earlier")
    first = held(page)
    page.click("#earlier")
    second = held(page)
    page.go_back()
    wait_until(page, lambda: shows(page, live, *first))
    page.go_back()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    page.go_forward()
    page.go_forward()
    wait_until(page, lambda: shows(page, live, *second))


@pytest.mark.parametrize("query", ["?window=abc&end=zzz", "?window=-5", "?end=-1", "?window=1e999", "?x=<b>"])
def test_a_link_that_means_nothing_shows_what_is_live(page: Page, live: Live, query: str) -> None:
    page.goto(live.url + query)
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_a_link_with_a_window_opens_it(page: Page, live: Live) -> None:
    page.goto(live.url + "?window=600")
    wait_until(page, lambda: page.inner_text("#window-label") == "10 minutes")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_a_stretch_before_anything_was_recorded_says_so(page: Page, live: Live) -> None:
    page.goto(f"{live.url}?window=100&end={milliseconds(live.feeder.newest - 5000)}")
    wait_for_state(page, "paused")
    page.wait_for_selector('[data-panel="cpu"].loading')
    page.keyboard.press("l")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_never_more_than_one_question_at_a_time(page: Page, live: Live) -> None:
    live.trouble.latency = 0.3
    for key in ("ArrowLeft", "ArrowLeft", "ArrowRight", "l", "ArrowLeft", "p", "ArrowLeft", "l"):
        page.keyboard.press(key)
        page.wait_for_timeout(120)
    live.trouble.latency = 0
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    assert live.trouble.most_in_flight == 1
