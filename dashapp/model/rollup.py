"""Roll up ticks into coarser points with total, lowest, highest and count.

A point of step S at time T represents the ticks in (T - S, T]. T is a multiple of S, so the point is complete
once a tick at or after T exists. Points hold the total and not the mean, because totals add up without error;
the mean is total over count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dashapp.model.ticks import MAX_VALUE, Tick, to_milliseconds


class Aggregate(NamedTuple):
    """One metric over several ticks; `ticks` counts those with a value."""

    total: float
    low: float
    high: float
    ticks: int

    def combine(self, other: Aggregate) -> Aggregate:
        return Aggregate(
            # A sum of short decimals is a short decimal; the remaining binary digits are noise.
            round(self.total + other.total, 6),
            min(self.low, other.low),
            max(self.high, other.high),
            self.ticks + other.ticks,
        )


@dataclass(frozen=True, slots=True)
class Point:
    """Several ticks as one.

    `time_ms` is their end in epoch milliseconds, `step` their length in seconds.
    """

    time_ms: int
    step: float
    values: Mapping[str, Aggregate]

    def encode(self) -> str:
        """Return one line of JSON: `[time_ms, step, {key: [total, low, high, ticks]}]`."""
        return json.dumps([self.time_ms, self.step, self.values], separators=(",", ":"))

    @staticmethod
    def decode(text: str | bytes) -> Point:
        """Return the point that `encode` wrote; ValueError on anything else."""
        try:
            time_ms, step, values = json.loads(text)
            # Older versions stored numbers so large that their total was infinite.
            valid_rows = {key: row for key, row in values.items() if max(-row[1], row[2]) <= MAX_VALUE}
            aggregates = {key: Aggregate(*row) for key, row in valid_rows.items()}
            return Point(int(time_ms), float(step), aggregates)
        except (TypeError, AttributeError, LookupError, OverflowError, RecursionError) as error:
            raise ValueError("not a point") from error


def point_of_tick(tick: Tick) -> Point:
    """Return a point that represents this tick alone."""
    values = {key: Aggregate(value, value, value, 1) for key, value in tick.values.items()}
    return Point(to_milliseconds(tick.time), tick.step, values)


def point_end_ms(time_ms: int, step: float) -> int:
    """Return the time of the point of `step` seconds that includes a tick at `time_ms`."""
    span = to_milliseconds(step)
    return -(-time_ms // span) * span


def roll_up(points: Iterable[Point], step: float) -> list[Point]:
    """Return `points`, which are in order, as points of `step` seconds.

    The last point may be incomplete; only the caller can know.
    """
    groups: list[tuple[int, dict[str, list[Any]]]] = []
    values: dict[str, list[Any]] = {}
    for point in points:
        end = point_end_ms(point.time_ms, step)
        if not groups or groups[-1][0] != end:
            values = {}
            groups.append((end, values))
        # The same as Aggregate.combine(), without a temporary object for each key.
        for key, other in point.values.items():
            aggregate = values.get(key)
            if aggregate is None:
                values[key] = [*other]
                continue
            total, low, high, ticks = other
            aggregate[0] = round(aggregate[0] + total, 6)
            if low < aggregate[1]:
                aggregate[1] = low
            if high > aggregate[2]:
                aggregate[2] = high
            aggregate[3] += ticks
    return [
        Point(end, step, {key: Aggregate(*aggregate) for key, aggregate in values.items()})
        for end, values in groups
    ]
