"""The newest ticks of a log in memory, decoded once for all requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dashapp.model.ticks import Cursor, Tick
from dashapp.stores.base import Level, Snapshot

if TYPE_CHECKING:
    from dashapp.model.column_buffer import ColumnBuffer
    from dashapp.model.columns import Columns

    LoadOlder = Callable[[Columns, int, Sequence[str] | None], tuple[Columns, Columns]]

# Ticks in memory, and values of them: 48 MB. With five thousand metrics these are the ticks of the log.
MAX_CACHED_TICKS, MAX_CACHED_VALUES = 8192, 6_000_000
# Ticks that wait to become columns. The collector reads fewer, and so it needs no numpy.
MAX_NEW_TICKS = 4096


class TickCache:
    """The newest ticks, without a hole. Its owner locks.

    `is_whole` is True if the log has no ticks older than these.
    """

    def __init__(self, max_ticks: int = MAX_CACHED_TICKS, max_values: float = MAX_CACHED_VALUES) -> None:
        self._max = max_ticks, max_values
        self.replace([], is_whole=True)

    def replace(self, ticks: Sequence[Tick], is_whole: bool) -> None:
        """Begin again with these ticks."""
        self.newest: Tick | None = None
        self.is_whole = is_whole
        self._new: list[Tick] = []
        self._buffer: ColumnBuffer | None = None
        self.extend(ticks)

    def extend(self, ticks: Sequence[Tick]) -> None:
        """Add the next ticks."""
        self._new += ticks
        if self._new:
            self.newest = self._new[-1]
        if len(self._new) > MAX_NEW_TICKS:
            self.columns()

    def prepend(self, ticks: Sequence[Tick]) -> bool:
        """Add ticks that come directly before the others. Return whether all fitted."""
        self.columns()
        assert self._buffer is not None
        fits = self._buffer.prepend(ticks) == len(ticks)
        self.is_whole = self.is_whole and fits
        return fits

    def columns(self) -> Columns:
        """Return all ticks, each as a point. Later changes do not affect it."""
        if self._buffer is None:
            # Only the web process has room for numpy.
            from dashapp.model.column_buffer import ColumnBuffer

            self._buffer = ColumnBuffer(*self._max)
        removed = self._buffer.removed
        self._buffer.append(self._new)
        self._new = []
        self.is_whole = self.is_whole and self._buffer.removed == removed
        return self._buffer.columns()


class LogSnapshot(Snapshot):
    """A log with a cache.

    `load_older` reads the ticks of the log back to a time. It takes the columns in memory, the time and the
    metrics, and returns the columns that are in memory then, and those of the request.
    """

    def __init__(
        self,
        cursor: Cursor,
        cache: TickCache,
        open_levels: Callable[[], Sequence[Level]],
        load_older: LoadOlder | None = None,
    ) -> None:
        self.cursor = cursor
        self.newest = cache.newest
        self._columns = cache.columns()
        self._open_levels = open_levels
        self._load_older = None if cache.is_whole else load_older

    def ticks(self, start: int, end: int, metrics: Sequence[str] | None) -> tuple[Columns, bool]:
        columns = self._columns
        if self._load_older is not None and not self.is_in_memory(start):
            self._columns, columns = self._load_older(columns, start, metrics)
        part = columns.between(start, min(end, self.cursor.time_ms))
        return part.select(metrics), _reaches(columns, start)

    def is_in_memory(self, start: int) -> bool:
        return _reaches(self._columns, start)

    def levels(self) -> Sequence[Level]:
        return self._open_levels()


def _reaches(columns: Columns, start: int) -> bool:
    return bool(len(columns.t)) and bool(columns.t[0] <= start)
