"""Top processes: a scan, the collector's cost, two years on disk, and requests for any time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import psutil

from bench.cost import cpu, memory
from bench.served import fill, folder, serving
from bench.table import Row
from dashapp.api.endpoints import Api
from dashapp.model.ticks import Tick, to_milliseconds
from dashapp.model.top import TopEntry, TopRecord, rank, shorten_bytes
from dashapp.sources.system.top.ranking import TopRanking
from dashapp.sources.system.top.scan import process_scanner
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.space import DiskSpace
from dashapp.stores.history.archive import DAY, HOUR, TOP_LEVELS, Retention
from dashapp.stores.history.span import TICK_PARTS, Span

SCANS = 30
COLLECTOR_S = 30.0
NAMES = [f"daemon-{number}" for number in range(60)]


def run() -> list[Row]:
    rows = []
    for count, target in ((200, None), (1000, 15.0)):
        with processes(count):
            ranking = TopRanking(process_scanner())
            ranking.read()
            rows.append(
                Row(f"scan of {count:,} processes", 1000 * least_cpu(ranking.read), "ms of CPU", target)
            )
            if count == 200:
                rows += list(_collector())
    with folder() as store:
        store.mkdir()
        start = time.process_time()
        end = int(time.time()) // HOUR * HOUR
        size = fill_two_years(store, end)
        rows.append(
            Row("two years of top lists through the roll-up", time.process_time() - start, "s of CPU")
        )
        rows.append(Row("disk for two years of top lists", size / 1e6, "MB", 40))
        rows += list(_requests(store, end))
    return rows


@contextmanager
def processes(count: int) -> Iterator[None]:
    """Start idle processes until the machine has `count`."""
    started = [subprocess.Popen(["sleep", "600"]) for _ in range(count - len(psutil.pids()))]
    try:
        yield
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def least_cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of `work` at its fastest: a busy machine evicts its caches."""
    costs = []
    for _ in range(SCANS):
        start = time.thread_time()
        work()
        costs.append(time.thread_time() - start)
    return min(costs)


def _collector() -> Iterator[Row]:
    with folder() as store:
        fill(store, 7200)
        with serving(store) as served:
            collector = served.collector()
            # The first record opens the databases of the levels.
            time.sleep(25)
            before, start = cpu(collector), time.monotonic()
            time.sleep(COLLECTOR_S)
            share = (cpu(collector) - before) / (time.monotonic() - start)
            used = memory(collector)
    yield Row("collector CPU, 200 processes", 100 * share, "% of a core", 0.6)
    yield Row("collector memory, 200 processes", used.rss, "MB", 32, f"RSS; {used.uss:.1f} MB USS")


def fill_two_years(store: Path, end: int) -> int:
    """Fill the levels as the collector does; return their bytes on disk.

    Records that no finer level keeps any more are as long as those of the coarser one.
    """
    chance = Random(5)
    sizes = {name: chance.lognormvariate(18.5, 1.6) for name in NAMES}
    archive = DiskSpace(store, Retention(), now=lambda: end).open_archive()
    for first_day, last_day, step in ((730, 90, HOUR), (90, 14, 60), (14, 0, 10)):
        for hour in range(end - first_day * DAY, end - last_day * DAY, HOUR):
            archive.append_top(
                [_record(chance, sizes, hour + at, step) for at in range(step, HOUR + 1, step)]
            )
            span = Span(TICK_PARTS)
            span.add_tick(Tick(hour + HOUR, 1, {"cpu.percent": 1}))
            for _cost in archive.append_span(span, to_milliseconds(hour + HOUR)):
                pass
    archive.close()
    return sum(path.stat().st_size for name, _, _ in TOP_LEVELS for path in (store / name).iterdir())


def _record(chance: Random, sizes: dict[str, float], end: int, step: int) -> TopRecord:
    """Return a record of a busy machine, on which other names come and go all the time."""
    for name in chance.sample(NAMES, 8):
        sizes[name] *= 1 + chance.gauss(0, 0.01)
    busy = chance.sample(NAMES, 25)
    usage = [TopEntry(name, round(min(40.0, chance.lognormvariate(-1.2, 1.4)), 2), 1) for name in busy]
    largest = [TopEntry(name, shorten_bytes(size), 1 + len(name) % 3) for name, size in sizes.items()]
    rankings = {"cpu": rank(usage), "memory": rank(largest)}
    return TopRecord(1000 * end, step, rankings, round(chance.uniform(0, 8), 2))


def _requests(store: Path, end: int) -> Iterator[Row]:
    api = Api(DiskReader(store), max_window=Retention().hours, top_error="")
    moments = {f"{days} days": f"at={1000 * (end - days * DAY - 1234)}" for days in (0, 1, 13, 60, 400, 700)}
    ranges = {
        f"{length // HOUR} h, {ago} days ago": (
            f"from={1000 * (end - ago * DAY)}&to={1000 * (end - ago * DAY + length)}"
        )
        for ago, length in ((13, 6 * HOUR), (14, 14 * DAY), (80, 60 * DAY), (729, 729 * DAY))
    }
    for what, queries, target in (("a moment", moments, 50.0), ("a range", ranges, None)):
        costs = {name: _request_cpu(api, query) for name, query in queries.items()}
        slowest = max(costs, key=lambda name: costs[name])
        yield Row(f"names of {what}", 1000 * costs[slowest], "ms of CPU", target, f"slowest: {slowest}")


def _request_cpu(api: Api, query: str) -> float:
    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        assert status == "200 OK", (status, query)

    start = time.thread_time()
    (body,) = api({"REQUEST_METHOD": "GET", "PATH_INFO": "/api/top", "QUERY_STRING": query}, start_response)
    assert b'"message"' not in body, query
    return time.thread_time() - start
