"""Time for the collector: the clock of the log, and the deadlines of ticks.

Only this module reads the system's clock or sleeps; tests pass a clock of their own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from typing import NamedTuple, Protocol

from dashapp.model.ticks import MAX_LEAD_S

# Slew rate after the system's clock was set back by up to MAX_LEAD_S. As with adjtime(3), the log's time runs
# slow until both agree, so that ticks stay in order. It runs slower if they would not agree in MAX_LEAD_S.
MIN_SLEW_RATE = 0.1
# Seconds by which the wall clock must jump to count as set. A smaller jump is drift, or NTP at work.
MIN_JUMP_S = 1.0
# Seconds of the shortest sleep: while the log's time runs slow, a deadline comes closer only slowly.
MIN_WAIT_S = 0.001
# The wall clock of a machine without a battery starts earlier. Until it is set, the log's time goes on.
MIN_WALL_S = 1e9
# Seconds after which a step of the clock is no mistake that a step back corrects.
MAX_MISTAKE_S = 86_400.0


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
        # Linux stops the monotonic clock while the machine is suspended: the wall clock would seem to jump.
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        return self._stop.wait(seconds)


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The wall clock was set, and the log follows it at once. Times are in seconds UTC.

    `time`: the wall clock after the step. `size`: seconds by which it was set, negative for back. `after`:
    ticks later than this have wrong times; None if there are none. `restores`: whether ticks that an earlier
    step with this `after` removed are right after all. `is_observed`: whether the clock was set while the
    collector ran.
    """

    time: float
    size: float
    after: float | None = None
    restores: bool = False
    is_observed: bool = True


class LogClock:
    """The time of ticks: the wall clock, without a short step back.

    After a step back of up to MAX_LEAD_S it runs slow until both agree. After a longer one it follows the
    wall clock at once, and `take_steps` returns what is wrong with the log.

    Two opposite steps within MAX_MISTAKE_S are a mistake and its correction: ticks between them have wrong
    times.
    """

    def __init__(self, clock: Clock, newest: float = 0.0) -> None:
        """`newest`: the time of the newest tick in the store; 0 if there is none."""
        self._clock = clock
        self._reference = (clock.wall(), clock.monotonic())
        self._time = newest
        self._slew_rate = 0.0
        self._steps: list[ClockStep] = []
        self._open_steps: list[_OpenStep] = []

    def now(self) -> float:
        wall, monotonic = self._clock.wall(), self._clock.monotonic()
        elapsed = max(0.0, monotonic - self._reference[1])
        jump = wall - self._reference[0] - elapsed
        self._reference = (wall, monotonic)
        lead = self._time + elapsed - wall
        if wall < MIN_WALL_S < self._time:
            self._time += elapsed
        elif lead > MAX_LEAD_S:
            self._step_back(wall, lead, is_observed=jump < -MIN_JUMP_S)
        elif jump > MAX_LEAD_S and -lead > MAX_LEAD_S:
            self._step_forward(wall, -lead)
        elif lead > 0:
            self._slew_rate = max(self._slew_rate, MIN_SLEW_RATE, lead / MAX_LEAD_S)
            self._time = max(wall, self._time + elapsed * (1 - self._slew_rate))
        else:
            self._time, self._slew_rate = wall, 0.0
        return self._time

    def take_steps(self) -> list[ClockStep]:
        """Return the steps since the last call, oldest first."""
        steps, self._steps = self._steps, []
        return steps

    def _step_back(self, wall: float, lead: float, is_observed: bool) -> None:
        mistake = self._take_back(-lead) if is_observed else None
        # Without an opposite step the clock may be wrong now, so ticks before its time stay.
        after = wall if mistake is None else min(wall, mistake.log_time)
        step = ClockStep(wall, -lead, after, is_observed=is_observed)
        self._steps.append(step)
        if mistake is None:
            self._open_steps.append(_OpenStep(step, self._time, self._reference[1]))
        self._time, self._slew_rate = wall, 0.0

    def _step_forward(self, wall: float, size: float) -> None:
        mistake = self._take_back(size)
        if mistake is None:
            step = ClockStep(wall, size)
            self._open_steps.append(_OpenStep(step, self._time, self._reference[1]))
            self._time = wall
        else:
            step = ClockStep(wall, size, mistake.step.after, restores=True)
            self._time = max(wall, mistake.log_time)
        self._steps.append(step)
        self._slew_rate = 0.0

    def _take_back(self, size: float) -> _OpenStep | None:
        """Remove and return the last step if one of `size` takes it back."""
        now = self._reference[1]
        self._open_steps = [entry for entry in self._open_steps if now - entry.moment <= MAX_MISTAKE_S]
        if self._open_steps and _is_opposite(self._open_steps[-1].step, size):
            return self._open_steps.pop()
        return None


class _OpenStep(NamedTuple):
    """A step that an opposite one may take back, with the log's time before it, and its moment."""

    step: ClockStep
    log_time: float
    moment: float


def _is_opposite(step: ClockStep, size: float) -> bool:
    if not step.is_observed:
        # The newest tick in the store shows only the least by which the clock was behind.
        return size >= -step.size - MAX_LEAD_S
    return abs(size + step.size) <= min(MAX_LEAD_S, abs(size) / 10)


def deadlines(clock: Clock, interval: float, log_clock: LogClock, first: float) -> Iterator[float]:
    """Yield each whole multiple of `interval` when it is due, until the work is over.

    A deadline that passed during a sleep (a suspended machine, a stopped process) is skipped and not made up
    for. `first`: minimum seconds before the first deadline, because measuring a rate needs time.
    """
    previous = log_clock.now()
    due = math.ceil(round((previous + first) / interval, 6))
    while True:
        while (now := log_clock.now()) < due * interval:
            if now < previous:
                due = math.floor(round(now / interval, 6)) + 1
            previous = now
            if clock.wait(max(MIN_WAIT_S, min(due * interval - now, 1.0))):
                return
        previous = now
        due = max(due, math.floor(round(now / interval, 6)))
        yield round(due * interval, 3)
        due += 1
