"""A page of 100 hosts in a real Chromium: time until the list is there, requests per tick."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser

from bench.page import browser, opened, until
from bench.scale.fleet import fleet
from bench.scale.made_up import name_of
from bench.served import Served, free_port, launched
from bench.table import Row

HOSTS, LOADS, SECONDS = 100, 3, 15
# Records when the list has a row for each host, in milliseconds since the navigation began.
WATCH = f"""
window.bench = {{listed: null}};
(function look() {{
  const rows = document.querySelectorAll("[data-table=hosts] tbody tr").length;
  if (rows >= {HOSTS}) window.bench.listed = performance.now();
  else requestAnimationFrame(look);
}})();
"""


def run() -> list[Row]:
    from redis_server import redis_at

    with (
        tempfile.TemporaryDirectory(prefix="dashapp-bench-") as folder,
        redis_at(Path(folder)) as server,
        fleet(server.url, HOSTS) as hosts,
    ):
        hosts.go()
        port = free_port()
        # The page starts with a simulated host, because nothing measures this machine.
        argv = ["-m", "dashapp", "--no-collector", "--name", name_of(0), "--port", str(port)]
        with launched([*argv, "--store", server.url], port) as served, browser() as running:
            served.wait("/readyz")
            loads = [_load(running, served) for _ in range(LOADS)]
            requests_per_second = _request_rate(running, served)
    label = f"a page with {HOSTS} hosts"
    return [
        Row(f"{label}, first drawn", median(loads) / 1000, "s", 1, "empty cache"),
        Row(f"{label}, requests per tick", round(requests_per_second, 1), "", 1),
    ]


def _load(running: Browser, served: Served) -> float:
    """Return the milliseconds until every host has its row."""
    with opened(running, script=WATCH) as (_context, page, _cdp):
        page.goto(served.url)
        until(page, "window.bench.listed !== null")
        return float(page.evaluate("window.bench.listed"))


def _request_rate(running: Browser, served: Served) -> float:
    """Return the requests per second of an open page."""
    times: list[float] = []

    def sent(event: dict[str, Any]) -> None:
        times.append(event["timestamp"])

    with opened(running, script=WATCH) as (_context, page, cdp):
        page.goto(served.url)
        until(page, "window.bench.listed !== null")
        page.wait_for_timeout(2000)
        cdp.on("Network.requestWillBeSent", sent)
        cdp.send("Network.enable")
        page.wait_for_timeout(1000 * SECONDS)
    intervals = [later - earlier for earlier, later in pairwise(times)]
    return len(intervals) / sum(intervals)
