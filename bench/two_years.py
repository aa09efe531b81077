"""Two years of 50 metrics through the real roll-up: bytes on disk, opening, every window.

The clock is simulated, the code is real: spans of ticks go into the archive as the collector appends them.
Ticks that no level keeps any more have a longer step, so that two years take minutes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from bench.served import folder
from bench.table import Row
from dashapp.api.endpoints import Api
from dashapp.model.ticks import Metric, Tick, to_milliseconds
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.space import DiskSpace
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import DAY, HOUR, Retention
from dashapp.stores.history.span import TICK_PARTS, Span

METRICS = 50
QUERY_METRICS = 20
SPAN = 600
WINDOWS = [100, 600, 1800, HOUR, 2 * HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY]
WINDOWS += [90 * DAY, 180 * DAY, 365 * DAY, 730 * DAY]
KEYS = [f"metric.{number:02}" for number in range(METRICS)]


def run() -> list[Row]:
    with folder() as store:
        end = int(time.time()) // SPAN * SPAN - 1200
        start = time.process_time()
        ticks = _fill(store, end)
        filling = time.process_time() - start
        opening = _open(store) - _open(store / "empty")
        memory = DiskSpace(store, Retention()).open_archive()
        seconds, size = memory._ticks.storage.size(), memory.size()
        memory.close()
        _append_newest(store, end)
        rows = [
            Row("two years through the roll-up", filling, "s of CPU"),
            Row("disk per value of a tick", seconds / (ticks * METRICS), "bytes", 2),
            Row("disk for two years of 50 metrics", size / 1e6, "MB", 400),
            Row("opening a full store, compared with an empty one", 1000 * opening, "ms", 100),
        ]
        return rows + list(_windows(store))


def _fill(store: Path, end: int) -> int:
    """Fill the archive; return the number of ticks at the finest level."""
    templates = [
        [dict(zip(KEYS, row, strict=True)) for row in values(Random(seed), SPAN)] for seed in range(12)
    ]
    store.mkdir(exist_ok=True)
    memory = DiskSpace(store, Retention()).open_archive()
    count = 0
    for start, stop, step in ((730, 90, 600), (90, 14, 60), (14, 0, 1)):
        for number, begin in enumerate(range(end - start * DAY, end - stop * DAY, SPAN)):
            template = templates[number % len(templates)]
            span = Span(TICK_PARTS)
            for at in range(step, SPAN + 1, step):
                span.add_tick(Tick(begin + at, step, template[at - 1]))
            for _cost in memory.append_span(span, to_milliseconds(begin + SPAN)):
                pass
            count += SPAN if step == 1 else 0
    memory.close()
    return count


def values(chance: Random, count: int) -> list[list[float]]:
    """Return rows like a machine's: shares that vary, bytes that drift, rates with bursts."""
    share, pages = [30.0] * METRICS, [2_000_000] * METRICS
    rows = []
    for _ in range(count):
        row = []
        for number in range(METRICS):
            if number < 22:
                share[number] = max(0.0, min(100.0, share[number] * 0.9 + chance.gauss(3, 6)))
                row.append(round(share[number], 1))
            elif number < 34:
                pages[number] += round(chance.gauss(0, 150))
                row.append(pages[number] * 4096.0)
            elif number < 46:
                row.append(float(int(chance.lognormvariate(8, 2))) if chance.random() < 0.4 else 0.0)
            else:
                row.append(float(number))
        rows.append(row)
    return rows


def _open(store: Path) -> float:
    start = time.perf_counter()
    opened = DiskStore(store)
    DiskSpace(store, Retention()).open_archive().close()
    duration = time.perf_counter() - start
    opened.close()
    return duration


def _append_newest(store: Path, end: int) -> None:
    opened = DiskStore(store)
    opened.describe(Metric(key, key, "", "all") for key in KEYS)
    for place, row in enumerate(values(Random(99), 1200), 1):
        opened.append(Tick(end + place, 1, dict(zip(KEYS, row, strict=True))))
    opened.close()


def _windows(store: Path) -> Iterator[Row]:
    """Measure the most expensive window and range of 20 metrics, uncached and cached."""
    api = Api(DiskReader(store), max_window=Retention().hours)
    metrics_param = "&metrics=" + ",".join(KEYS[:QUERY_METRICS])
    _request_cpu(api, f"window=100{metrics_param}")
    now = int(time.time() * 1000)
    queries = {f"{window:,} s": f"window={window}{metrics_param}" for window in WINDOWS}
    queries |= {
        f"{length // HOUR} h, {ago // DAY} days ago": (
            f"from={now - ago * 1000}&to={now - (ago - length) * 1000}{metrics_param}"
        )
        for ago in (10 * DAY, 60 * DAY, 400 * DAY)
        for length in (HOUR, 6 * HOUR, 5 * DAY)
    }
    uncached, cached = {}, {}
    for name, query in queries.items():
        uncached[name] = _request_cpu(api, query)
        # Twice, because the cached response expires if a second begins between the two.
        cached[name] = min(_request_cpu(api, query), _request_cpu(api, query))
    slowest = max(uncached, key=lambda name: uncached[name])
    yield Row(
        "any window or past range, 20 metrics",
        1000 * uncached[slowest],
        "ms of CPU",
        50,
        f"slowest: {slowest}",
    )
    yield Row("the same request again", 1000 * max(cached.values()), "ms of CPU", 5)


def _request_cpu(api: Api, query: str) -> float:
    """Return the CPU seconds of a response."""

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        assert status == "200 OK", (status, query)

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/ticks", "QUERY_STRING": query}
    start = time.thread_time()
    for _ in api(environ | {"HTTP_ACCEPT_ENCODING": "gzip"}, start_response):
        pass
    return time.thread_time() - start
