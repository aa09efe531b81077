"""A store with days of history of some metrics, for trends and usual ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dashapp.model.rollup import Aggregate, Point
from dashapp.model.ticks import Metric, Tick
from dashapp.stores.disk.space import DiskSpace
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import Retention

# 20 minutes after a whole hour, so that the history has that hour.
NOW = 1_795_219_200 + 1200
MINUTE, HOUR, DAY = 60, 3600, 86_400
FILESYSTEM = Metric("filesystem.root.percent", "/", "%", "filesystem", 0.0, 100.0)
CPU = Metric("cpu.percent", "CPU", "%", "cpu", 0.0, 100.0)

Values = Callable[[float], Mapping[str, float]]


def rising(per_day: float, value: float = 80.0, at: float = NOW) -> Callable[[float], float]:
    """Return a function of the time, with this value at one time."""
    return lambda time: value + (time - at) * per_day / DAY


def fill_days(
    folder: Path,
    values: Values,
    days: float = 7.5,
    metrics: Sequence[Metric] = (FILESYSTEM,),
    *,
    minutes: float = 0.3,
    now: int = NOW,
) -> DiskStore:
    """Return an open store with so many days of hours and of minutes, and ticks up to `now`.

    It is a whole minute.
    """
    folder.mkdir(parents=True, exist_ok=True)
    archive = DiskSpace(folder, Retention()).open_archive()
    _ticks, minute_level, hour_level = archive.levels
    first = now - days * DAY
    newest_hour = now // HOUR * HOUR - HOUR
    hour_level.extend(_points(values, first, newest_hour, HOUR))
    log_start = now - 600
    minute_level.extend(_points(values, max(first, now - minutes * DAY), log_start, MINUTE))
    archive.close()
    store = DiskStore(folder)
    store.describe(metrics)
    for time in range(log_start + MINUTE, now + 1, MINUTE):
        assert store.append(Tick(time, MINUTE, values(time)))
    return store


def _points(values: Values, start: float, end: float, step: int) -> list[Point]:
    points = []
    for time in range(-(-int(start) // step) * step, int(end) + 1, step):
        means = values(time - step / 2)
        if means:
            aggregates = {key: Aggregate(mean * step, mean, mean, step) for key, mean in means.items()}
            points.append(Point(1000 * time, step, aggregates))
    return points
