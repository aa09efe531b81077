"""CPU of a request with 10,000 lines of InfluxDB, in the web process and in the collector."""

from __future__ import annotations

import gzip
import http.client
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from statistics import median

import psutil

from bench.served import Served, folder, free_port, launched
from bench.table import Row

TOKEN = "4f9c2e7ab15d8036"
LINES, ROUNDS = 10_000, 12
# Series and fields of each: a counter of a thousand series, and the CPU metrics of Telegraf for 90 cores.
CASES = (("1,000 series", 1000, 1), ("90 series of 10 fields", 90, 10))


def run() -> list[Row]:
    rows: list[Row] = []
    for name, series, fields in CASES:
        with folder() as store:
            port = free_port()
            command = ["-m", "dashapp", "--store", str(store), "--port", str(port)]
            with launched(command, port, DASHAPP_PUSH_TOKEN=TOKEN) as served:
                served.wait("/readyz")
                rows += _measure(served, name, series, fields)
    return rows


def _measure(served: Served, name: str, series: int, fields: int) -> Iterator[Row]:
    idle = _costs(served, [b""])
    start = time.time()
    web, collector = _costs(served, list(_bodies(series, fields)))
    seconds = time.time() - start
    yield Row(f"{LINES:,} lines, {name}: web process", web, "ms of CPU", 150)
    yield Row(f"{LINES:,} lines, {name}: collector", collector - idle[1], "ms of CPU")
    yield Row(f"{LINES:,} lines, {name}: missing ticks", _missing_ticks(served, int(seconds) - 1), "", 0)


def _costs(served: Served, bodies: Sequence[bytes]) -> tuple[float, float]:
    """Return the CPU of the web process and of the collector for a request, in milliseconds."""
    costs: list[tuple[float, float]] = []
    for body in list(bodies) * (ROUNDS // len(bodies)):
        before = [_cpu_ms(processes) for processes in (served.web(), served.collector())]
        if body:
            _write(served.port, body)
        # The next tick has the values.
        time.sleep(1.2)
        after = [_cpu_ms(processes) for processes in (served.web(), served.collector())]
        costs.append((after[0] - before[0], after[1] - before[1]))
    return median(cost[0] for cost in costs), median(cost[1] for cost in costs)


def _cpu_ms(processes: Sequence[psutil.Process]) -> float:
    return 1000 * sum(sum(process.cpu_times()[:2]) for process in processes)


def _bodies(series: int, fields: int) -> Iterator[bytes]:
    """Yield requests as Telegraf sends them, each with times of its own."""
    for request in range(ROUNDS):
        now = time.time_ns() + request
        lines = (
            f"cpu,cpu=cpu{line % series},host=web1 "
            + ",".join(f"usage_{field}={line % 97}.{field}" for field in range(fields))
            + f" {now + line // series}"
            for line in range(LINES)
        )
        yield gzip.compress("\n".join(lines).encode(), 6)


def _write(port: int, body: bytes) -> None:
    headers = {"Authorization": f"Token {TOKEN}", "Content-Encoding": "gzip"}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("POST", "/api/v2/write", body, headers)
        response = connection.getresponse()
        text = response.read()
    if response.status != 204:
        raise RuntimeError(f"status {response.status}: {text[:200]!r}")


def _missing_ticks(served: Served, seconds: int) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)) as connection:
        connection.request("GET", f"/api/ticks?window={seconds}&metrics=cpu.percent")
        values = json.loads(connection.getresponse().read())["y"]["cpu.percent"]
    return seconds - sum(value is not None for value in values)
