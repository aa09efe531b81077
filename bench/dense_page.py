"""A heat map of 64 lines, and the search among a thousand metrics."""

from __future__ import annotations

from statistics import median
from time import time

from bench.page import browser, opened, until
from bench.served import folder, load, serving
from bench.table import Row

LINES, NAMES, TICKS, SEARCHES = 64, 936, 20, 9
# The canvas of the heat map draws in this method.
WATCH_DRAWS = """() => {
  window.draws = [];
  const chart = dashapp.page.liveView.charts.find((each) => each.panel === "lines");
  const draw = chart.draw;
  chart.draw = function (...parts) {
    const start = performance.now();
    draw.apply(this, parts);
    window.draws.push(performance.now() - start);
  };
}"""
# From the click that opens the search until the results of a letter have their places.
SEARCH = """() => {
  const start = performance.now();
  dashapp.openSearchDialog(dashapp.page);
  const input = document.querySelector("dialog[open] .search-input");
  input.value = "name-7";
  input.dispatchEvent(new Event("input", {bubbles: true}));
  const list = document.querySelector("dialog[open] .results");
  const height = list.getBoundingClientRect().height;
  const time = performance.now() - start;
  document.querySelector("dialog[open]").close();
  return [time, list.children.length, height];
}"""


def lines() -> dict[str, float]:
    """Return the values of the heat map. The collector calls this."""
    return {f"line-{number}": load(time() + number) for number in range(LINES)}


def names() -> dict[str, float]:
    """Return the other metrics. The collector calls this."""
    return {f"name-{number}": float(number) for number in range(NAMES)}


def run() -> list[Row]:
    flags = [flag for name in ("lines", "names") for flag in ("--source", f"{__name__}:{name}")]
    with (
        folder() as store,
        serving(store, *flags) as served,
        browser() as running,
        opened(running) as (_, page, _cdp),
    ):
        page.goto(served.url)
        until(page, "document.querySelector('[data-panel=lines] canvas') !== null")
        page.locator("[data-panel=lines]").scroll_into_view_if_needed()
        page.evaluate(WATCH_DRAWS)
        until(page, f"window.draws.length >= {TICKS}", timeout=3.0 * TICKS)
        searches = [page.evaluate(SEARCH) for _ in range(SEARCHES)]
        if not all(count and height for _, count, height in searches):
            raise RuntimeError(f"the search found nothing: {searches}")
        draws = page.evaluate("window.draws")
    return [
        Row(f"heat map of {LINES} lines, per tick", median(draws), "ms", 3.0),
        Row(
            f"search among {LINES + NAMES:,} metrics until first results",
            median(time_ms for time_ms, _, _ in searches),
            "ms",
            50.0,
            f"slowest {max(time_ms for time_ms, _, _ in searches):.0f} ms",
        ),
    ]
