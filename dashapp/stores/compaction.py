"""Compaction: moves complete spans of ticks from the log to the archive.

It handles at most one span per tick, and only a part of a wide one. So an older store, a long outage or a
thousand metrics never delay a tick for long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dashapp.model.notices import NoticeSink, os_error_reason
from dashapp.model.rollup import Point, point_end_ms, point_of_tick
from dashapp.model.ticks import Tick, to_milliseconds
from dashapp.stores.archive import Archive
from dashapp.stores.base import LOG_RETENTION_MS, row_time

# Milliseconds to wait after the disk refused a write.
RETRY_MS = 10_000
# Some hundred ticks per span, for any interval: few enough to compact between two ticks.
SPAN_S, SHORT_SPAN_S, FAST_INTERVAL_S = 600, 60, 0.5
# Values to read back between two ticks, which takes about 30 ms.
VALUES_PER_STEP = 30_000


class RowSource(Protocol):
    """The rows of the log. Compaction takes the oldest ones."""

    def oldest(self, limit: int) -> list[str]: ...
    def drop(self, count: int) -> None: ...


class Compactor:
    """Moves the rows that are old enough. After a failure it sets a notice and tries again."""

    def __init__(
        self,
        open_archive: Callable[[], Archive],
        notice: NoticeSink,
        failures: tuple[type[BaseException], ...],
    ) -> None:
        """`failures`: the exceptions of rows and archive that cannot be read or written now."""
        self._open_archive = open_archive
        self._failures = failures
        self._notice = notice
        self._archive: Archive | None = None
        self._rows: list[str] = []  # the rows of the current span
        self._points: list[Point | None] = []  # their points; None for an invalid row.
        self._due = 0  # epoch milliseconds before which no span can be complete.

    def run(self, rows: RowSource, newest: int) -> None:
        """Compact one span, if there is one that ended long enough before `newest` (ms)."""
        if newest < self._due:
            return
        try:
            self._compact_span(rows, newest)
            self._notice.clear()
        except self._failures as error:
            self.close()
            self._due = newest + RETRY_MS
            self._notice.set(
                f"The long-term history cannot be written ({os_error_reason(error)}): the newest ticks wait."
            )

    def _compact_span(self, rows: RowSource, newest: int) -> None:
        first = rows.oldest(1)
        if not first:
            return
        oldest = _decode_tick(first[0])
        if oldest is None:
            rows.drop(1)  # not written by dashapp, and it must not block the others
            return
        span = SHORT_SPAN_S if oldest.step < FAST_INTERVAL_S else SPAN_S
        end = point_end_ms(to_milliseconds(oldest.time), span)
        self._due = end + LOG_RETENTION_MS
        if newest < self._due:
            return
        if self._archive is None:
            self._archive = self._open_archive()
        if self._rows[:1] != first:
            self._points = []
            self._rows = _oldest_rows_until(rows, end, limit=span)
        if end > self._archive.compacted_until:
            if not self.read_more():
                return
            self._archive.append_span([point for point in self._points if point is not None], end)
        rows.drop(len(self._rows))
        self._reset()
        self._due = 0

    def read_more(self) -> bool:
        """Read a part of the span's rows, which needs no disk; True once all are read."""
        remaining = VALUES_PER_STEP
        for row in self._rows[len(self._points) :]:
            if remaining <= 0:
                return False
            tick = _decode_tick(row)
            self._points.append(None if tick is None else point_of_tick(tick))
            remaining -= 1 if tick is None else len(tick.values)
        return True

    def _reset(self) -> None:
        self._rows, self._points = [], []

    def close(self) -> None:
        self._reset()
        self._due = 0
        if self._archive is not None:
            self._archive.close()
            self._archive = None


def _oldest_rows_until(rows: RowSource, end: int, limit: int) -> list[str]:
    """Return the oldest rows up to `end`. A later row must exist."""
    while True:
        oldest = rows.oldest(limit + 1)
        for index, row in enumerate(oldest):
            if _is_later(row, end):
                return oldest[:index]
        if len(oldest) <= limit:
            return []
        limit *= 4


def _decode_tick(row: object) -> Tick | None:
    try:
        return Tick.decode(row) if isinstance(row, str) else None
    except ValueError:
        return None


def _is_later(row: object, end: int) -> bool:
    """Compare only the time at the start of a row; compaction itself finds invalid rows."""
    try:
        return isinstance(row, str) and to_milliseconds(row_time(row)) > end
    except (ValueError, OverflowError):
        return False
