"""Usual ranges of a store: the band of each hour, from the minutes of the last four weeks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np

from dashapp.model.columns import Columns
from dashapp.model.statistics.forecast import HOUR_S
from dashapp.model.statistics.usual import WEEKS, Interval, UsualRange, hours_like, usual_range
from dashapp.model.ticks import to_milliseconds
from dashapp.query.levels import Levels
from dashapp.stores.base import Reader

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class UsualBands:
    """The hours of a time range, and the band of each by metric.

    An hour is its start and its end in seconds UTC. Unless `is_complete`, the store has not answered all
    reads.
    """

    hours: Sequence[Interval]
    bands: Mapping[str, Sequence[UsualRange | None]]
    is_complete: bool


def usual_bands(
    store: Reader, start: float, end: float, keys: Collection[str], zone: tzinfo, step: float
) -> UsualBands:
    """Return the bands of the local hours in [start, end), in seconds UTC.

    `zone`: of the hours. `step`: seconds between ticks, for a store without any.
    """
    hours, earlier = _hours(start, end, zone)
    levels = Levels(store, step)
    weeks = [_minutes(levels, [intervals[week] for intervals in earlier], keys) for week in range(WEEKS)]
    bands = {
        key: [
            usual_range(
                [_between(columns, key, intervals[week]) for week, columns in enumerate(weeks)], levels.step
            )
            for intervals in earlier
        ]
        for key in keys
    }
    return UsualBands(hours, bands, levels.is_complete)


def _hours(start: float, end: float, zone: tzinfo) -> tuple[list[Interval], list[list[Interval]]]:
    """Return the hours in a range, and those of the weeks before each."""
    hours, earlier = [], []
    time = start
    while time < end:
        first, last, intervals = hours_like(time, zone)
        # At the end of daylight saving time, the hour that occurs twice is one of two hours.
        hours.append((first, last))
        earlier.append(intervals)
        time = max(last, time + HOUR_S / 4)
    return hours, earlier


def _minutes(levels: Levels, intervals: Sequence[Interval], keys: Collection[str]) -> Columns:
    """Return the minutes of one week: of all hours and between them."""
    start = min(first for first, _last in intervals)
    end = max(last for _first, last in intervals)
    return levels.read(to_milliseconds(start), to_milliseconds(end), MINUTE_MS, keys)


def _between(columns: Columns, key: str, interval: Interval) -> list[float]:
    if key not in columns.keys:
        return []
    first, last = np.searchsorted(columns.t, [1000 * end for end in interval], side="right")
    values = columns.mean[columns.keys.index(key), first:last]
    present: list[float] = values[~np.isnan(values)].tolist()
    return present
