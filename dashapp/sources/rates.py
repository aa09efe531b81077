"""Convert counters to rates per second.

The caller passes the time of each reading, by a clock that never goes back: the time when it began to read.
The end of a slow reading would make this rate too low and the next one too high.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

Name = TypeVar("Name")


class CounterRates(Generic[Name]):
    """Remembers the last reading of a group of counters and its time.

    >>> rates = CounterRates()
    >>> rates.per_second({"read": 100}, read_at=0.0)
    {}
    >>> rates.per_second({"read": 300, "written": 7}, read_at=2.0)
    {'read': 100.0}
    >>> rates.per_second({"read": 5, "written": 8}, read_at=3.0)
    {'written': 1.0}
    """

    def __init__(self) -> None:
        self._last_counters: Mapping[Name, float] = {}
        self._last_time = float("-inf")

    def per_second(self, counters: Mapping[Name, float], read_at: float) -> dict[Name, float]:
        """Return the increase of each counter per second since the last reading.

        A counter that is new, or that went back, is omitted once. It went back because of a reset or an
        overflow. The two look alike, and a wrong guess would show a giant spike.
        """
        elapsed = read_at - self._last_time
        if elapsed <= 0:
            return {}
        previous, self._last_counters, self._last_time = self._last_counters, dict(counters), read_at
        return {
            name: (count - previous[name]) / elapsed
            for name, count in counters.items()
            if name in previous and count >= previous[name]
        }
