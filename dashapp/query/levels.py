"""Levels: ticks, minutes and hours seen as one history, read from the coarsest that is fine enough.

Whatever a coarser level has not been told yet is made from the finer one, on the spot.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

from dashapp.model import columns as columns_of
from dashapp.model.columns import Columns, downsample
from dashapp.model.ticks import to_milliseconds
from dashapp.stores.base import LOG_RETENTION_MS, Reader

# Points that one answer may read of a level before a coarser one serves: what numpy gets through in the time
# that a viewer does not notice. Minutes carry three numbers a point.
MAX_POINTS_READ = (25_000, 20_000, math.inf)
# Ticks read at the most, whatever the interval.
MAX_TICKS_READ = 80_000
DAY_MS = 86_400_000
# A time after every other, in milliseconds.
NEVER_MS = 1 << 62


class Levels:
    """The levels of a store. `step` is the seconds between its ticks, where it has none yet."""

    def __init__(self, store: Reader, step: float) -> None:
        self._store = store
        self._coarser = store.levels()
        newest = store.since(float("-inf"), 1)
        self.newest = newest[-1] if newest else None
        self.step = self.newest.step if self.newest else step
        self.step_ms = max(1, to_milliseconds(self.step))

    def size_for(self, start: int, end: int, most: int) -> int:
        """Milliseconds a point for (start, end] in at most `most` points; 0 where each tick is one.

        What lies before the oldest point takes no room: a young store shows its ticks in any window.
        """
        if end - start > most * self.step_ms:
            start = max(start, self._oldest_of_all())
        span = max(0, end - start)
        level = self._choose(start, span)
        unit = self.step_ms if level == 0 else to_milliseconds(self._coarser[level].step)
        times = max(1, math.ceil(span / unit / most))
        if level == 0 and times == 1:
            return 0
        # Points of some hours each would show day and night as a solid block, those of whole days do not.
        size = times * unit
        return size if size <= DAY_MS / 4 else math.ceil(size / DAY_MS) * DAY_MS

    def coarser_size(self, span: int, most: int) -> int:
        """Milliseconds a point, where the ticks turned out to be closer together than they are now."""
        times = math.ceil(span / most / self.step_ms)
        return max(2, times) * self.step_ms

    def _oldest_of_all(self) -> int:
        ages = [age for reader in self._coarser if (age := reader.oldest()) is not None]
        if not ages:
            ticks = self._store.since(float("-inf"), MAX_TICKS_READ)
            ages = [to_milliseconds(ticks[0].time)] if ticks else [0]
        return min(ages) - self.step_ms

    def read(self, start: int, end: int, size: int, metrics: Collection[str] | None) -> Columns:
        """Points of `size` milliseconds (0: ticks) in (start, end], where both are whole numbers of them."""
        wanted = None if metrics is None else sorted(metrics)
        if not size:
            return self._ticks(start, end, wanted)
        level = 0
        for number, reader in enumerate(self._coarser):
            if number and size % to_milliseconds(reader.step) == 0:
                level = number
        # The first point is whole too, though it begins before the window does.
        found = self._level(level, start // size * size, end, wanted)
        return downsample(found, size).between(start, end)

    def segments(self, start: int, end: int, wanted: Sequence[str]) -> Iterator[Columns]:
        """All points in (start, end], stretch by stretch, each from the finest level that still has it.

        A stretch is what a block spans: ten minutes of ticks, six hours of minutes, 15 days of hours. What is
        not in blocks yet comes as one: ten to twenty minutes of ticks, or, without a disk, all there are.
        """
        begins = self._starts()
        sealed = self._coarser[0].newest() if self._coarser else 0
        place = start
        while place < end:
            level = next((level for level, begin in enumerate(begins) if begin <= place), None)
            if level is None:
                place = min(begins)
            elif level == 0 and place >= sealed:
                yield self._ticks(place, end, list(wanted))
                return
            else:
                reader = self._coarser[level]
                after = (place // reader.span_ms + 1) * reader.span_ms
                stop = min([end, after, sealed if level == 0 else after, *begins[:level]])
                yield reader.columns(place, stop, wanted)
                place = stop

    def _starts(self) -> list[int]:
        """For each level, finest first, the time after which it has all there is; NEVER where it has nothing.

        A whole number of the next coarser points, so that nothing is told by two levels, or by none.
        """
        ages = [reader.oldest() for reader in self._coarser] or [None]
        if ages[0] is None:
            ticks = self._store.since(float("-inf"), MAX_TICKS_READ)
            ages[0] = to_milliseconds(ticks[0].time) if ticks else None
        units = [to_milliseconds(reader.step) for reader in self._coarser[1:]]
        units.append(units[-1] if units else 1)
        return [
            NEVER_MS if age is None else (age - 1) // unit * unit
            for age, unit in zip(ages, units, strict=True)
        ]

    def _choose(self, start: int, span: int) -> int:
        # Older ticks may have been closer together than today's: count on a second, the usual.
        units = [min(self.step_ms, 1000), *(to_milliseconds(reader.step) for reader in self._coarser[1:])]
        level = 0
        while level < len(units) - 1 and span / units[level] > MAX_POINTS_READ[level]:
            level += 1
        for coarser in range(level + 1, len(self._coarser)):
            # What the finer level has forgotten, or never had, a coarser one may remember.
            oldest = self._coarser[coarser].oldest()
            if oldest is None or start >= self._oldest(level) or oldest > self._oldest(level):
                break
            level = coarser
        return level

    def _oldest(self, level: int) -> int:
        """Where a level begins, give or take a point of the next coarser one."""
        oldest = self._coarser[level].oldest()
        if oldest is None:
            # Ticks that are not sealed yet: those of the last minutes.
            oldest = self._store.newest().time_ms - LOG_RETENTION_MS
        return oldest - 2 * to_milliseconds(self._coarser[level + 1].step)

    def _level(self, level: int, start: int, end: int, wanted: list[str] | None) -> Columns:
        if level == 0:
            return self._ticks(start, end, wanted)
        reader = self._coarser[level]
        unit = to_milliseconds(reader.step)
        known = max(start, reader.newest())
        parts = [reader.columns(start, min(end, known), wanted)]
        if known < end:
            finer = self._level(level - 1, known, end // unit * unit, wanted)
            parts.append(downsample(finer, unit))
        return columns_of.concat(parts)

    def _ticks(self, start: int, end: int, wanted: list[str] | None) -> Columns:
        """Each tick a point: the newest from the log, older ones from its sealed blocks.

        The log is asked first: a tick that is sealed meanwhile is then found in both, and not in neither.
        """
        ticks = self._store.since(start / 1000, MAX_TICKS_READ)
        recent = columns_of.columns_from_ticks(ticks, wanted)
        first = int(recent.t[0]) - 1 if len(recent.t) else end
        more = self._store.since(float("-inf"), len(ticks) + 1)
        # By its time: one more may only have come at the end meanwhile.
        reaches = bool(more) and (not ticks or more[0].time < ticks[0].time)
        if reaches or not self._coarser or first <= start:
            return recent.between(start, end)
        older = self._coarser[0].columns(start, min(end, first), wanted)
        return columns_of.concat([older, recent.between(start, end)])
