"""The default page: cost per second of its main thread, its height, and jumps in time.

The page shows every metric of this machine, as a user starts it.
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import CDPSession, Page

from bench.main_thread import LONG_TASKS
from bench.page import browser, metrics, opened, until
from bench.served import fill, folder, serving
from bench.table import Row

SECONDS = 20
PANELS = 4
SCREEN: Any = {"width": 1280, "height": 900}
ONE = "document.querySelectorAll('main .panel:not([data-panel=cpu])').forEach((s) => { s.hidden = true; })"
AWAY = """() => {
  document.querySelector("main").style.marginTop = "5000px";
  document.getElementById("tiles").style.marginTop = "3000px";
}"""
ON_SCREEN = """() => (window.dashapp?.page?.liveView.charts ?? [])
  .filter((chart) => chart.onScreen && chart.gd && !chart.section.hidden).length"""
JUMPS = ("window=100", "window=3600", "window=86400", "window=900&end={hour_ago}", "window=100")
JUMP = """(query) => new Promise((drawn) => {
  const { liveView } = dashapp.page;
  const began = performance.now();
  history.pushState(null, "", "?" + query);
  dispatchEvent(new PopStateEvent("popstate"));
  const look = () => {
    const wanted = liveView.pausedRange ?? liveView.liveRange();
    const there = liveView.subscription.cursor !== null &&
      liveView.subscription.pastRange === null && liveView.subscription.inFlight === null &&
      liveView.charts.filter((c) => c.onScreen && c.gd).every((c) => !c.dirty && c.drawingSince === null &&
        c.range().every((end, side) => Math.abs(end - wanted[side]) < 3000));
    if (there) drawn(performance.now() - began);
    else if (performance.now() - began > 10000) drawn(NaN);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""


def run() -> list[Row]:
    with folder() as store:
        fill(store, 7200)
        with (
            serving(store) as served,
            browser() as running,
            opened(running, script=LONG_TASKS) as (_, page, cdp),
        ):
            page.set_viewport_size(SCREEN)
            page.goto(served.url)
            until(page, f"({ON_SCREEN})() >= {PANELS}")
            rows = _steady(page, cdp)
            page.reload()
            until(page, f"({ON_SCREEN})() >= {PANELS}")
            return rows + _jumps(page)


def _steady(page: Page, cdp: CDPSession) -> list[Row]:
    # All panels are on screen by now, but have a full window of points only a while later.
    page.wait_for_timeout(8000)
    count = page.evaluate(ON_SCREEN)
    page.evaluate("window.bench.long = []")
    screens = page.evaluate("document.documentElement.scrollHeight / innerHeight")
    rows = [
        Row("height of the page, in screens of 1280 x 900 pixels", screens, "", 3.0),
        Row(f"main thread per second, {count} panels on screen", _main_thread_ms(page, cdp), "ms", 120.0),
    ]
    long = page.evaluate("window.bench.long")
    longest = f"the longest {max(long):.0f} ms" if long else ""
    rows.append(Row(f"long tasks over 50 ms in {SECONDS} s, {count} panels", len(long), "", 0, longest))
    page.evaluate(ONE)
    page.wait_for_timeout(3000)
    rows.append(Row("main thread per second, one panel on screen", _main_thread_ms(page, cdp), "ms", 22.0))
    page.evaluate(AWAY)
    page.wait_for_timeout(3000)
    rows.append(Row("main thread per second, scrolled out of view", _main_thread_ms(page, cdp), "ms", 5.0))
    return rows


def _main_thread_ms(page: Page, cdp: CDPSession) -> float:
    # The garbage of the state before does not count.
    cdp.send("HeapProfiler.collectGarbage")
    before = metrics(cdp)["TaskDuration"]
    page.wait_for_timeout(1000 * SECONDS)
    return 1000 * (metrics(cdp)["TaskDuration"] - before) / SECONDS


def _jumps(page: Page) -> list[Row]:
    page.wait_for_timeout(4000)
    hour_ago = page.evaluate("dashapp.page.liveView.series.lastTime") - 3_600_000
    durations = []
    for query in JUMPS:
        durations.append(page.evaluate(JUMP, query.format(hour_ago=hour_ago)))
        page.wait_for_timeout(1000)
    return [Row("slowest change of time or window, until drawn", max(durations), "ms", 400.0)]
