"""The server with viewers that listen: CPU per update, bytes and memory of streams."""

from __future__ import annotations

import resource
import time
from contextlib import suppress

import psutil

from bench import listeners, push_peers
from bench.cost import cpu, memory
from bench.listeners import Heard
from bench.served import Served, fill, folder, free_port, launched, serving
from bench.table import Row

IDLE = 8.0
SECONDS = 15
# Maximum microseconds of server CPU per update, by the number of viewers.
TARGETS = {200: 35, 2000: 25}
FULL = 2000
# The charts of the page in one stream.
ALL_CHARTS = "/api/stream?window=100"


def run() -> list[Row]:
    raise_limit()
    with folder() as store:
        fill(store, 200)
        with serving(store) as served:
            rows = _measure(served)
    return [*rows, *_bare(), *push_peers.rows(200, SECONDS)]


def _measure(served: Served) -> list[Row]:
    web = served.web()
    time.sleep(1.0)
    before = cpu(web)
    time.sleep(IDLE)
    idle = (cpu(web) - before) / IDLE
    empty = memory(web).whole
    rows = []
    for viewers, target in TARGETS.items():
        heard, cpu_seconds = _listen(served, web, viewers)
        cost = 1e6 * (cpu_seconds - idle * SECONDS) / heard.events
        note = f"{1000 * max(heard.spreads()):.0f} ms from the first viewer to the last"
        rows.append(Row(f"server CPU per update by stream, {viewers:,} viewers", cost, "µs", target, note))
    bytes_per_event = heard.received / heard.events
    used = memory(web).whole
    every, cpu_seconds = _listen(served, web, 200, ALL_CHARTS)
    cost = 1e6 * (cpu_seconds - idle * SECONDS) / every.events
    return [
        *rows,
        Row("the same, all charts, 200 viewers", cost, "µs", 45),
        Row("bytes per viewer per second by stream, one chart", bytes_per_event, "B", 180),
        Row("web memory per 1,000 streams", 1000 * (used - empty) / FULL, "MB", 25),
    ]


def _listen(
    served: Served, web: list[psutil.Process], viewers: int, path: str = listeners.ONE_CHART_PATH
) -> tuple[Heard, float]:
    """Let `viewers` listen for SECONDS; return what they heard and the CPU seconds of `web`."""
    heard, cpu_seconds = listeners.listen(served.port, viewers, SECONDS, lambda: cpu(web), path)
    if heard.closed or abs(heard.events - viewers * SECONDS) > 0.02 * viewers * SECONDS:
        raise RuntimeError(f"{heard.events} events, {heard.closed} streams closed: the result is not valid")
    return heard, cpu_seconds


def _bare() -> list[Row]:
    """Measure the web server alone."""
    rows = []
    for viewers in TARGETS:
        port = free_port()
        with launched(["-m", "bench.bare_stream", str(port)], port) as bare:
            bare.wait("/")
            heard, cpu_seconds = _listen(bare, bare.part("bench.bare_stream"), viewers)
        what = f"for comparison, an empty application that streams, {viewers:,} viewers"
        rows.append(Row(what, 1e6 * cpu_seconds / heard.events, "µs"))
    return rows


def raise_limit() -> None:
    """Allow this process enough descriptors for all viewers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 2 * FULL:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * FULL), hard))
