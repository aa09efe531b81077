"""Ticks, minutes and hours as one history.

Reads from the coarsest level that is fine enough. The part that a coarser level does not hold yet is computed
from the finer one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import TypeVar

from dashapp.model import columns as columns_of
from dashapp.model.columns import Columns, downsample
from dashapp.model.ticks import StoreUnavailableError, to_milliseconds
from dashapp.stores.base import FOREVER_MS, LOG_RETENTION_MS, Reader, Snapshot

# Maximum points that a response reads of a level before a coarser one serves: numpy gets through these
# without a visible delay. Minutes carry three numbers a point.
MAX_POINTS_READ = (25_000, 20_000, math.inf)
DAY_MS = 86_400_000
# Reads of a segment that the store does not answer, and seconds between two of them.
MAX_READ_ATTEMPTS, READ_RETRY_S = 10, 1.1

Result = TypeVar("Result")


class Levels:
    """The levels of a store at one moment.

    `step` is the seconds between its ticks if it has none yet. `snapshot`: the moment instead of now.
    """

    def __init__(self, store: Reader, step: float, snapshot: Snapshot | None = None) -> None:
        self._store = store
        self._failed_reads = store.failed_reads
        self.snapshot = snapshot or store.snapshot()
        self._coarser = self.snapshot.levels()
        self.newest = self.snapshot.newest
        self.step = self.newest.step if self.newest else step
        self.step_ms = max(1, to_milliseconds(self.step))
        # Older ticks may be closer together than those of today: assume a second, the usual interval.
        self._tick_unit = min(self.step_ms, 1000)

    @property
    def is_complete(self) -> bool:
        """Whether the store has answered all reads so far."""
        return self._store.failed_reads == self._failed_reads

    def size_for(self, start: int, end: int, max_points: int) -> int:
        """Return the milliseconds of a point for (start, end] in at most `max_points` points.

        0 if each tick is a point. The time before the oldest point does not count, so a young store shows its
        ticks in any window.
        """
        if end - start > max_points * self.step_ms:
            start = max(start, self._oldest_of_all())
        elif end - start <= MAX_POINTS_READ[0] * self._tick_unit and self.snapshot.is_in_memory(start):
            return 0  # the usual case, for which the store need not answer
        span = max(0, end - start)
        level = self._choose(start, span)
        unit = self.step_ms if level == 0 else to_milliseconds(self._coarser[level].step)
        times = max(1, math.ceil(span / unit / max_points))
        if level == 0 and times == 1:
            return 0
        return _whole_days(times * unit)

    def coarser_size(self, size: int, times: float) -> int:
        """Return the milliseconds of a point that is at least `times` as long as one of `size`."""
        return _whole_days(max(2, math.ceil(times)) * (size or self.step_ms))

    def _oldest_of_all(self) -> int:
        times = [time for reader in self._coarser if (time := reader.oldest()) is not None]
        oldest = min(times) if times else self._oldest_tick()
        return (oldest or 0) - self.step_ms

    def _oldest_tick(self) -> int | None:
        """Return the time of the log's oldest tick in epoch milliseconds."""
        columns, _is_complete = self.snapshot.ticks(-FOREVER_MS, FOREVER_MS, ())
        return int(columns.t[0]) if len(columns.t) else None

    def read(self, start: int, end: int, size: int, metrics: Collection[str] | None) -> Columns:
        """Read points of `size` milliseconds (0: ticks) in (start, end], both multiples of it."""
        keys = None if metrics is None else sorted(metrics)
        if not size:
            return self._ticks(start, end, keys)
        level = 0
        for number, reader in enumerate(self._coarser):
            if number and size % to_milliseconds(reader.step) == 0:
                level = number
        # The first point is complete too, although it begins before the window.
        points = self._level(level, start // size * size, end, keys)
        return downsample(points, size).between(start, end)

    def ticks_after(self, time_ms: int, metrics: Collection[str] | None) -> Columns | None:
        """Return the ticks after the one at `time_ms`; None if the log no longer has that tick."""
        newest_ms = self.snapshot.cursor.time_ms
        if time_ms == 0:
            # The position in an empty store.
            return None if newest_ms else columns_of.empty_columns()
        keys = None if metrics is None else sorted(metrics)
        columns, _is_complete = self.snapshot.ticks(time_ms - 1, newest_ms, keys)
        if not len(columns.t) or columns.t[0] != time_ms:
            return None
        return columns.between(time_ms, newest_ms).select(None)

    def segments(self, start: int, end: int, keys: Sequence[str]) -> Iterator[Columns]:
        """Yield all points in (start, end] in parts, each from the finest level that has it.

        A part spans one block: ten minutes of ticks, six hours of minutes or 15 days of hours. Points that
        are in no block yet come as one part: ten to twenty minutes of ticks, or all ticks if there is no
        disk. Raises StoreUnavailableError if the store does not answer for long.
        """
        starts = self._repeat(self._starts)
        compacted_until = self._repeat(self._coarser[0].newest) if self._coarser else 0
        position = start
        while position < end:
            level = next((level for level, start_ms in enumerate(starts) if start_ms <= position), None)
            if level is None:
                position = min(starts)
            elif level == 0 and position >= compacted_until:
                # Ticks may have moved into blocks since the first part.
                self.snapshot = self._store.snapshot()
                yield self._repeat(partial(self._ticks, position, end, list(keys)))
                return
            else:
                reader = self._coarser[level]
                block_end = (position // reader.span_ms + 1) * reader.span_ms
                stop = min([end, block_end, compacted_until if level == 0 else block_end, *starts[:level]])
                yield self._repeat(partial(reader.columns, position, stop, keys))
                position = stop

    def _repeat(self, read: Callable[[], Result]) -> Result:
        """Return the result of a read that the store has answered."""
        for attempt in range(MAX_READ_ATTEMPTS):
            if attempt:
                time.sleep(READ_RETRY_S)
            failed_reads = self._store.failed_reads
            result = read()
            if self._store.failed_reads == failed_reads:
                return result
        raise StoreUnavailableError("the store does not answer")

    def _starts(self) -> list[int]:
        """Return for each level, finest first, the time after which it is complete.

        FOREVER_MS if the level is empty. Times are multiples of the next coarser point, so that exactly one
        level serves each point.
        """
        times = [reader.oldest() for reader in self._coarser] or [None]
        if times[0] is None:
            times[0] = self._oldest_tick()
            # The first block may have taken the oldest ticks from the log meanwhile.
            if self._coarser and (oldest := self._coarser[0].oldest()) is not None:
                times[0] = oldest
        units = [to_milliseconds(reader.step) for reader in self._coarser[1:]]
        units.append(units[-1] if units else 1)
        return [
            FOREVER_MS if time is None else (time - 1) // unit * unit
            for time, unit in zip(times, units, strict=True)
        ]

    def _choose(self, start: int, span: int) -> int:
        units = [self._tick_unit, *(to_milliseconds(reader.step) for reader in self._coarser[1:])]
        level = 0
        while level < len(units) - 1 and span / units[level] > MAX_POINTS_READ[level]:
            level += 1
        for coarser in range(level + 1, len(self._coarser)):
            # A coarser level may still hold what the finer one dropped or never had.
            oldest = self._coarser[coarser].oldest()
            if oldest is None or start >= self._oldest(level) or oldest > self._oldest(level):
                break
            level = coarser
        return level

    def _oldest(self, level: int) -> int:
        """Return the time of a level's oldest point, to within one coarser point."""
        oldest = self._coarser[level].oldest()
        if oldest is None:
            # The ticks of the last minutes, which are in no block yet.
            oldest = self.snapshot.cursor.time_ms - LOG_RETENTION_MS
        return oldest - 2 * to_milliseconds(self._coarser[level + 1].step)

    def _level(self, level: int, start: int, end: int, keys: list[str] | None) -> Columns:
        if level == 0:
            return self._ticks(start, end, keys)
        reader = self._coarser[level]
        unit = to_milliseconds(reader.step)
        split = max(start, reader.newest())
        parts = [reader.columns(start, min(end, split), keys)]
        if split < end:
            finer = self._level(level - 1, split, end // unit * unit, keys)
            parts.append(downsample(finer, unit))
        return columns_of.concat(parts)

    def _ticks(self, start: int, end: int, keys: list[str] | None) -> Columns:
        """Return each tick as a point: the newest from the log, older ones from blocks.

        The log comes first: a tick that moves into a block meanwhile is then in both, and never in neither.
        """
        recent, is_complete = self.snapshot.ticks(start, end, keys)
        if is_complete or not self._coarser:
            return recent
        first = int(recent.t[0]) - 1 if len(recent.t) else end
        return columns_of.concat([self._coarser[0].columns(start, first, keys), recent])


def _whole_days(size: int) -> int:
    """Round up to days above a quarter of one.

    Points of several hours each would show day and night as a solid block.
    """
    return size if size <= DAY_MS / 4 else math.ceil(size / DAY_MS) * DAY_MS
