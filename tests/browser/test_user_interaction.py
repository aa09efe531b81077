"""User actions outlast ticks: zoom, pause, window, hover, legend and keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from chart_assertions import assert_drawn_equals_store, drawing, wait_for_state, window
from faulty_server import POLL, TRANSPORTS
from kept_tab import OpenAt
from playwright.sync_api import Locator, Page, expect
from served_page import Live, Serve
from tab import Tab
from waiting import stays, still_box, wait_until, wait_until_passes

CPU_PANEL = '[data-panel="cpu"]'
CPU = f"{CPU_PANEL} .nsewdrag"
CORES = '[data-panel="cores"]'
CHARTS = "dashapp.page.liveView.charts"
# Whether Dash's drawing of the CPU chart is complete, and whether both charts have drawn everything.
DRAWN_UP = f"{CHARTS}.find((chart) => chart.section.matches('{CPU_PANEL}')).drawingSince === null"
SETTLED = f"{CHARTS}.every((each) => !each.onScreen || (!each.dirty && each.drawingSince === null))"


@pytest.fixture(scope="module")
def servers(serve_all: Serve) -> dict[str, Live]:
    return {each: serve_all(past=200, interval=0.5, transport=each) for each in TRANSPORTS}


@pytest.fixture
def transport() -> str:
    return POLL


@pytest.fixture
def live(open_at: OpenAt, servers: dict[str, Live], tab: Tab, transport: str) -> Iterator[Live]:
    served = servers[transport]
    open_at(served.url, lambda page: assert_drawn_equals_store(page, served.store))
    yield served
    served.trouble.calm()
    assert tab.most_flights == 1


def drag(page: Page, plot: Locator, start: float, end: float) -> None:
    """Drag with the left button from one share of the plot's width to another."""
    box = still_box(page, plot)
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], height)
    page.mouse.down()
    for part in range(1, 9):
        page.mouse.move(box["x"] + (start + (end - start) * part / 8) * box["width"], height)
    page.mouse.up()


def more(live: Live, count: int) -> Callable[[], bool]:
    """Return a check that the store has `count` more ticks and the page could request them."""
    target = live.store.newest().time_ms + 1000 * live.feeder.step * count
    asked = len(live.trouble.asked) + count
    return lambda: live.store.newest().time_ms >= target and len(live.trouble.asked) >= asked


def more_ticks(page: Page, live: Live, count: int) -> None:
    wait_until(page, more(live, count))


def ranges(page: Page) -> list[list[float]]:
    return [chart["range"] for chart in drawing(page)]


def aligned(page: Page, but: list[float] | None = None) -> list[float] | None:
    """Return the range of both charts once they have settled at one that is not `but`."""
    if not settled(page):
        return None
    cpu, cores = ranges(page)
    return cpu if cpu == cores != but else None


def settled(page: Page) -> bool:
    return bool(page.evaluate(SETTLED))


def assert_points_of_range(page: Page, live: Live) -> None:
    def are_drawn() -> None:
        for chart in drawing(page):
            start, end = chart["range"]
            for trace in chart["traces"]:
                drawn = [t for t in trace["x"] if start <= t <= end]
                ticks = (round(tick.time * 1000) for tick in live.store.since(start / 1000 - 1, 100_000))
                assert drawn == [t for t in ticks if start <= t <= end]

    wait_until_passes(page, are_drawn)


def test_mouse_zoom_is_kept_until_double_click(page: Page, live: Live) -> None:
    plot = page.locator(CPU)
    drag(page, plot, 0.4, 0.7)
    wait_for_state(page, "paused")
    kept = wait_until(page, lambda: aligned(page))
    assert kept[1] - kept[0] == pytest.approx(30_000, rel=0.1)
    stays(lambda: ranges(page) == [kept, kept], until=more(live, 5), page=page)
    assert_points_of_range(page, live)
    drag(page, page.locator(f"{CORES} .nsewdrag"), 0.2, 0.8)
    closer = wait_until(page, lambda: aligned(page, but=kept))
    assert closer[1] - closer[0] == pytest.approx(18_000, rel=0.1)
    stays(lambda: ranges(page) == [closer, closer], until=more(live, 3), page=page)
    # A double click undoes one zoom after the other.
    plot.dblclick()
    assert wait_until(page, lambda: aligned(page, but=closer)) == pytest.approx(kept, abs=2)
    plot.dblclick()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    more_ticks(page, live, 3)
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_slow_drag_zooms_to_range_under_mouse(page: Page, live: Live) -> None:
    box = still_box(page, CPU)
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.3 * box["width"], height)
    page.mouse.down()
    # Dash finishes the drawing that it began; nothing follows while the mouse is down.
    wait_until(page, lambda: page.evaluate(DRAWN_UP))
    before = ranges(page)[0]
    page.mouse.move(box["x"] + 0.4 * box["width"], height)
    more_ticks(page, live, 4)
    page.mouse.move(box["x"] + 0.6 * box["width"], height)
    assert ranges(page)[0] == before
    page.mouse.up()
    wait_for_state(page, "paused")
    start, end = wait_until(page, lambda: aligned(page))
    assert start - before[0] == pytest.approx(30_000, abs=500)
    assert end - before[0] == pytest.approx(60_000, abs=500)
    assert_points_of_range(page, live)


def test_pause_button_pauses_and_resumes(page: Page, live: Live) -> None:
    page.click("#pause")
    wait_for_state(page, "paused")
    expect(page.locator("#pause")).to_have_text("Back to live")
    wait_until(page, lambda: settled(page))
    kept = drawing(page)
    stays(lambda: drawing(page) == kept, until=more(live, 4), page=page)
    page.click("#pause")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_pause_keys_pause_and_resume_from_any_focus(page: Page, live: Live) -> None:
    for key, focus in (("Space", ""), ("p", ""), ("p", "#pause"), ("p", "#window [role=slider]")):
        if focus:
            page.focus(focus)
        page.keyboard.press(key)
        wait_for_state(page, "paused")
        page.keyboard.press(key)
        wait_for_state(page, "live")
        assert_drawn_equals_store(page, live.store)


def test_window_change_in_the_past_keeps_end(page: Page, live: Live) -> None:
    drag(page, page.locator(CPU), 0.3, 0.5)
    wait_for_state(page, "paused")
    start, end = wait_until(page, lambda: aligned(page))
    assert end - start == pytest.approx(20_000, rel=0.1)
    page.focus("#window [role=slider]")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    wait_until(page, lambda: aligned(page, but=[start, end]) == pytest.approx([end - 10_000, end], abs=2))
    for key, seconds in (("-", 15), ("-", 20), ("+", 15)):
        page.keyboard.press(key)
        wait_until(page, lambda s=seconds: aligned(page) == pytest.approx([end - 1000 * s, end], abs=2))
    wait_for_state(page, "paused")
    expect(page.locator("#window-label")).to_have_text("15 seconds")
    wait_until(page, lambda: window(page) == 15)
    page.click("#pause")
    wait_for_state(page, "live")
    expect(page.locator("#window-label")).to_have_text("15 seconds")
    assert_drawn_equals_store(page, live.store)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_slider_drag_ends_at_last_value(page: Page, live: Live) -> None:
    track = page.locator("#window [role=slider]").locator("xpath=ancestor::*[contains(@class,'root')][1]")
    box, thumb = track.bounding_box(), page.locator("#window [role=slider]").bounding_box()
    assert box
    assert thumb
    live.trouble.latency = 0.8
    height = thumb["y"] + thumb["height"] / 2
    page.mouse.move(thumb["x"] + thumb["width"] / 2, height)
    page.mouse.down()
    for change in range(30):
        share = (change * 37 % 100) / 100
        asked = page.evaluate("flights.at.length")
        page.mouse.move(box["x"] + share * box["width"], height)
        # Now and then the slider rests long enough for a request, which the next change then cancels.
        if change % 5 == 0:
            wait_until(page, lambda asked=asked: page.evaluate("flights.at.length") > asked)
    page.mouse.move(box["x"] + 0.45 * box["width"], height)
    page.mouse.up()
    wait_until(page, lambda: 60 <= window(page) <= 300)
    assert_drawn_equals_store(page, live.store)
    words = {60: "1 minute", 100: "100 seconds", 180: "3 minutes", 300: "5 minutes"}
    wait_until(page, lambda: page.inner_text("#window-label") == words[int(window(page))])


def test_slider_changes_window_by_keyboard(page: Page, live: Live) -> None:
    page.focus("#window [role=slider]")
    for key, words in (
        ("Home", "10 seconds"),
        ("ArrowRight", "15 seconds"),
        ("End", "2 hours"),
        ("ArrowLeft", "1 hour"),
    ):
        page.keyboard.press(key)
        expect(page.locator("#window-label")).to_have_text(words)
        expect(page.locator("#window [role=slider]")).to_have_attribute("aria-valuetext", words)
        assert_drawn_equals_store(page, live.store)


def test_hover_label_survives_updates(page: Page, live: Live) -> None:
    box = still_box(page, CPU)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + box["height"] / 2)
    label = page.locator(f"{CPU_PANEL} .tooltip")
    label.wait_for()
    first = label.inner_text()
    # The reading does not change while the mouse is at rest.
    stays(lambda: label.inner_text() == first, until=more(live, 4), page=page)
    assert_drawn_equals_store(page, live.store)
    expect(label).to_contain_text(page.inner_text(f"{CPU_PANEL} h2 .value"))


def test_legend_choice_survives_updates(page: Page, live: Live) -> None:
    page.locator(f"{CORES} .legend-line").nth(1).click()
    hidden = f"""() => document.querySelector('{CORES} .js-plotly-plot')._fullData.map(t => t.visible)"""
    wait_until(page, lambda: page.evaluate(hidden) == [True, "legendonly", True, True])
    stays(lambda: page.evaluate(hidden) == [True, "legendonly", True, True], until=more(live, 4), page=page)
    assert_drawn_equals_store(page, live.store)
    page.locator(f"{CORES} .legend-line").nth(1).click()
    wait_until(page, lambda: page.evaluate(hidden) == [True] * 4)
    assert_drawn_equals_store(page, live.store)
