"""The server with viewers: CPU per update, requests per second, bytes sent, memory."""

from __future__ import annotations

import time

import psutil

from bench import crowd
from bench.cost import cpu, memory
from bench.served import Served, fill, folder, free_port, launched, serving
from bench.table import Row

IDLE = 8.0
SECONDS = 15
CROWDS = (1, 50, 500)
FULL = CROWDS[-1]
CONNECTIONS = 8


def run() -> list[Row]:
    port = free_port()
    with folder() as store, launched(["-m", "bench.bare_stream", str(port)], port) as bare:
        fill(store, 200)
        bare.wait("/")
        with serving(store) as served:
            return _measure(served, bare)


def _measure(served: Served, bare: Served) -> list[Row]:
    web = served.web()
    time.sleep(1.0)
    before = cpu(web)
    time.sleep(IDLE)
    idle = (cpu(web) - before) / IDLE
    costs: list[Row] = []
    memories: list[Row] = []
    counts: dict[int, crowd.Count] = {}
    for viewers in CROWDS:
        count, cpu_seconds = _watch(served, web, viewers)
        what = f"server CPU per update, {_viewers(viewers)}"
        costs.append(_cost(what, count, cpu_seconds - idle * SECONDS, viewers == FULL))
        counts[viewers] = count
        if viewers in (1, FULL):
            memories.append(_memory(web, viewers))
    costs += _beside_bare("spread over the second", costs[-1].value, bare, crowd.EVEN)
    # One chart, as the empty application has.
    count, cpu_seconds = _watch(served, web, FULL, rhythm=crowd.LIKE_THE_PAGE)
    what = f"the same, all requests within 60 ms as the page sends them, {_viewers(FULL)}"
    costs.append(_cost(what, count, cpu_seconds - idle * SECONDS, False))
    costs += _beside_bare("within 60 ms", costs[-1].value, bare, crowd.LIKE_THE_PAGE)
    count, cpu_seconds = _watch(served, web, FULL, metrics="", rhythm=crowd.LIKE_THE_PAGE)
    what = f"the same, all charts, all requests within 60 ms as the page sends them, {_viewers(FULL)}"
    costs.append(_cost(what, count, cpu_seconds - idle * SECONDS, True))
    alone = counts[1]
    return [
        *costs,
        *_saturation(served, web),
        Row("bytes per viewer per second, one chart", alone.received / SECONDS, "B", 500, "headers included"),
        Row("the same, all charts", count.received / count.responses, "B", note="headers included"),
        Row("bytes of the requests per viewer per second", alone.sent / SECONDS, "B"),
        Row("server CPU without viewers", 1000 * idle, "ms per second"),
        *memories,
    ]


def _watch(
    served: Served,
    web: list[psutil.Process],
    viewers: int,
    metrics: str = crowd.ONE_CHART,
    rhythm: crowd.Rhythm = crowd.EVEN,
) -> tuple[crowd.Count, float]:
    """Let `viewers` poll for SECONDS; return their counts and the web processes' CPU seconds."""
    count, cpu_seconds = crowd.once_a_second(
        served.port, viewers, SECONDS, lambda: cpu(web), metrics=metrics, rhythm=rhythm
    )
    if count.failures or count.responses < 0.98 * viewers * SECONDS:
        raise RuntimeError(f"{count.responses} responses, {count.failures} failed: the result is not valid")
    return count, cpu_seconds


def _beside_bare(when: str, ours: float, bare: Served, rhythm: crowd.Rhythm) -> list[Row]:
    """Measure the web server alone: between viewers far apart, a core sleeps and wakes."""
    count, cpu_seconds = _watch(bare, bare.part("bench.bare_stream"), FULL, rhythm=rhythm)
    what = f"for comparison, an empty application on the same server, {when}, {_viewers(FULL)}"
    empty = _cost(what, count, cpu_seconds, False)
    return [empty, Row(f"dashapp to the empty application, {when}", ours / empty.value, "", 1.2)]


def _cost(what: str, count: crowd.Count, cpu_seconds: float, has_target: bool) -> Row:
    return Row(what, 1e6 * cpu_seconds / count.responses, "µs", 60 if has_target else None)


def _saturation(served: Served, web: list[psutil.Process]) -> list[Row]:
    before, client_cpu = cpu(web), time.process_time()
    count, seconds = crowd.without_pause(served.port, CONNECTIONS, 5.0)
    cpu_seconds, client_cpu = cpu(web) - before, time.process_time() - client_cpu
    if count.failures:
        raise RuntimeError(f"{count.failures} of {count.responses} responses failed: the result is not valid")
    shares = (
        f"server {100 * cpu_seconds / seconds:.0f} %, client {100 * client_cpu / seconds:.0f} % of a core"
    )
    note = f"{CONNECTIONS} connections; {shares}"
    return [
        Row("requests per second at saturation", count.responses / seconds, "", note=note),
        Row("server CPU per request at saturation", 1e6 * cpu_seconds / count.responses, "µs"),
    ]


def _memory(web: list[psutil.Process], viewers: int) -> Row:
    used = memory(web)
    note = f"{len(web)} processes, shared pages counted once; sum of RSS {used.rss:.0f}, USS {used.uss:.0f}"
    return Row(f"web memory, {_viewers(viewers)}", used.whole, "MB", note=note)


def _viewers(count: int) -> str:
    return "1 viewer" if count == 1 else f"{count} viewers"
