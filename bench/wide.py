"""CPU of responses at a thousand metrics, and of a collector of five thousand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from random import Random
from resource import RUSAGE_SELF, getrusage
from statistics import median

from bench.served import folder
from bench.table import Row
from dashapp.api.endpoints import Api
from dashapp.model.ticks import Metric, Tick
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import HOUR

METRICS = 1000
TRIES = 9
COLLECTOR_METRICS, COLLECTOR_TICKS, START = 5000, 600, 1_700_000_400
KEYS = [f"app.service{number}.requests" for number in range(METRICS)]
# Name and query of each request, and its maximum in milliseconds.
CASES = (
    ("one metric over an hour", f"window={HOUR}&metrics={KEYS[3]}", 60),
    ("all metrics over 100 s", "window=100", 80),
    ("all metrics over 600 s", "window=600", 300),
    ("all metrics over an hour", f"window={HOUR}", None),
)


def run() -> list[Row]:
    with folder() as store:
        end = int(time.time()) // 600 * 600
        writer = Writer(store)
        for second in range(end - HOUR - 100, end):
            writer.append(second)
        writer.store.describe(Metric(key, key, "1/s", "app") for key in KEYS)
        rows = list(_rows(writer, end))
        writer.store.close()
    # In a process of its own, because its memory is measured.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return rows + pool.submit(_collector_rows).result()


def _collector_rows() -> list[Row]:
    """Append ticks of 5,000 metrics for as long as a hundred of them become blocks."""
    chance, durations = Random(2), []
    keys = [f"app.service{number}.requests" for number in range(COLLECTOR_METRICS)]
    with folder() as directory:
        store = DiskStore(directory)
        for second in range(1, COLLECTOR_TICKS):
            tick = Tick(START + second, 1.0, {key: round(100 * chance.random(), 2) for key in keys})
            start = time.process_time()
            store.append(tick)
            durations.append(1000 * (time.process_time() - start))
        store.close()
    memory = _peak_memory_mb()
    name = f"{COLLECTOR_METRICS:,} metrics"
    return [
        Row(f"{name}: append a tick", median(durations), "ms of CPU", 3),
        Row(f"{name}: append a tick during compaction", max(durations), "ms of CPU", 500),
        Row(f"{name}: memory of the collector", memory, "MB", 200),
    ]


def _peak_memory_mb() -> float:
    """Return the peak of this program. Linux adds the peak of the parent to that of getrusage."""
    with suppress(OSError):
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


class Writer:
    """Appends ticks of a thousand values, each near its own mean."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = DiskStore(directory)
        self._chance = Random(1)
        self._means = {key: 100 * self._chance.random() for key in KEYS}

    def append(self, second: int) -> None:
        values = {key: round(mean + self._chance.random(), 2) for key, mean in self._means.items()}
        self.store.append(Tick(second, 1.0, values))


def _rows(writer: Writer, second: int) -> Iterator[Row]:
    reader = DiskReader(writer.directory)
    api = Api(reader, max_window=HOUR, now=lambda: float(second))
    for name, query, target in CASES:
        durations = []
        for _ in range(TRIES):
            writer.append(second)
            second += 1
            start = time.process_time()
            body = _body(api, query)
            durations.append(1000 * (time.process_time() - start))
        # Only the first request reads the log.
        first, *others = durations
        note = f"{len(body) / 1e6:.2f} MB; the first one {first:.0f} ms"
        yield Row(f"{METRICS:,} metrics: {name}", median(others), "ms of CPU", target, note)
    reader.close()


def _body(api: Api, query: str) -> bytes:
    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        assert status == "200 OK", (status, query)

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/ticks", "QUERY_STRING": query}
    return b"".join(api(environ, start_response))
