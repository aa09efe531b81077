"""Many viewers over one Redis: web processes side by side, and nginx's cache before one.

The load on Redis does not depend on the number of viewers, nor does the number of requests behind nginx.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psutil

from bench import crowd
from bench.cost import cpu, memory
from bench.scale.fleet import fleet
from bench.scale.made_up import name_of
from bench.served import Served, free_port, launched
from bench.table import Row

HOSTS, SIDE_BY_SIDE, EACH, SECONDS = 10, 2, 500, 10
THROUGH, CONNECTIONS, FULL = 2000, 8, 5.0


def run() -> list[Row]:
    from redis_server import redis_at
    from tools import nginx

    with (
        tempfile.TemporaryDirectory(prefix="dashapp-bench-") as folder,
        redis_at(Path(folder) / "redis") as server,
        fleet(server.url, HOSTS) as hosts,
        ExitStack() as stack,
        closing(server.client()) as client,
    ):
        hosts.go()
        webs = [stack.enter_context(_web(server.url, number)) for number in range(SIDE_BY_SIDE)]
        rows = [*_count_redis_polls(webs, client), *_measure_uncached(webs)]
        if nginx() is not None:
            rows += _through_nginx(webs[0], Path(folder) / "nginx")
        return rows


@contextmanager
def _web(url: str, number: int) -> Iterator[Served]:
    port = free_port()
    argv = ["-m", "dashapp", "--no-collector", "--public", "--name", name_of(number), "--port", str(port)]
    with launched([*argv, "--store", url], port) as served:
        served.wait("/readyz")
        yield served


def _count_redis_polls(webs: list[Served], client: Any) -> list[Row]:
    """Count the polls of Redis, with few viewers and with many; all read with the same query."""
    rows = []
    for viewers in (1, EACH):
        count, polls = crowd.once_a_second(
            webs[0].port, viewers, SECONDS, lambda: _polls(client), metrics="", rhythm=crowd.LIKE_THE_PAGE
        )
        _check(count, viewers)
        label = "1 viewer" if viewers == 1 else f"{viewers} viewers"
        # The other process has no viewers, and stops polling or polls as often.
        what = f"polls of Redis per second by {SIDE_BY_SIDE} web processes, {label}"
        rows.append(Row(what, polls / SECONDS, "", 5 * SIDE_BY_SIDE))
    return rows


def _polls(client: Any) -> float:
    """Return the number of XRANGE calls: one per poll and host; nothing else uses them."""
    return float(client.info("commandstats").get("cmdstat_xrange", {"calls": 0})["calls"])


def _measure_uncached(webs: list[Served]) -> list[Row]:
    web = [process for server in webs for process in server.web()]
    return [
        _measure_saturation(webs[0]),
        Row("memory of a web process", memory(web).whole / len(webs), "MB", note="shared pages counted once"),
    ]


def _through_nginx(web: Served, folder: Path) -> list[Row]:
    from nginx import proxied

    with proxied(web.port, folder) as front:
        process = psutil.Process(os.getpid())
        # Only nginx's own processes: this process has other children.
        front_processes = [child for child in process.children(recursive=True) if child.name() == "nginx"]
        before, start = front.asked("/api/ticks"), time.monotonic()
        marks: list[float] = []

        def mark() -> float:
            marks.append(cpu(front_processes))
            return cpu(web.web())

        # One request per second each: without a pause viewers ask for ticks that do not exist yet, which is
        # not cached.
        count, cpu_seconds = crowd.once_a_second(
            front.port, THROUGH, SECONDS, mark, metrics="", rhythm=crowd.LIKE_THE_PAGE
        )
        request_cpu = (marks[1] - marks[0]) / count.responses
        duration, polls = time.monotonic() - start, front.asked("/api/ticks")
        _check(count, THROUGH)
        hits = polls["HIT"] + polls["UPDATING"] - before["HIT"] - before["UPDATING"]
        misses = (polls.total() - before.total() - hits) / duration
        what = f"through nginx's cache, {THROUGH:,} viewers"
        return [
            Row(f"requests per second that reach the web process, {what}", misses, "", 3),
            Row(f"CPU of the web process, {what}", 1000 * cpu_seconds / SECONDS, "ms per second"),
            Row(f"responses with a new tick, {what}", 100 * count.points / count.responses, "%"),
            Row(
                "viewers per core of nginx, through its cache",
                1 / request_cpu,
                "",
                note=f"{1e6 * request_cpu:.1f} µs per request",
            ),
        ]


def _measure_saturation(web: Served) -> Row:
    """Measure the cost of a request at saturation, and so the number of viewers per core."""
    before = cpu(web.web())
    count, seconds = crowd.without_pause(web.port, CONNECTIONS, FULL)
    request_cpu = (cpu(web.web()) - before) / count.responses
    _check(count, 0)
    note = f"{1e6 * request_cpu:.1f} µs per request; {count.responses / seconds:,.0f} requests per second"
    return Row("viewers per core, without a cache", 1 / request_cpu, "", note=note)


def _check(count: crowd.Count, viewers: int) -> None:
    if count.failures or count.responses < 0.98 * viewers * SECONDS:
        raise RuntimeError(f"{count.responses} responses, {count.failures} failed: the result is not valid")
