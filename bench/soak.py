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
LONGEST = 180.0
LEAST_DRAWS = 1000
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
            _seen(page, WARM, start)
            early, drawn = _still(page, cdp), page.evaluate("window.bench.draws")
            _seen(page, WARM + TICKS, start)
            late, draws = _still(page, cdp), page.evaluate("window.bench.draws") - drawn
    took = time.monotonic() - start
    if draws < LEAST_DRAWS:
        raise RuntimeError(f"{TICKS:,} ticks came in {draws} draws: what leaks by the draw would not show")
    note = f"{late['heap'] / 1e6:.1f} MB after {TICKS:,} ticks in {draws:,} draws of each chart, {took:.0f} s"
    return [
        Row("heap growth in 10,000 ticks", (late["heap"] - early["heap"]) / 1e6, "MB", 1.0, note),
        Row("DOM nodes added", late["nodes"] - early["nodes"], "", 50, f"of {late['nodes']:,.0f}"),
        Row(
            "event listeners added",
            late["listeners"] - early["listeners"],
            "",
            10,
            f"of {late['listeners']:,.0f}",
        ),
    ]


def _seen(page: Page, ticks: int, start: float) -> None:
    """Wait until the page has shown so many ticks."""
    while page.evaluate(SEEN) < ticks:
        if time.monotonic() - start > LONGEST:
            raise RuntimeError(f"the page did not show {ticks} ticks in {LONGEST:g} s")
        page.wait_for_timeout(200)


def _still(page: Page, cdp: CDPSession) -> dict[str, float]:
    """Return heap, nodes and listeners after garbage collection.

    The page rests meanwhile: during a draw a chart's old axis is still in memory beside its new one.
    """
    page.evaluate(INTERVAL, 60_000)
    page.wait_for_timeout(1000)
    for _ in range(3):
        cdp.send("HeapProfiler.collectGarbage")
        page.wait_for_timeout(100)
    found = metrics(cdp)
    page.evaluate(INTERVAL, HASTY_MS)
    return {name: found[key] for name, key in KEYS.items()}
