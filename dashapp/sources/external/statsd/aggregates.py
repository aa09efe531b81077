"""Combine the values of one series between two ticks."""

from __future__ import annotations

import math
from typing import Protocol

from dashapp.sources.external.prometheus_rates import QUANTILES
from dashapp.sources.external.statsd.lines import COUNT, LEVEL, SET, TIMER, Sample

# In a tick: values for the percentiles of a timer, and members of a set.
MAX_KEPT_VALUES, MAX_SET_MEMBERS = 5000, 10_000

Values = tuple[float | None, ...]


class Aggregate(Protocol):
    def add(self, sample: Sample) -> None: ...

    def take_values(self, seconds: float) -> Values:
        """Return the values of a tick of this length, None for a gap, and begin the next one."""


class CountAggregate:
    """Events per second. A tick without events has none."""

    def __init__(self) -> None:
        self._count = 0.0

    def add(self, sample: Sample) -> None:
        self._count += sum(sample.numbers) * sample.weight

    def take_values(self, seconds: float) -> Values:
        count, self._count = self._count, 0.0
        return (count / seconds,)


class LevelAggregate:
    """The last level. A change is relative to it, and to 0 at first."""

    def __init__(self) -> None:
        self._level = 0.0

    def add(self, sample: Sample) -> None:
        for number in sample.numbers:
            self._level = self._level + number if sample.is_change else number

    def take_values(self, seconds: float) -> Values:
        return (self._level,)


class SetAggregate:
    """The number of different values."""

    def __init__(self) -> None:
        self._members: set[str] = set()

    def add(self, sample: Sample) -> None:
        if len(self._members) <= MAX_SET_MEMBERS:
            self._members.add(sample.text)

    def take_values(self, seconds: float) -> Values:
        members, self._members = self._members, set()
        return (float(len(members)) if len(members) <= MAX_SET_MEMBERS else None,)


class TimerAggregate:
    """Events per second, and the mean and percentiles of their values.

    Of many values it keeps each second one, then each fourth one, and so on.
    """

    def __init__(self) -> None:
        self._count = self._total = 0.0
        self._kept: list[float] = []
        self._stride = self._skipped = 0

    def add(self, sample: Sample) -> None:
        self._count += len(sample.numbers) * sample.weight
        self._total += sum(sample.numbers) * sample.weight
        for number in sample.numbers:
            if self._skipped < self._stride:
                self._skipped += 1
                continue
            self._skipped = 0
            self._kept.append(number)
            if len(self._kept) > MAX_KEPT_VALUES:
                self._kept = self._kept[::2]
                self._stride = 2 * self._stride + 1

    def take_values(self, seconds: float) -> Values:
        count, total, kept = self._count, self._total, sorted(self._kept)
        self._count = self._total = 0.0
        self._kept, self._stride, self._skipped = [], 0, 0
        if not kept:
            return (0.0, None, *(None for _ in QUANTILES))
        # The nearest rank: an observed value.
        ranks = (max(math.ceil(share * len(kept)) - 1, 0) for share in QUANTILES)
        return (count / seconds, total / count, *(kept[rank] for rank in ranks))


AGGREGATES: dict[str, type[Aggregate]] = {
    COUNT: CountAggregate,
    LEVEL: LevelAggregate,
    SET: SetAggregate,
    TIMER: TimerAggregate,
}
