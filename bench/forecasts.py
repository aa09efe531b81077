"""Forecasts and usual ranges of 50 metrics, in the web process and in the collector."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from random import Random
from typing import TypeVar

from bench.served import folder
from bench.table import Row
from dashapp.alerts.outlook import StoreOutlook
from dashapp.api.endpoints import Api
from dashapp.model.rollup import Aggregate, Point
from dashapp.model.thresholds import Threshold
from dashapp.model.ticks import Metric, Tick
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.space import DiskSpace
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import DAY, HOUR, MINUTE, ArchiveLevel, Retention

METRICS = [
    Metric(f"filesystem.disk{number}.percent", f"/{number}", "%", "filesystem", 0.0, 100.0)
    for number in range(50)
]
KEYS = [metric.key for metric in METRICS]
# Minutes of whole blocks around this hour of each of the last four weeks.
NEAR_S = 6 * HOUR

Result = TypeVar("Result")


def run() -> list[Row]:
    with folder() as path:
        path.mkdir()
        now = fill(path)
        with closing(DiskReader(path)) as reader:
            api = Api(reader, now=lambda: now)
            # Otherwise the first request imports numpy.
            request(api, "/api/ticks", "window=60")
            forecasts = cpu_ms(lambda: request(api, "/api/forecast"))
            usual = cpu_ms(lambda: request(api, "/api/usual", f"metrics={','.join(KEYS)}"))
        with closing(DiskStore(path)) as store:
            rules = [Threshold.parse(f"{key} reaches 95 within 3d") for key in KEYS]
            rules += [Threshold.parse(f"{key} unusual for 10m") for key in KEYS]
            outlook = StoreOutlook(store)
            outlook.set_thresholds(rules)
            start = time.process_time()
            outlook.step(now, MINUTE)
            outlook.wait(60)
            collector = 1000 * (time.process_time() - start)
            outlook.close()
    return [
        Row("forecasts of 50 metrics, once an hour", forecasts, "ms of CPU"),
        Row("usual range of 50 metrics, once an hour", usual, "ms of CPU"),
        Row("forecasts and usual ranges of 50 metrics, once an hour", forecasts + usual, "ms of CPU", 200),
        Row("the same for 100 rules of the collector, without numpy", collector, "ms of CPU"),
    ]


def fill(path: Path) -> float:
    """Write the hours and minutes that are necessary; return the time of the newest tick."""
    now = int(time.time()) // HOUR * HOUR + 1200
    chance = Random(1)

    def points(start: int, end: int, step: int) -> list[Point]:
        return [
            Point(1000 * time_s, step, {key: aggregate(value(time_s, number), step) for number, key in pairs})
            for time_s in range(-(-start // step) * step, end + 1, step)
        ]

    def value(time_s: float, number: int) -> float:
        return 60 + number / 5 + (time_s - now) * (1 + number / 10) / DAY + chance.gauss(0, 0.5)

    def aggregate(mean: float, step: int) -> Aggregate:
        return Aggregate(round(mean * step, 6), mean, mean, step)

    pairs = [*enumerate(KEYS)]
    archive = DiskSpace(path, Retention()).open_archive()
    _ticks, minutes, hours = archive.levels
    for week in range(4, -1, -1):
        centre = now - 7 * week * DAY
        minutes.extend(points(centre - NEAR_S, min(centre + NEAR_S, now - 600), MINUTE))
        seal(minutes)
    hours.extend(points(now - 15 * DAY, now // HOUR * HOUR - HOUR, HOUR))
    archive.close()
    with closing(DiskStore(path)) as store:
        store.describe(METRICS)
        for time_s in range(now - 540, now + 1, MINUTE):
            store.append(Tick(time_s, MINUTE, {key: value(time_s, number) for number, key in pairs}))
    return now


def seal(level: ArchiveLevel) -> None:
    """Make blocks of all complete rows, as the collector does."""
    while end_ms := level.complete_until():
        span = finish(level.read_span(end_ms))
        level.seal(finish(span.encode()), end_ms)


def finish(steps: Generator[int, None, Result]) -> Result:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def request(api: Api, path: str, query: str = "") -> None:
    statuses: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "wsgi.input": BytesIO(),
    }
    list(api(environ, lambda status, _headers: statuses.append(status)))
    if statuses != ["200 OK"]:
        raise RuntimeError(f"{path} returned {statuses}")


def cpu_ms(do: Callable[[], object]) -> float:
    start = time.process_time()
    do()
    return 1000 * (time.process_time() - start)
