"""Sealing: takes whole spans of ticks out of the newest rows and hands them to the long memory.

At most one span a tick, and of a wide one a part, so that nothing (an older store, a long outage, a thousand
metrics) holds a tick up for long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dashapp.model.notices import NoticeSink, os_error_reason
from dashapp.model.rollup import Point, point_end_ms, point_of_tick
from dashapp.model.ticks import Tick, to_milliseconds
from dashapp.stores.archive import Archive
from dashapp.stores.base import LOG_RETENTION_MS, row_time

# How long to leave a disk alone that has just refused.
RETRY_MS = 10_000
# Some hundred ticks a span, whatever the interval: few enough to seal between two ticks.
SPAN_S, SHORT_SPAN_S, FAST_INTERVAL_S = 600, 60, 0.5
# Values read back between two ticks, about 30 ms of them.
VALUES_PER_STEP = 30_000


class RowSource(Protocol):
    """The newest rows, of which sealing takes the oldest away."""

    def oldest(self, limit: int) -> list[str]: ...
    def drop(self, count: int) -> None: ...


class Compactor:
    """Moves what is old enough. Its failures are told and tried again; the rows wait meanwhile."""

    def __init__(
        self,
        open_memory: Callable[[], Archive],
        notice: NoticeSink,
        failures: tuple[type[BaseException], ...],
    ) -> None:
        """`failures`: what rows and memory raise where they cannot be read or written now."""
        self._open = open_memory
        self._failures = failures
        self._notice = notice
        self._memory: Archive | None = None
        self._found: list[str] = []  # the rows of the span that is being read
        self._points: list[Point | None] = []  # what has been read of them, None for what is no tick
        self._due = 0  # no span can be whole before a tick of this time, in epoch milliseconds

    def run(self, rows: RowSource, newest: int) -> None:
        """Seal one span where there is a whole one that ended long enough before `newest` (ms)."""
        if newest < self._due:
            return
        try:
            self._compact_span(rows, newest)
            self._notice.clear()
        except self._failures as error:
            self.close()
            self._due = newest + RETRY_MS
            self._notice.set(
                f"The long history cannot be written ({os_error_reason(error)}); the newest ticks wait."
            )

    def _compact_span(self, rows: RowSource, newest: int) -> None:
        first = rows.oldest(1)
        if not first:
            return
        oldest = _decode_tick(first[0])
        if oldest is None:
            rows.drop(1)  # no row of ours: nobody reads it, and it must not stand in the way
            return
        span = SHORT_SPAN_S if oldest.step < FAST_INTERVAL_S else SPAN_S
        end = point_end_ms(to_milliseconds(oldest.time), span)
        self._due = end + LOG_RETENTION_MS
        if newest < self._due:
            return
        if self._memory is None:
            self._memory = self._open()
        if self._found[:1] != first:
            self._points = []
            self._found = _oldest_rows_until(rows, end, at_first=span)
        if end > self._memory.compacted_until:
            if not self.read_more():
                return
            self._memory.append_span([point for point in self._points if point is not None], end)
        rows.drop(len(self._found))
        self._reset()
        self._due = 0

    def read_more(self) -> bool:
        """Read a part of the span's rows, which needs no disk; True once all are read."""
        room = VALUES_PER_STEP
        for row in self._found[len(self._points) :]:
            if room <= 0:
                return False
            tick = _decode_tick(row)
            self._points.append(None if tick is None else point_of_tick(tick))
            room -= 1 if tick is None else len(tick.values)
        return True

    def _reset(self) -> None:
        self._found, self._points = [], []

    def clear(self) -> None:
        """Forget all that was ever sealed."""
        memory = self._memory or self._open()
        self._memory = memory
        memory.clear()
        self._reset()
        self._due = 0

    def close(self) -> None:
        self._reset()
        self._due = 0
        if self._memory is not None:
            self._memory.close()
            self._memory = None


def _oldest_rows_until(rows: RowSource, end: int, at_first: int) -> list[str]:
    """The oldest rows before the first that is later than `end`, which must be there."""
    while True:
        found = rows.oldest(at_first + 1)
        for place, row in enumerate(found):
            if _is_later(row, end):
                return found[:place]
        if len(found) <= at_first:
            return []
        at_first *= 4


def _decode_tick(row: object) -> Tick | None:
    try:
        return Tick.decode(row) if isinstance(row, str) else None
    except ValueError:
        return None


def _is_later(row: object, end: int) -> bool:
    """By the time at its beginning alone: what is no tick is found out when it is sealed."""
    try:
        return isinstance(row, str) and to_milliseconds(row_time(row)) > end
    except (ValueError, OverflowError):
        return False
