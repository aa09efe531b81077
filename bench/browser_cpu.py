"""CPU of the whole browser for one live chart, by stream and by poll."""

from __future__ import annotations

import psutil

from bench.cost import cpu
from bench.page import BY_ITSELF, browser, opened, until
from bench.served import fill, folder, serving
from bench.table import Row

SECONDS = 30
SETTLING_MS = 6000
POINTS = """() => document.querySelector("[data-panel=cpu] .js-plotly-plot")?.data?.[0]?.x.length ?? 0"""
IS_SERVED = "dashapp.page.liveView.subscription.isServed"


def run() -> list[Row]:
    return [
        Row("CPU of the whole browser, one live chart, by stream", _measure(True), "% of a core", 4.0),
        Row("the same, by poll", _measure(False), "% of a core"),
    ]


def _measure(by_stream: bool) -> float:
    flags = () if by_stream else ("--transport", "poll")
    with folder() as store:
        fill(store, 200)
        with serving(store, *flags) as served, browser() as running, opened(running) as (_, page, _cdp):
            page.goto(served.url)
            page.add_style_tag(content=BY_ITSELF)
            until(page, f"({POINTS})() > 90")
            if by_stream:
                until(page, IS_SERVED)
            # The first ticks compile code.
            page.wait_for_timeout(SETTLING_MS)
            processes = _browser_processes()
            before = cpu(processes)
            page.wait_for_timeout(1000 * SECONDS)
            used = cpu(processes) - before
            if page.evaluate(IS_SERVED) is not by_stream:
                raise RuntimeError("the ticks came by the other transport: the result is not valid")
    return 100 * used / SECONDS


def _browser_processes() -> list[psutil.Process]:
    """Return all processes of the browser: main, network, GPU and page."""
    children = psutil.Process().children(recursive=True)
    found = [process for process in children if "chrom" in process.name() or "headless" in process.name()]
    if not found:
        raise RuntimeError("the browser has no processes: the result is not valid")
    return found
