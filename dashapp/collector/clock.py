"""Time for the collector: one that never goes back, and the grid that ticks are due on.

The only place that asks the system what time it is or sleeps; tests hand in a clock of their own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from threading import Event
from typing import Protocol

# How fast the log's time gives way after the system's clock was set back: 10 % slow until they meet,
# as adjtime(3) does, so that ticks keep their order and none is lost.
SLEW_RATE = 0.1


class Clock(Protocol):
    def wall(self) -> float:
        """Seconds UTC; may jump either way."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""

    def wait(self, seconds: float) -> bool:
        """Sleep; True where the sleep was ended because the work is over."""


class SystemClock:
    """The system's time, and a sleep that `stop` ends."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        return self._stop.wait(seconds)


class MonotonicWallClock:
    """The wall clock, kept from going back: by as much as it was set back it runs ahead, and slows."""

    def __init__(self, clock: Clock, newest: float = 0.0) -> None:
        """`newest`: the time of the newest tick in the store, which no later tick may precede."""
        self._clock = clock
        self._ahead = max(0.0, newest - clock.wall())
        self._mark = (clock.wall(), clock.monotonic())

    def now(self) -> float:
        wall, steady = self._clock.wall(), self._clock.monotonic()
        elapsed = steady - self._mark[1]
        jump = wall - self._mark[0] - elapsed
        # Less is drift, or NTP at work. A jump forward makes up for one that was made back.
        if abs(jump) > 0.5:
            self._ahead -= jump
        self._ahead = max(0.0, self._ahead - (SLEW_RATE * elapsed))
        self._mark = (wall, steady)
        return wall + self._ahead


def deadlines(clock: Clock, interval: float, log_time: MonotonicWallClock, first: float) -> Iterator[float]:
    """Sleep from one whole multiple of `interval` to the next and yield each, until the work is over.

    A deadline that was slept over (a suspended machine, a stopped process) is left out, never made up for.
    `first`: seconds from now before which none is due, for a rate needs time to be measured over.
    """
    due = math.ceil(round((log_time.now() + first) / interval, 6))
    while True:
        while (left := due * interval - log_time.now()) > 0:
            if clock.wait(min(left, 1.0)):
                return
        late = math.floor(round(log_time.now() / interval, 6))
        due = max(due, late)
        yield round(due * interval, 3)
        due += 1
