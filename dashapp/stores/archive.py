"""The long memory: ticks sealed by the span, rolled up into minutes and hours, the oldest forgotten first.

Each step may be repeated: what is there already is left out. So a restart anywhere between two steps counts
nothing twice and loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashapp.model.rollup import Point, roll_up
from dashapp.stores.archive_level import Level, encode_ticks
from dashapp.stores.shelf import Shelf

MINUTE, HOUR, DAY = 60, 3600, 86_400
# Name, seconds a point, seconds a block: some hundred points a block, whatever the level.
MINUTES = ("minutes", MINUTE, 6 * HOUR)
HOURS = ("hours", HOUR, 15 * DAY)
TICKS = ("seconds", 0, 600)
ALL = (TICKS, MINUTES, HOURS)


@dataclass(frozen=True)
class Retention:
    """How long each level is kept, in seconds, and how many bytes they may take together."""

    ticks: float = 14 * DAY
    minutes: float = 90 * DAY
    hours: float = 730 * DAY
    size: int = 400_000_000

    @property
    def longest(self) -> float:
        return max(self.ticks, self.minutes, self.hours)


class LongMemory:
    """The writing side of all levels. Raises what their shelves do; open it anew then."""

    def __init__(self, open_shelf: Callable[[str], Shelf], retention: Retention) -> None:
        """`open_shelf` gives each level's by its name."""
        self._retention = retention
        self._levels = tuple(Level(open_shelf(name), step, span) for name, step, span in ALL)
        self._ticks, self._minutes, self._hours = self._levels

    @property
    def sealed(self) -> int:
        """The end of the newest sealed span of ticks, in epoch milliseconds."""
        return self._ticks.sealed

    def take(self, ticks: Sequence[Point], end_ms: int) -> None:
        """Keep the ticks of one whole span, a whole number of minutes that ends at `end_ms`."""
        self._minutes.extend(roll_up(ticks, MINUTE))
        while points := self._minutes.whole_span():
            self._hours.extend(roll_up(points, HOUR))
            self._minutes.seal(points)
        while points := self._hours.whole_span():
            self._hours.seal(points)
        self._ticks.add_block(encode_ticks(ticks), ticks[0].time_ms, end_ms)
        self._forget(end_ms)

    def clear(self) -> None:
        for level in self._levels:
            level.clear()

    def size(self) -> int:
        """Bytes in use."""
        return sum(level.size() for level in self._levels)

    def close(self) -> None:
        for level in self._levels:
            level.close()

    def _forget(self, now_ms: int) -> None:
        kept = self._retention
        for level, seconds in zip(self._levels, (kept.ticks, kept.minutes, kept.hours), strict=True):
            level.forget(now_ms - int(seconds * 1000))
        while self.size() > kept.size:
            # The finest first: what it drops still stands in the coarser ones.
            if not any(level.forget_oldest() for level in self._levels):
                break
