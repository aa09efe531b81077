"""Delay of the names of processes: from a click on a chart until the list shows them."""

from __future__ import annotations

import time
from statistics import median

from bench.page import browser, opened, until
from bench.served import fill, folder, serving
from bench.table import Row

CLICKS = 12
# Top processes have a record every ten seconds.
RECORDED_S = 45

WATCH = """
window.bench = [];
(function () {
  let start = 0;
  addEventListener("mouseup", () => { start = performance.now(); }, true);
  (function look() {
    requestAnimationFrame(look);
    if (!start || !document.querySelector(".top-list .cpu th")) return;
    window.bench.push(performance.now() - start);
    start = 0;
  })();
})();
"""
POSITION = """seconds => {
    const gd = document.querySelector('[data-panel="cpu"] .js-plotly-plot');
    const { l, t, w, h } = gd._fullLayout._size;
    const [start, end] = gd.layout.xaxis.range;
    const { left, top } = gd.getBoundingClientRect();
    return [left + l + w * (1 - 1000 * seconds / (end - start)), top + t + h / 2];
}"""
POINTS = "document.querySelector('[data-panel=cpu] .js-plotly-plot')?.data?.[0]?.x?.length > 60"


def run() -> list[Row]:
    with folder() as store:
        fill(store, 200)
        with serving(store) as served, browser() as running, opened(running, script=WATCH) as (_, page, _cdp):
            time.sleep(RECORDED_S)
            page.goto(served.url)
            until(page, POINTS)
            until(page, "!document.querySelector('#page.starting')")
            for number in range(CLICKS):
                # Each click is at another record, or another second of it.
                page.mouse.click(*page.evaluate(POSITION, 14 + 2 * number))
                until(page, f"window.bench.length > {number}")
                page.keyboard.press("Escape")
                until(page, "!document.querySelector('.top-list')")
                page.wait_for_timeout(500)
            delays = page.evaluate("window.bench")
    note = f"{CLICKS} clicks; slowest {max(delays):.0f} ms"
    return [Row("from click to names of processes, median", median(delays), "ms", 300, note)]
