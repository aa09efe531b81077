"""Cost of a tick for the page's main thread, by the points on screen, with one chart shown."""

from __future__ import annotations

from playwright.sync_api import CDPSession, Page

from bench.page import BY_ITSELF, browser, metrics, opened, until
from bench.served import fill, folder, serving
from bench.table import Row
from dashapp.query.frames import MAX_POINTS

TICKS = 24
# The page asks for at most so many if each stands for several ticks (assets/data/subscription.js).
LONG_WINDOW_POINTS = 400
# Points on screen, and the maximum milliseconds of a tick.
WINDOWS: dict[int, float | None] = {100: 25.0, 600: 35.0, 3600: None}

LONG_TASKS = """
window.bench = {long: [], draws: 0};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.bench.long.push(entry.duration);
}).observe({type: "longtask"});
"""
COUNT_DRAWS = """() => {
  const gd = document.querySelector("[data-panel=cpu] .js-plotly-plot");
  gd.on("plotly_afterplot", () => { window.bench.draws += 1; });
}"""
SET_WINDOW = """(seconds) => {
  const stops = document.getElementById("page").dataset.stops.split(",").map(Number);
  window.dash_clientside.set_props("window", {value: stops.indexOf(seconds)});
}"""
POINTS = """() => {
  const gd = document.querySelector("[data-panel=cpu] .js-plotly-plot");
  return gd && gd.data && gd.data[0] ? gd.data[0].x.length : 0;
}"""


def run() -> list[Row]:
    rows: list[Row] = []
    with folder() as store:
        fill(store, max(WINDOWS) + 60)
        with (
            serving(store) as served,
            browser() as running,
            opened(running, script=LONG_TASKS) as (_, page, cdp),
        ):
            page.goto(served.url)
            page.add_style_tag(content=BY_ITSELF)
            until(page, f"({POINTS})() > 90")
            page.evaluate(COUNT_DRAWS)
            for seconds, target in WINDOWS.items():
                page.evaluate(SET_WINDOW, seconds)
                points = seconds if seconds <= MAX_POINTS else LONG_WINDOW_POINTS
                until(page, f"({POINTS})() > {0.9 * points}")
                # Wait for the steady state: a change of window starts a redraw and compilation.
                page.wait_for_timeout(4000)
                rows += _steady(page, cdp, seconds, target)
    return rows


def _steady(page: Page, cdp: CDPSession, seconds: int, target: float | None) -> list[Row]:
    page.evaluate("Object.assign(window.bench, {long: [], draws: 0})")
    before = metrics(cdp)["TaskDuration"]
    page.wait_for_timeout(1000 * TICKS)
    milliseconds = 1000 * (metrics(cdp)["TaskDuration"] - before)
    results = page.evaluate("window.bench")
    points = int(page.evaluate(POINTS))
    long = results["long"]
    longest = f"the longest {max(long):.0f} ms" if long else ""
    what = f"main thread per tick, 1 chart of {points:,} points, {seconds:,} s"
    return [
        Row(what, milliseconds / TICKS, "ms", target, f"{results['draws'] / TICKS:.2f} draws per tick"),
        Row(f"long tasks over 50 ms in {TICKS} ticks, {seconds:,} s", len(long), "", 0, longest),
    ]
