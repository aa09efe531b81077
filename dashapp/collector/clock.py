"""Time for the collector: a clock that never goes back, and the deadlines of ticks.

Only this module reads the system's clock or sleeps; tests pass a clock of their own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from threading import Event
from typing import Protocol

# Slew rate after the system's clock was set back. As with adjtime(3), the log's time runs 10 % slow until
# both agree, so that ticks stay in order and none is lost.
SLEW_RATE = 0.1


class Clock(Protocol):
    def wall(self) -> float:
        """Seconds UTC; may jump either way."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""

    def wait(self, seconds: float) -> bool:
        """Sleep. Return True if the work is over, which ends the sleep early."""


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
    """A wall clock that never goes back: after a step back it runs slow until both agree."""

    def __init__(self, clock: Clock, newest: float = 0.0) -> None:
        """`newest`: the time of the newest tick in the store; no later tick may precede it."""
        self._clock = clock
        self._ahead = max(0.0, newest - clock.wall())
        self._mark = (clock.wall(), clock.monotonic())

    def now(self) -> float:
        wall, steady = self._clock.wall(), self._clock.monotonic()
        elapsed = steady - self._mark[1]
        jump = wall - self._mark[0] - elapsed
        # A smaller jump is drift, or NTP at work. A jump forward cancels an earlier jump back.
        if abs(jump) > 0.5:
            self._ahead -= jump
        self._ahead = max(0.0, self._ahead - (SLEW_RATE * elapsed))
        self._mark = (wall, steady)
        return wall + self._ahead


def deadlines(clock: Clock, interval: float, log_time: MonotonicWallClock, first: float) -> Iterator[float]:
    """Yield each whole multiple of `interval` when it is due, until the work is over.

    A deadline that passed during a sleep (a suspended machine, a stopped process) is skipped and not made up
    for. `first`: minimum seconds before the first deadline, because measuring a rate needs time.
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
