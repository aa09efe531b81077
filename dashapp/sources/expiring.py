"""Newest value of each name, until the name is much later than usual.

The caller passes times, which never go back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Generic, TypeVar

Name = TypeVar("Name")

# A name has stopped when it is late by this many of its usual intervals.
EXPIRY_INTERVALS = 3.0
# Weight of the newest interval in the moving average.
SMOOTHING = 0.2


class ExpiringValues(Generic[Name]):
    """Keeps the newest value of each name; a value stays for at least `min_seconds` seconds.

    >>> recent = ExpiringValues(min_seconds=3.0)
    >>> for time in (0, 10, 20):
    ...     recent.record({"slow": 7.0}, time)
    >>> recent.values_at(45), recent.values_at(51)
    ({'slow': 7.0}, {})
    """

    def __init__(self, min_seconds: float) -> None:
        self._min_seconds = min_seconds
        self._values: dict[Name, float] = {}
        self._times: dict[Name, float] = {}
        self._intervals: dict[Name, float] = {}

    def __len__(self) -> int:
        return len(self._times)

    def __contains__(self, name: Name) -> bool:
        return name in self._times

    def record(self, values: Mapping[Name, float], time: float) -> None:
        """Store values that arrived at `time`.

        After a pause the usual interval is EXPIRY_INTERVALS times as long, however long the pause was.
        """
        for name, value in values.items():
            if name in self._times:
                elapsed = time - self._times[name]
                interval = self._intervals.get(name, elapsed)
                if elapsed <= EXPIRY_INTERVALS * max(interval, self._min_seconds):
                    self._intervals[name] = interval + SMOOTHING * (elapsed - interval)
                else:
                    self._intervals[name] = min(elapsed, EXPIRY_INTERVALS * max(interval, self._min_seconds))
            self._values[name] = value
            self._times[name] = time

    def values_at(self, time: float) -> dict[Name, float]:
        """Return the values that have not expired at `time`."""
        return {
            name: value
            for name, value in self._values.items()
            if time - self._times[name]
            <= max(self._min_seconds, EXPIRY_INTERVALS * self._intervals.get(name, 0.0))
        }

    def keep(self, names: Collection[Name]) -> None:
        """Forget all other names."""
        for of_name in (self._values, self._times, self._intervals):
            for name in of_name.keys() - names:
                del of_name[name]
