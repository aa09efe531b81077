"""Newest value of each name, until the name is much later than usual.

The caller passes times, which never go back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

Name = TypeVar("Name")

# A name has stopped when it is late by this many of its usual intervals.
EXPIRY_INTERVALS = 3.0
# Weight of the newest interval in the moving average.
SMOOTHING = 0.2


class ExpiringValues(Generic[Name]):
    """Keeps the newest value of each name; a value stays for at least `least` seconds.

    >>> lately = ExpiringValues(least=3.0)
    >>> for time in (0, 10, 20):
    ...     lately.record({"slow": 7.0}, time)
    >>> lately.values_at(45), lately.values_at(51)
    ({'slow': 7.0}, {})
    """

    def __init__(self, least: float) -> None:
        self._least = least
        self._values: dict[Name, float] = {}
        self._came: dict[Name, float] = {}
        self._usual: dict[Name, float] = {}

    def __len__(self) -> int:
        return len(self._came)

    def __contains__(self, name: Name) -> bool:
        return name in self._came

    def record(self, values: Mapping[Name, float], time: float) -> None:
        """Store values that arrived at `time`.

        After a pause the usual interval is EXPIRY_INTERVALS times as long, however long the pause was.
        """
        for name, value in values.items():
            if name in self._came:
                distance = time - self._came[name]
                usual = self._usual.get(name, distance)
                if distance <= EXPIRY_INTERVALS * max(usual, self._least):
                    self._usual[name] = usual + SMOOTHING * (distance - usual)
                else:
                    self._usual[name] = min(distance, EXPIRY_INTERVALS * max(usual, self._least))
            self._values[name] = value
            self._came[name] = time

    def values_at(self, time: float) -> dict[Name, float]:
        """Return the values that have not expired at `time`."""
        return {
            name: value
            for name, value in self._values.items()
            if time - self._came[name] <= max(self._least, EXPIRY_INTERVALS * self._usual.get(name, 0.0))
        }
