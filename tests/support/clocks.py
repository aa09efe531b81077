"""A fake clock: a sleep takes no time, and a test can make the wall clock jump."""

from __future__ import annotations


class FakeClock:
    """A wall clock and a monotonic clock; `wait` ends the work after `waits` sleeps."""

    def __init__(self, wall: float = 1_800_000_000.0, waits: int = 1_000_000) -> None:
        self._wall = wall
        self._steady = 1000.0
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
