"""Redis unavailable for as many ticks as in five minutes: losses, errors, time to recover.

It is killed, and starts again from its append-only file. The hosts tick ten times a second, so thirty seconds
have as many ticks as five minutes at 1 Hz. DASHAPP_BENCH_STEP=1 makes it take the five minutes.
"""

from __future__ import annotations

import http.client
import os
import tempfile
import time
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

from bench.scale.fleet import fleet
from bench.scale.made_up import name_of
from bench.served import free_port, launched
from bench.table import Row
from dashapp.stores.redis.keys import Keys

HOSTS, OUTAGE_TICKS, MARGIN_TICKS = 50, 300, 50  # ticks per host: during the outage, before and after
STEP = float(os.environ.get("DASHAPP_BENCH_STEP", "0.1"))
# Seconds between two rounds of requests for the page, its hosts and its ticks.
POLL_INTERVAL_S = 0.1


class Visitor:
    """Polls like a browser, without a break; counts failures and times the slowest response."""

    def __init__(self, port: int) -> None:
        self.failures = self.responses = 0
        self.slowest = 0.0
        self._port = port
        self._stop = Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        paths = ("/", "/api/ticks?window=100&hosts=1", "/api/hosts", "/healthz")
        while not self._stop.wait(POLL_INTERVAL_S):
            for path in paths:
                start = time.monotonic()
                self.failures += ask(self._port, path)[0] != 200
                self.slowest = max(self.slowest, time.monotonic() - start)
                self.responses += 1


def run() -> list[Row]:
    from redis_server import redis_at

    with (
        tempfile.TemporaryDirectory(prefix="dashapp-bench-") as folder,
        redis_at(Path(folder), "--appendonly", "yes") as server,
        fleet(server.url, HOSTS, STEP) as hosts,
    ):
        hosts.go()
        port = free_port()
        argv = ["-m", "dashapp", "--no-collector", "--name", name_of(0), "--port", str(port)]
        with launched([*argv, "--store", server.url], port) as served:
            served.wait("/readyz")
            time.sleep(MARGIN_TICKS * STEP)
            visitor = Visitor(port)
            server.kill()
            time.sleep(OUTAGE_TICKS * STEP)
            server.start()
            start = time.monotonic()
            while not _is_fresh(port):
                time.sleep(0.01)
            duration = time.monotonic() - start
            time.sleep(MARGIN_TICKS * STEP)
            visitor.end()
            hosts.end()
        with closing(server.client()) as client:
            count, misplaced = _count_ticks(client)
    label = f"Redis away for {OUTAGE_TICKS * STEP:.0f} s, {OUTAGE_TICKS} ticks of {HOSTS} hosts"
    return [
        Row(f"{label}: ticks lost", hosts.ticks - count, "", 0, f"of {hosts.ticks:,}"),
        Row("ticks stored twice, or out of order", misplaced, "", 0),
        Row(
            "pages and responses that failed in that time",
            visitor.failures,
            "",
            0,
            f"of {visitor.responses:,}",
        ),
        Row("the slowest of them", visitor.slowest, "s"),
        Row("from the first response of Redis to a live page", duration, "s", 3),
    ]


def _is_fresh(port: int) -> bool:
    return ask(port, "/readyz")[0] == 200


def _count_ticks(client: Any) -> tuple[int, int]:
    """Return the number of ticks, and of those that are not later than the one before."""
    count = misplaced = 0
    for number in range(HOSTS):
        times = [int(fields[b"t"]) for _id, fields in client.xrange(Keys(name_of(number)).ticks)]
        count += len(times)
        misplaced += sum(later - earlier <= 0 for earlier, later in pairwise(times))
    return count, misplaced


def ask(port: int, path: str) -> tuple[int, bytes]:
    """Return status and body; 0 if nothing responds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with suppress(OSError, http.client.HTTPException), closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    return 0, b""
