"""The common part of the readers of disk and Redis.

Keeps the newest ticks in memory, and reads older ones when a request needs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from dashapp.model.notices import damage_notice
from dashapp.model.ticks import Cursor, Tick
from dashapp.stores.base import MeanLevel, Reader, TopLevel, row_time_ms
from dashapp.stores.history.archive import BlockReader
from dashapp.stores.history.mean_levels import open_mean_levels
from dashapp.stores.tick_cache import LogSnapshot, TickCache
from dashapp.stores.top_levels import TopLevelReader, open_top_levels

if TYPE_CHECKING:
    from dashapp.model.columns import Columns
    from dashapp.stores.history.archive_reader import ArchiveLevelReader

# The generation of a store that does not exist yet.
NO_GENERATION = "0" * 16
# Maximum ticks of the log that one request reads.
MAX_TICKS_READ = 80_000
# Values of ticks that a request decodes at once: 4 MB. Larger parts take no less time.
MAX_VALUES_DECODED = 50_000
# Rows in the first and in each later read of the log.
MIN_ROWS_READ, MAX_ROWS_READ = 32, 512


class CachedReader(Reader):
    """A reader of one host's log.

    A subclass updates `newest_cursor` and `_cache` together, with the lock.
    """

    def __init__(self) -> None:
        self.newest_cursor = Cursor(NO_GENERATION, 0)
        self._cache = TickCache()
        self._lock = Lock()
        self._levels: Sequence[ArchiveLevelReader] | None = None
        self._top_levels: Sequence[TopLevelReader] | None = None

    def newest_rows(self) -> Iterator[object]:
        """Yield the backend's rows, newest first; none if it does not answer."""
        raise NotImplementedError

    def oldest_row(self) -> object:
        """Return the backend's oldest row; None if it has none or does not answer."""
        raise NotImplementedError

    def block_reader(self, level: str, span_ms: int) -> BlockReader:
        """Open one level of the archive, whose blocks span at most `span_ms`."""
        raise NotImplementedError

    def snapshot(self) -> LogSnapshot:
        self.newest()
        with self._lock:
            return LogSnapshot(self.newest_cursor, self._cache, self.levels, self._load_older)

    def read_ticks(self, time: float, before: float, limit: int) -> list[Tick]:
        """Read the newest `limit` ticks between `time` and `before`, oldest first."""
        ticks: list[Tick] = []
        for time_ms, row in self._timed_rows():
            if time_ms / 1000 <= time or len(ticks) >= limit:
                break
            if time_ms / 1000 < before:
                with suppress(ValueError):  # not written by dashapp
                    ticks.append(Tick.decode(row))
        ticks.reverse()
        return ticks

    def levels(self) -> Sequence[ArchiveLevelReader]:
        # Another thread may drop them meanwhile.
        levels = self._levels
        if levels is None:
            # Only readers of history need numpy, and the collector has no room for it.
            from dashapp.stores.history.archive_reader import open_levels

            levels = self._levels = open_levels(self.block_reader)
        return levels

    def top_levels(self) -> Sequence[TopLevel]:
        levels = self._top_levels
        if levels is None:
            levels = self._top_levels = open_top_levels(self.block_reader)
        return levels

    def mean_levels(self) -> tuple[MeanLevel, MeanLevel]:
        return open_mean_levels(self.block_reader)

    def damage_notices(self) -> list[str]:
        damaged = sum(level.damaged for level in self._levels or ())
        damaged += sum(level.damaged for level in self._top_levels or ())
        return [damage_notice(damaged)] if damaged else []

    def _load_older(
        self, columns: Columns, start: int, metrics: Sequence[str] | None
    ) -> tuple[Columns, Columns]:
        """Read the older ticks of the log, back to one at or before `start`.

        Return `columns` with those that the cache has room for, and with all of them. The latter may have
        only `metrics`, because a log of many metrics would otherwise need hundreds of megabytes.
        """
        from dashapp.model.columns import columns_from_ticks, concat

        failed_reads = self.failed_reads
        first = int(columns.t[0]) if len(columns.t) else None
        beyond: list[Columns] = []
        has_older = False
        for ticks, is_adjacent in self._read_before(first, start):
            has_older = has_older or bool(ticks)
            with self._lock:
                cached = self._cache.columns()
                is_next = is_adjacent and len(cached.t) and int(cached.t[0]) == first
                if is_next and not has_older:
                    # Otherwise there may be older ticks that could not be read now.
                    self._cache.is_whole = self.failed_reads == failed_reads
                elif is_next and not beyond and self._cache.prepend(ticks):
                    columns = self._cache.columns()
                    first = int(columns.t[0])
                    continue
            beyond.append(columns_from_ticks(ticks, metrics))
        if not any(len(part.t) for part in beyond):
            return columns, columns
        newer = columns if metrics is None else columns.select(metrics)
        return columns, concat([*reversed(beyond), newer])

    def _read_before(self, first: int | None, start: int) -> Iterator[tuple[list[Tick], bool]]:
        """Yield the ticks before `first`, back to one at or before `start`, in parts.

        The newest part is first. With each part, yield whether it comes directly before the one after it. The
        first does not if the log lacks the tick at `first`: its writer may still keep older ticks in memory.
        A part may be empty.
        """
        from dashapp.stores.history.archive_reader import decode_tick

        if first is not None and row_time_ms(self.oldest_row()) >= first:
            yield [], True
            return
        ticks: list[Tick] = []
        is_adjacent = False
        count = values = 0
        for time_ms, row in self._timed_rows():
            if first is None or time_ms < first:
                with suppress(ValueError):
                    ticks.append(decode_tick(row))
                    values += len(ticks[-1].values)
                count += 1
                if time_ms <= start or count >= MAX_TICKS_READ:
                    break
                if values >= MAX_VALUES_DECODED:
                    ticks.reverse()
                    yield ticks, is_adjacent
                    ticks, values = [], 0
            else:
                is_adjacent = is_adjacent or time_ms == first
        ticks.reverse()
        yield ticks, is_adjacent

    def _timed_rows(self) -> Iterator[tuple[int, str]]:
        """Yield the rows that begin with a time, newest first, each with it in epoch milliseconds."""
        for row in self.newest_rows():
            if isinstance(row, str) and (time_ms := row_time_ms(row)):
                yield time_ms, row
