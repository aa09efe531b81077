"""What a person does to the page outlives the ticks: zoom, pause, window, hover, legend, keys."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from conftest import Live, Serve
from drawing import assert_drawn_equals_store, drawing, wait_for_state, window
from playwright.sync_api import Locator, Page
from waiting import wait_until

CPU = '[data-panel="cpu"] .nsewdrag'
CORES = '[data-panel="cores"]'


@pytest.fixture
def live(page: Page, serve: Serve) -> Iterator[Live]:
    live = serve(past=200, interval=0.5)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    yield live
    assert page.evaluate("window.flights.most") == 1


def drag(page: Page, plot: Locator, start: float, end: float) -> None:
    """With the left button, from one share of the plot's width to another."""
    box = plot.bounding_box()
    assert box
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], height)
    page.mouse.down()
    for part in range(1, 9):
        page.mouse.move(box["x"] + (start + (end - start) * part / 8) * box["width"], height)
    page.mouse.up()


def more_ticks(page: Page, live: Live, count: int) -> None:
    """Wait until the store has `count` more, and the page could have them too."""
    target = live.store.newest().time_ms + 1000 * live.feeder.step * count
    asked = len(live.trouble.asked) + count
    wait_until(page, lambda: live.store.newest().time_ms >= target and len(live.trouble.asked) >= asked)


def ranges(page: Page) -> list[list[float]]:
    return [chart["range"] for chart in drawing(page)]


def assert_points_of_range(page: Page, live: Live) -> None:
    for chart in drawing(page):
        start, end = chart["range"]
        for trace in chart["traces"]:
            drawn = [t for t in trace["x"] if start <= t <= end]
            ticks = (round(tick.time * 1000) for tick in live.store.since(start / 1000 - 1, 100_000))
            assert drawn == [t for t in ticks if start <= t <= end]


def test_zoom_by_mouse_is_kept_until_a_double_click(page: Page, live: Live) -> None:
    plot = page.locator(CPU)
    drag(page, plot, 0.4, 0.7)
    wait_for_state(page, "paused")
    wait_until(page, lambda: ranges(page)[0] == ranges(page)[1])
    kept = ranges(page)
    assert kept[0][1] - kept[0][0] == pytest.approx(30_000, rel=0.1)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        page.wait_for_timeout(100)
        assert ranges(page) == kept
    assert_points_of_range(page, live)
    drag(page, page.locator(f"{CORES} .nsewdrag"), 0.2, 0.8)
    wait_until(page, lambda: ranges(page)[0] == ranges(page)[1] != kept[0])
    more_ticks(page, live, 3)
    kept = ranges(page)
    assert kept[0][1] - kept[0][0] == pytest.approx(18_000, rel=0.1)
    plot.dblclick()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    more_ticks(page, live, 3)
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_a_slow_drag_zooms_to_what_was_under_the_mouse(page: Page, live: Live) -> None:
    box = page.locator(CPU).bounding_box()
    assert box
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.3 * box["width"], height)
    page.mouse.down()
    before = ranges(page)[0]
    page.mouse.move(box["x"] + 0.4 * box["width"], height)
    more_ticks(page, live, 4)
    page.mouse.move(box["x"] + 0.6 * box["width"], height)
    assert ranges(page)[0] == before
    page.mouse.up()
    wait_for_state(page, "paused")
    wait_until(page, lambda: ranges(page)[0] == ranges(page)[1])
    start, end = ranges(page)[0]
    assert start - before[0] == pytest.approx(30_000, abs=500)
    assert end - before[0] == pytest.approx(60_000, abs=500)
    assert_points_of_range(page, live)


def test_pause_button_holds_and_resumes(page: Page, live: Live) -> None:
    page.click("#pause")
    wait_for_state(page, "paused")
    assert page.inner_text("#pause") == "Back to live"
    kept = drawing(page)
    more_ticks(page, live, 4)
    assert drawing(page) == kept
    page.click("#pause")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


@pytest.mark.parametrize("key", ["Space", "p"])
def test_pause_key_holds_and_resumes(page: Page, live: Live, key: str) -> None:
    page.keyboard.press(key)
    wait_for_state(page, "paused")
    page.keyboard.press(key)
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_p_works_wherever_the_focus_is(page: Page, live: Live) -> None:
    for control in ("#pause", "#window [role=slider]"):
        page.focus(control)
        page.keyboard.press("p")
        wait_for_state(page, "paused")
        page.keyboard.press("p")
        wait_for_state(page, "live")


def test_a_window_chosen_while_zoomed_follows_again(page: Page, live: Live) -> None:
    drag(page, page.locator(CPU), 0.3, 0.5)
    wait_for_state(page, "paused")
    page.focus("#window [role=slider]")
    page.keyboard.press("ArrowLeft")
    wait_for_state(page, "live")
    assert window(page) == 60
    assert_drawn_equals_store(page, live.store)


def test_a_wildly_dragged_slider_ends_at_its_last_value(page: Page, live: Live) -> None:
    track = page.locator("#window [role=slider]").locator("xpath=ancestor::*[contains(@class,'root')][1]")
    box, thumb = track.bounding_box(), page.locator("#window [role=slider]").bounding_box()
    assert box
    assert thumb
    live.trouble.latency = 0.8
    height = thumb["y"] + thumb["height"] / 2
    page.mouse.move(thumb["x"] + thumb["width"] / 2, height)
    page.mouse.down()
    for change in range(50):
        share = (change * 37 % 100) / 100
        page.mouse.move(box["x"] + share * box["width"], height)
        # Now and then it rests long enough for a question, which the next change then takes back.
        page.wait_for_timeout(40 if change % 5 else 200)
    page.mouse.move(box["x"] + 0.45 * box["width"], height)
    page.mouse.up()
    wait_until(page, lambda: 60 <= window(page) <= 300)
    assert_drawn_equals_store(page, live.store)
    seconds = window(page)
    words = {60: "1 minute", 100: "100 seconds", 180: "3 minutes", 300: "5 minutes"}
    assert page.inner_text("#window-label") == words[int(seconds)]
    assert live.trouble.most_in_flight == 1


def test_slider_by_keyboard(page: Page, live: Live) -> None:
    page.focus("#window [role=slider]")
    for key, words in (
        ("Home", "10 seconds"),
        ("ArrowRight", "15 seconds"),
        ("End", "2 hours"),
        ("ArrowLeft", "1 hour"),
    ):
        page.keyboard.press(key)
        wait_until(page, lambda w=words: page.inner_text("#window-label") == w)
        assert page.get_attribute("#window [role=slider]", "aria-valuetext") == words
        assert_drawn_equals_store(page, live.store)


def test_hover_label_survives_updates(page: Page, live: Live) -> None:
    box = page.locator(CPU).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + box["height"] / 2)
    label = page.locator('[data-panel="cpu"] .hoverlayer text.legendtext')
    label.first.wait_for()
    for _ in range(6):
        more_ticks(page, live, 1)
        page.wait_for_timeout(100)
        assert label.first.is_visible()
        assert "%" in label.first.inner_html()
    assert_drawn_equals_store(page, live.store)


def test_legend_choice_survives_updates(page: Page, live: Live) -> None:
    page.locator(f"{CORES} .legendtoggle").nth(1).click()
    hidden = f"""() => document.querySelector('{CORES} .js-plotly-plot')._fullData.map(t => t.visible)"""
    wait_until(page, lambda: page.evaluate(hidden) == [True, "legendonly", True, True])
    for _ in range(4):
        more_ticks(page, live, 1)
        assert page.evaluate(hidden) == [True, "legendonly", True, True]
    assert_drawn_equals_store(page, live.store)
    page.locator(f"{CORES} .legendtoggle").nth(1).click()
    wait_until(page, lambda: page.evaluate(hidden) == [True] * 4)
    assert_drawn_equals_store(page, live.store)
