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
        self._lead = max(0.0, newest - clock.wall())
        self._reference = (clock.wall(), clock.monotonic())

    def now(self) -> float:
        wall, monotonic = self._clock.wall(), self._clock.monotonic()
        elapsed = monotonic - self._reference[1]
        jump = wall - self._reference[0] - elapsed
        # A smaller jump is drift, or NTP at work. A jump forward cancels an earlier jump back.
        if abs(jump) > 0.5:
            self._lead -= jump
        self._lead = max(0.0, self._lead - (SLEW_RATE * elapsed))
        self._reference = (wall, monotonic)
        return wall + self._lead


def deadlines(clock: Clock, interval: float, log_time: MonotonicWallClock, first: float) -> Iterator[float]:
    """Yield each whole multiple of `interval` when it is due, until the work is over.

    A deadline that passed during a sleep (a suspended machine, a stopped process) is skipped and not made up
    for. `first`: minimum seconds before the first deadline, because measuring a rate needs time.
    """
    due = math.ceil(round((log_time.now() + first) / interval, 6))
    while True:
        while (remaining := due * interval - log_time.now()) > 0:
            if clock.wait(min(remaining, 1.0)):
                return
        current = math.floor(round(log_time.now() / interval, 6))
        due = max(due, current)
        yield round(due * interval, 3)
        due += 1
