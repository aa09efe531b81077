"""The first visit with an empty cache, and the second with a warm one."""

from __future__ import annotations

from statistics import median

from playwright.sync_api import Browser, CDPSession, Page

from bench.page import Traffic, browser, metrics, opened, session, until
from bench.served import Served, fill, folder, serving
from bench.table import Row

# Records when the first chart first has points, in milliseconds since the navigation began.
WATCH = """
window.bench = {drawn: null};
(function look() {
  const gd = document.querySelector("[data-panel=cpu] .js-plotly-plot");
  if (gd && gd.data && gd.data[0] && gd.data[0].x.length) window.bench.drawn = performance.now();
  else requestAnimationFrame(look);
})();
"""
LOADS = 3
# Wait after the first point, until the last chart is drawn and the load has ended.
AFTER_MS = 400


def run() -> list[Row]:
    with folder() as store:
        fill(store, 200)
        with serving(store) as served, browser() as running:
            loads = [_visits(running, served) for _ in range(LOADS)]
    first = [load[0] for load in loads]
    second = [load[1] for load in loads]
    return [
        Row("first load, bytes", median(v["kB"] for v in first), "kB", 560),
        Row("first load, requests", median(v["requests"] for v in first), "", 14),
        Row("first load, main thread", median(v["ms"] for v in first), "ms", 500, "CPU time"),
        Row("first load, time to first drawn point", median(v["drawn"] for v in first), "ms"),
        Row("second visit, bytes", median(v["kB"] for v in second), "kB", 60),
        Row("second visit, requests", median(v["requests"] for v in second), ""),
        Row("second visit, main thread", median(v["ms"] for v in second), "ms", note="CPU time"),
        Row("second visit, time to first drawn point", median(v["drawn"] for v in second), "ms"),
    ]


def _visits(running: Browser, served: Served) -> tuple[dict[str, float], dict[str, float]]:
    with opened(running, script=WATCH) as (context, page, cdp):
        first = _visit(page, cdp, served.url)
        page.close()
        # A new page, because going to the current URL would be a reload, which requests everything again.
        again = context.new_page()
        return first, _visit(again, session(again), served.url)


def _visit(page: Page, cdp: CDPSession, url: str) -> dict[str, float]:
    traffic = Traffic(cdp)
    before = metrics(cdp)["TaskDuration"]
    page.goto(url)
    until(page, "window.bench.drawn !== null")
    page.wait_for_timeout(AFTER_MS)
    cpu_seconds = metrics(cdp)["TaskDuration"] - before
    return {
        "kB": traffic.bytes / 1000,
        "requests": float(traffic.requests),
        "ms": 1000 * cpu_seconds,
        "drawn": float(page.evaluate("window.bench.drawn")),
    }
