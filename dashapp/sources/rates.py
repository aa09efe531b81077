"""Rates from counters: how much was counted a second since the last reading.

Knows no source; the clock is handed in, and never goes back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

Name = TypeVar("Name")


class CounterRates(Generic[Name]):
    """The last reading of a family of counters, and when it was.

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
        self._before: Mapping[Name, float] = {}
        self._then = float("-inf")

    def per_second(self, counters: Mapping[Name, float]) -> dict[Name, float]:
        """What each counter gained a second. A counter that is new, or that stepped back, is left out once.

        A step back is a reset or a wrap, and which of them cannot be told: any guess may be a giant spike.
        """
        now = self._clock()
        elapsed = now - self._then
        if elapsed <= 0:
            return {}
        before, self._before, self._then = self._before, dict(counters), now
        return {
            name: (count - before[name]) / elapsed
            for name, count in counters.items()
            if name in before and count >= before[name]
        }
