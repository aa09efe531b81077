"""Roll-up: ticks into coarser points that keep total, lowest, highest and count. Pure.

A point of step S at time T stands for the ticks in (T - S, T], where T is a multiple of S, so that
it is whole as soon as a tick at or after T has come. The total is kept in place of the mean: it adds up
again without error, and the mean is total over count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dashapp.model.ticks import MAX_VALUE, Tick, to_milliseconds


class Aggregate(NamedTuple):
    """One metric over several ticks. `ticks` is how many of them had a value."""

    total: float
    low: float
    high: float
    ticks: int

    def combine(self, other: Aggregate) -> Aggregate:
        return Aggregate(
            # Sums of short decimals are short decimals; what binary adds at their end is noise.
            round(self.total + other.total, 6),
            min(self.low, other.low),
            max(self.high, other.high),
            self.ticks + other.ticks,
        )


@dataclass(frozen=True, slots=True)
class Point:
    """Several ticks as one: `time_ms` is their end in epoch milliseconds, `step` the seconds they span."""

    time_ms: int
    step: float
    values: Mapping[str, Aggregate]

    def encode(self) -> str:
        """One line of JSON: `[time_ms, step, {key: [total, low, high, ticks]}]`."""
        return json.dumps([self.time_ms, self.step, self.values], separators=(",", ":"))

    @staticmethod
    def decode(text: str | bytes) -> Point:
        time_ms, step, values = json.loads(text)
        # Older versions kept numbers so large that their total was infinite.
        fit = {key: row for key, row in values.items() if max(-row[1], row[2]) <= MAX_VALUE}
        return Point(time_ms, step, {key: Aggregate(*row) for key, row in fit.items()})


def point_of_tick(tick: Tick) -> Point:
    """A tick as the point that stands for it alone."""
    values = {key: Aggregate(value, value, value, 1) for key, value in tick.values.items()}
    return Point(to_milliseconds(tick.time), tick.step, values)


def point_end_ms(time_ms: int, step: float) -> int:
    """The time of the point of `step` seconds that a tick at `time_ms` goes into."""
    span = to_milliseconds(step)
    return -(-time_ms // span) * span


def roll_up(points: Iterable[Point], step: float) -> list[Point]:
    """`points`, in order, as points of `step` seconds. Whether the last is whole is the caller's to know."""
    rolled: list[tuple[int, dict[str, list[Any]]]] = []
    values: dict[str, list[Any]] = {}
    for point in points:
        end = point_end_ms(point.time_ms, step)
        if not rolled or rolled[-1][0] != end:
            values = {}
            rolled.append((end, values))
        # Summary.plus() of every key, without making one that is thrown away for each.
        for key, summary in point.values.items():
            known = values.get(key)
            if known is None:
                values[key] = [*summary]
                continue
            total, low, high, ticks = summary
            known[0] = round(known[0] + total, 6)
            if low < known[1]:
                known[1] = low
            if high > known[2]:
                known[2] = high
            known[3] += ticks
    return [
        Point(end, step, {key: Aggregate(*known) for key, known in values.items()}) for end, values in rolled
    ]
