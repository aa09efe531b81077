"""The common part of the readers of disk and Redis.

Keeps the newest ticks in memory; older ones are read again for each request.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dashapp.model.notices import damage_notice
from dashapp.model.ticks import Tick
from dashapp.stores.archive import BlockReader
from dashapp.stores.base import Reader, row_time

if TYPE_CHECKING:
    from dashapp.stores.archive_reader import ArchiveLevelReader

# Decoded ticks in memory for all viewers.
MAX_CACHED_TICKS = 2048
# The generation of a store that does not exist yet.
NO_GENERATION = "0" * 16


class CachedReader(Reader):
    """A reader of one host's log. A subclass keeps `_ticks` up to date in `newest`."""

    def __init__(self) -> None:
        self._ticks: list[Tick] = []
        # True if the backend has no ticks older than these.
        self._is_whole = False
        self._levels: Sequence[ArchiveLevelReader] | None = None

    def newest_rows(self, limit: int) -> Iterable[object]:
        """Return the backend's newest rows, newest first; none if it does not answer."""
        raise NotImplementedError

    def block_reader(self, level: str, span_ms: int) -> BlockReader:
        """Open one level of the archive, whose blocks span at most `span_ms`."""
        raise NotImplementedError

    def since(self, time: float, limit: int) -> list[Tick]:
        self.newest()
        ticks, is_whole = self._ticks, self._is_whole
        start = bisect_right(ticks, time, key=lambda tick: tick.time)
        if start > 0 or len(ticks) >= limit or is_whole:
            return ticks[max(start, len(ticks) - limit) :]
        before = ticks[0].time if ticks else float("inf")
        return self.read_ticks(time, before, limit - len(ticks)) + ticks

    def read_ticks(self, time: float, before: float, limit: int) -> list[Tick]:
        """Read the newest `limit` ticks between `time` and `before`, oldest first."""
        ticks: list[Tick] = []
        for row in self.newest_rows(limit + MAX_CACHED_TICKS):
            if not isinstance(row, str):
                continue
            try:
                row_s = row_time(row)
                if row_s <= time or len(ticks) >= limit:
                    break
                if row_s < before:
                    ticks.append(Tick.decode(row))
            except ValueError:
                continue  # not written by dashapp
        ticks.reverse()
        return ticks

    def levels(self) -> Sequence[ArchiveLevelReader]:
        if self._levels is None:
            # Only readers of history need numpy, and the collector has no room for it.
            from dashapp.stores.archive_reader import open_levels

            self._levels = open_levels(self.block_reader)
        return self._levels

    def damage_notices(self) -> list[str]:
        damaged = sum(level.damaged for level in self._levels or ())
        return [damage_notice(damaged)] if damaged else []
