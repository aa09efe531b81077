"""Ten thousand ticks in one page, faster than in three hours: does anything grow?

The real page, with a shorter Interval, polls the real API, whose ticks are fast (bench/fast_server.py).
"""

from __future__ import annotations

import time

from playwright.sync_api import CDPSession, Page

from bench.page import browser, metrics, opened, until
from bench.served import free_port, launched
from bench.table import Row

TICKS = 10_000
# By then the window is full, and every function is compiled.
WARM = 1500
TIMEOUT_S = 180.0
MIN_DRAWS = 1000
KEYS = {"heap": "JSHeapUsedSize", "nodes": "Nodes", "listeners": "JSEventListeners"}

# More than the screen's 60 frames a second, because a leak grows with the number of draws.
UNBOUND = ("--disable-frame-rate-limit", "--disable-gpu-vsync")
COUNT_DRAWS = """() => {
  window.bench = {draws: 0, first: null};
  const gd = document.querySelector("[data-panel=cpu] .js-plotly-plot");
  window.bench.first = gd.data[0].x[gd.data[0].x.length - 1];
  gd.on("plotly_afterplot", () => { window.bench.draws += 1; });
}"""
HASTY_MS = 10
INTERVAL = "(ms) => window.dash_clientside.set_props('interval', {interval: ms})"
DRAWN = "!!document.querySelector('[data-panel=cpu] .js-plotly-plot')?.data?.[0]?.x.length"
SEEN = """() => {
  const x = document.querySelector("[data-panel=cpu] .js-plotly-plot").data[0].x;
  return (x[x.length - 1] - window.bench.first) / 1000;
}"""


def run() -> list[Row]:
    port = free_port()
    with launched(["-m", "bench.fast_server", str(port)], port) as served:
        served.wait("/healthz")
        with browser(*UNBOUND) as running, opened(running) as (_, page, cdp):
            page.goto(served.url)
            until(page, DRAWN)
            page.evaluate(COUNT_DRAWS)
            page.evaluate(INTERVAL, HASTY_MS)
            start = time.monotonic()
            _wait_for_ticks(page, WARM, start)
            before, drawn = _resting_counters(page, cdp), page.evaluate("window.bench.draws")
            _wait_for_ticks(page, WARM + TICKS, start)
            after, draws = _resting_counters(page, cdp), page.evaluate("window.bench.draws") - drawn
    duration = time.monotonic() - start
    if draws < MIN_DRAWS:
        raise RuntimeError(f"{TICKS:,} ticks came in {draws} draws: too few to show a leak per draw")
    heap_mb = after["heap"] / 1e6
    note = f"{heap_mb:.1f} MB after {TICKS:,} ticks in {draws:,} draws of each chart, {duration:.0f} s"
    return [
        Row("heap growth in 10,000 ticks", (after["heap"] - before["heap"]) / 1e6, "MB", 1.0, note),
        Row("DOM nodes added", after["nodes"] - before["nodes"], "", 50, f"of {after['nodes']:,.0f}"),
        Row(
            "event listeners added",
            after["listeners"] - before["listeners"],
            "",
            10,
            f"of {after['listeners']:,.0f}",
        ),
    ]


def _wait_for_ticks(page: Page, ticks: int, start: float) -> None:
    """Wait until the page has shown so many ticks."""
    while page.evaluate(SEEN) < ticks:
        if time.monotonic() - start > TIMEOUT_S:
            raise RuntimeError(f"the page did not show {ticks} ticks in {TIMEOUT_S:g} s")
        page.wait_for_timeout(200)


def _resting_counters(page: Page, cdp: CDPSession) -> dict[str, float]:
    """Return heap, nodes and listeners after garbage collection.

    The page rests meanwhile: during a draw a chart's old axis is still in memory beside its new one.
    """
    page.evaluate(INTERVAL, 60_000)
    page.wait_for_timeout(1000)
    for _ in range(3):
        cdp.send("HeapProfiler.collectGarbage")
        page.wait_for_timeout(100)
    counters = metrics(cdp)
    page.evaluate(INTERVAL, HASTY_MS)
    return {name: counters[key] for name, key in KEYS.items()}
