"""A fake clock: a sleep takes no time, and a test can make the wall clock jump."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

# The start of the wall clock in seconds UTC, and of the monotonic clock in seconds.
START, BOOT = 1_790_000_000.0, 1000.0


class FakeClock:
    """A wall clock and a monotonic clock; `wait` ends the work after `waits` sleeps."""

    def __init__(self, wall: float = 1_800_000_000.0, waits: int = 1_000_000) -> None:
        self._wall = wall
        self._steady = BOOT
        self._waits = waits

    def wall(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._steady

    def wait(self, seconds: float) -> bool:
        # The system wakes a thread late, never early.
        self.pass_time(seconds + 0.000_05)
        self._waits -= 1
        return self._waits <= 0

    def pass_time(self, seconds: float) -> None:
        self._wall += seconds
        self._steady += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock, as NTP, a person or a suspended machine does."""
        self._wall += seconds


class SteppingClock(FakeClock):
    """A fake clock that is set at given times, and ends the work after `seconds`.

    `steps`: pairs of the seconds since the start and the seconds by which the wall clock is set.
    """

    def __init__(self, steps: Sequence[tuple[float, float]], seconds: float, wall: float = START) -> None:
        super().__init__(wall)
        self.start = wall
        self._end = self.monotonic() + seconds
        self._steps = [(self.monotonic() + after, jump) for after, jump in steps]
        self.step_times: list[float] = []

    def true(self) -> float:
        """Return the time that the wall clock would have without any step."""
        return self.start + self.monotonic() - BOOT

    def is_set_since(self, seconds: float) -> bool:
        """Whether the clock was set during the last `seconds`."""
        return bool(self.step_times) and self.monotonic() - self.step_times[-1] <= seconds

    def jump(self, seconds: float) -> None:
        super().jump(seconds)
        self.step_times.append(self.monotonic())

    def wait(self, seconds: float) -> bool:
        super().wait(seconds)
        while self._steps and self.monotonic() >= self._steps[0][0]:
            self.jump(self._steps.pop(0)[1])
        return self.monotonic() >= self._end

    def extend(self, steps: Sequence[tuple[float, float]], seconds: float) -> None:
        """Continue for another `seconds`, as after a restart of the collector."""
        self._end = self.monotonic() + seconds
        self._steps = [(self.monotonic() + after, jump) for after, jump in steps]


class EndedPause:
    """A `pause` for a thread without an end: short, and after `end` for ever.

    A thread that goes on after its test takes processor time from all later tests of its worker.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._ended = Event()

    def __call__(self, _seconds: float) -> None:
        if self._ended.wait(self._seconds):
            Event().wait()

    def end(self) -> None:
        self._ended.set()
