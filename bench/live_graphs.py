"""Cost per second of six LiveGraphs in another app: requests, and the page's main thread."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import CDPSession, Page

from bench.host_app import METRICS
from bench.page import Traffic, browser, metrics, opened, session, until
from bench.served import fill, folder, free_port, launched
from bench.table import Row

SECONDS = 20
SIX: Any = {"width": 1280, "height": 1200}
# Seconds on screen of each graph: all equal, and all different.
SAME = (100,) * len(METRICS)
MIXED = (30, 60, 100, 180, 300, 600)
DRAWN = """() => [...(window.dashapp?.liveGraphs?.byId.values() ?? [])]
  .filter(({ liveView }) => liveView.charts[0].onScreen && liveView.charts[0].gd).length"""


def run() -> list[Row]:
    with folder() as store:
        fill(store, 700)
        return _measure(store, SAME, "one window") + _measure(store, MIXED, "six windows")


def _measure(store: Any, windows: tuple[int, ...], label: str) -> list[Row]:
    port = free_port()
    argv = ["-m", "bench.host_app", str(store), str(port), *map(str, windows)]
    with launched(argv, port) as host:
        host.wait("/_dashapp/api/metrics")
        with browser() as running, opened(running) as (_, page, cdp):
            page.set_viewport_size(SIX)
            page.goto(host.url)
            until(page, f"({DRAWN})() === {len(METRICS)}")
            page.wait_for_timeout(8000)
            return _steady(page, cdp, label)


def _steady(page: Page, cdp: CDPSession, label: str) -> list[Row]:
    traffic = Traffic(session(page))
    first = page.evaluate("dashapp.liveGraphs.poller.subscriptions[0].newest")
    before = metrics(cdp)["TaskDuration"]
    page.wait_for_timeout(1000 * SECONDS)
    milliseconds = 1000 * (metrics(cdp)["TaskDuration"] - before) / SECONDS
    ticks = (page.evaluate("dashapp.liveGraphs.poller.subscriptions[0].newest") - first) / 1000
    what = f"{len(METRICS)} LiveGraphs, {label}"
    return [
        Row(f"main thread per second, {what}", milliseconds, "ms", 120.0),
        Row(f"requests per tick, {what}", traffic.requests / ticks, "", 1.1),
        Row(f"bytes per tick, {what}", traffic.bytes / ticks, ""),
    ]
