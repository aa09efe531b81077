"""Newest value of each name, until the name is much later than usual.

The caller passes times, which never go back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Generic, TypeVar

Name = TypeVar("Name")

# A name has stopped when it is late by this many of its usual intervals.
EXPIRY_INTERVALS = 3.0
# The newest intervals that determine the usual one.
MAX_INTERVALS = 5
# Values within this share of the minimum are one event: a pipe with a buffer passes many lines at once.
BURST_SHARE = 0.1


class UsualInterval:
    """The usual seconds between two events: the second longest of the newest few intervals.

    So one pause changes nothing, and a slower pace counts from its second interval on.

    >>> usual = UsualInterval()
    >>> for seconds in (1, 1, 1, 3600, 1):
    ...     usual.record(seconds)
    >>> usual.seconds
    1
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._intervals: deque[float] = deque(maxlen=MAX_INTERVALS)

    def record(self, seconds: float) -> None:
        self._intervals.append(seconds)
        self.seconds = sorted(self._intervals)[-2:][0]


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
        self._starts: dict[Name, float] = {}
        self._intervals: dict[Name, UsualInterval] = {}

    def __len__(self) -> int:
        return len(self._times)

    def __contains__(self, name: Name) -> bool:
        return name in self._times

    def record(self, values: Mapping[Name, float], time: float) -> None:
        """Store values that arrived at `time`."""
        for name, value in values.items():
            if name not in self._times:
                self._starts[name] = time
                self._intervals[name] = UsualInterval()
            elif time - self._starts[name] > BURST_SHARE * self._min_seconds:
                self._intervals[name].record(time - self._starts[name])
                self._starts[name] = time
            self._values[name] = value
            self._times[name] = time

    def values_at(self, time: float) -> dict[Name, float]:
        """Return the values that have not expired at `time`."""
        return {
            name: value
            for name, value in self._values.items()
            if time - self._times[name]
            <= max(self._min_seconds, EXPIRY_INTERVALS * self._intervals[name].seconds)
        }
