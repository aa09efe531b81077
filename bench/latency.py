"""Delay of a tick, from the instant when it is due until it is on the screen."""

from __future__ import annotations

from statistics import median, quantiles

from bench.page import Traffic, browser, opened, until
from bench.served import fill, folder, serving
from bench.table import Row

TICKS = 45

# Server and browser share the machine's clock. The script checks every animation frame: the first one in
# which the chart's data ends with a new point is the one that draws it.
WATCH = """
window.bench = {delays: [], skipped: 0};
(function () {
  let last = null;
  (function look() {
    requestAnimationFrame(look);
    const gd = document.querySelector("[data-panel=cpu] .js-plotly-plot");
    const x = gd && gd.data && gd.data[0] ? gd.data[0].x : [];
    const newest = x[x.length - 1];
    if (newest === undefined || newest === last) return;
    if (last !== null) {
      window.bench.delays.push(Date.now() - newest);
      window.bench.skipped += Math.max(0, Math.round((newest - last) / 1000) - 1);
    }
    last = newest;
  })();
})();
"""


def run() -> list[Row]:
    with folder() as store:
        fill(store, 200)
        with serving(store) as served, browser() as running, opened(running, script=WATCH) as (_, page, cdp):
            page.goto(served.url)
            until(page, "window.bench.delays.length >= 3")
            page.evaluate("window.bench.delays.length = 0; window.bench.skipped = 0")
            traffic = Traffic(cdp)
            page.wait_for_timeout(1000 * TICKS)
            results = page.evaluate("window.bench")
    delays = results["delays"]
    if len(delays) < 0.8 * TICKS:
        raise RuntimeError(f"{len(delays)} of {TICKS} ticks were drawn one by one: the result is not valid")
    skipped = results["skipped"]
    note = f"{len(delays)} ticks, {skipped} drawn with the next; from {min(delays)} to {max(delays)} ms"
    p95 = quantiles(delays, n=20, method="inclusive")[-1]
    return [
        Row("from sample to pixel, median", median(delays), "ms", 40, note),
        Row("from sample to pixel, p95", p95, "ms", 70),
        Row("bytes per second of the page", traffic.bytes / TICKS, "B", note="all charts"),
    ]
