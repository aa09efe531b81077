"""Heat maps: panels with many lines, one row for each."""

from __future__ import annotations

import re

import pytest
from chart_assertions import wait_for_state
from painted import painted_columns
from playwright.sync_api import Locator, Page, expect
from served_page import Live, Serve
from waiting import still_box, wait_until, wait_until_passes

from dashapp.model.ticks import Metric, Tick

LINES = 64
COUNT = 60
GAP = range(20, 40)  # seconds without a tick
HOT = 5  # the row with the highest values
METRICS = [Metric(f"many.m{number:02}", f"Line {number}", "%", "many", 0, 100) for number in range(LINES)]
CANVAS = "canvas[data-heatmap]"
ALPHA = """([row, rows]) => {
    const canvas = document.querySelector("canvas[data-heatmap]");
    const { l, t, w, h } = dashapp.page.liveView.charts.find((each) => each.panel === "many").plotSize;
    const scale = canvas.width / canvas.clientWidth;
    const context = canvas.getContext("2d");
    return context.getImageData((l + w - 3) * scale, (t + ((row + 0.5) * h) / rows) * scale, 1, 1).data[3];
}"""


@pytest.fixture
def page(page: Page) -> Page:
    page.set_viewport_size({"width": 1000, "height": 900})
    return page


@pytest.fixture(scope="module")
def live(serve_all: Serve) -> Live:
    live = serve_all(feeding=False, past=1, age=COUNT + 5)
    live.store.describe(METRICS)
    start = live.feeder.newest
    for second in range(1, COUNT):
        if second not in GAP:
            values = {
                each.key: 90.0 if row == HOT else 10.0 + second / 10 for row, each in enumerate(METRICS)
            }
            live.store.append(Tick(start + second, 1.0, values))
    return live


def opened(page: Page, live: Live) -> Locator:
    page.goto(f"{live.url}?window={COUNT - 2}&end={live.store.newest().time_ms}&panels=many")
    wait_for_state(page, "paused")
    canvas = page.locator(CANVAS)
    canvas.wait_for()
    return canvas


def test_built_chart_of_many_lines_is_a_heat_map(page: Page, live: Live) -> None:
    keys = ",".join(each.key for each in METRICS[:13])
    page.goto(f"{live.url}?window={COUNT - 2}&end={live.store.newest().time_ms}&chart={keys}")
    canvas = page.locator(f"[data-built] {CANVAS}")
    expect(canvas).to_have_attribute("aria-label", re.compile("heat map of 13 lines, Line 0 to Line 12"))


def test_heat_map_shows_each_line_and_gaps(page: Page, live: Live) -> None:
    canvas = opened(page, live)
    newest = live.store.newest().time_ms
    in_gap, in_points = newest - 1000 * (COUNT - 1 - 30), newest - 5000

    def is_painted() -> None:
        # Below the plot are the labels of the time axis.
        gap, points = painted_columns(page, "many", [in_gap, in_points], CANVAS)
        assert points > gap + 0.5
        low, hot = page.evaluate(ALPHA, [HOT + 1, LINES]), page.evaluate(ALPHA, [HOT, LINES])
        assert 20 < low < 80 < 200 < hot

    wait_until_passes(page, is_painted)
    expect(canvas).to_have_attribute(
        "aria-label", re.compile("^Many: heat map of 64 lines, Line 0 to Line 63")
    )
    expect(page.locator("[data-panel=many] .heat-map-foot")).to_have_text(re.compile("0\\W%100\\W%$"))
    # Its legend has the five highest lines.
    rows = page.locator("[data-panel=many] [data-line]")
    expect(rows).to_have_count(5)
    expect(rows.first).to_have_attribute("data-line", METRICS[HOT].key)
    page.locator("[data-panel=many] .legend-more").filter(has_text="59 more").wait_for()
    # A hidden line leaves the map.
    rows.first.click()
    expect(canvas).to_have_attribute("aria-label", re.compile("heat map of 63 lines"))
    wait_until(page, lambda: page.evaluate(ALPHA, [HOT, LINES - 1]) < 80)


def test_heat_map_is_read_with_mouse_and_keys(page: Page, live: Live) -> None:
    canvas = opened(page, live)
    wait_until(page, lambda: page.evaluate(ALPHA, [HOT, LINES]) > 200)
    box = canvas.bounding_box()
    size = page.evaluate("dashapp.page.liveView.charts.find((each) => each.panel === 'many').plotSize")
    assert box
    y = box["y"] + size["t"] + (HOT + 0.5) * size["h"] / LINES
    page.mouse.move(box["x"] + 0.8 * box["width"], y)
    page.mouse.move(box["x"] + 0.8 * box["width"] + 2, y)
    first = page.locator("[data-panel=many] .tooltip-lines > div").first
    expect(first).to_have_text(re.compile(rf"^Line {HOT}90\.0\W%$"))
    expect(page.locator("[data-panel=many] .cross")).to_be_visible()
    page.mouse.move(2, 2)
    canvas.focus()
    reading = page.locator("[data-panel=many] .heat-map-reading")
    expect(reading).to_have_text(re.compile(r"^Line 0: 15\.9\W%, "))
    page.keyboard.press("ArrowDown")
    expect(reading).to_have_text(re.compile(r"^Line 1: "))
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    expect(reading).to_have_text(re.compile(r"^Line 1: 15\.8\W%, "))


def test_heat_map_zooms_by_dragging(page: Page, live: Live) -> None:
    canvas = opened(page, live)
    box = still_box(page, canvas)
    before = page.evaluate("dashapp.page.liveView.pausedRange")
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 60)
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 60)
    page.mouse.up()
    shown = wait_until(page, lambda: page.evaluate("dashapp.page.liveView.pausedRange") != before)
    start, end = page.evaluate("dashapp.page.liveView.pausedRange")
    assert shown
    assert end - start == pytest.approx(0.2 * (before[1] - before[0]), rel=0.15)
    canvas.dblclick(position={"x": 200, "y": 60})
    wait_until(
        page, lambda: page.evaluate("dashapp.page.liveView.pausedRange") == pytest.approx(before, abs=2)
    )
