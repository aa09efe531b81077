"""Convert counters to rates per second.

The caller passes the clock, which never goes back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

Name = TypeVar("Name")


class CounterRates(Generic[Name]):
    """Remembers the last reading of a group of counters and its time.

    >>> seconds = iter([0.0, 2.0, 3.0])
    >>> rates = CounterRates(lambda: next(seconds))
    >>> rates.per_second({"read": 100})
    {}
    >>> rates.per_second({"read": 300, "written": 7})
    {'read': 100.0}
    >>> rates.per_second({"read": 5, "written": 8})
    {'written': 1.0}
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_counters: Mapping[Name, float] = {}
        self._last_time = float("-inf")

    def per_second(self, counters: Mapping[Name, float]) -> dict[Name, float]:
        """Return the increase of each counter per second since the last reading.

        A counter that is new, or that went back, is omitted once. It went back because of a reset or an
        overflow. The two look alike, and a wrong guess would show a giant spike.
        """
        now = self._clock()
        elapsed = now - self._last_time
        if elapsed <= 0:
            return {}
        previous, self._last_counters, self._last_time = self._last_counters, dict(counters), now
        return {
            name: (count - previous[name]) / elapsed
            for name, count in counters.items()
            if name in previous and count >= previous[name]
        }
