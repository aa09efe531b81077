"""Compaction: moves complete spans of ticks from the log to the archive.

It works in small steps between ticks. So an older store, a long outage or thousands of metrics delay no tick.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from dashapp.model.notices import NoticeSink, os_error_reason
from dashapp.model.rollup import point_end_ms
from dashapp.model.ticks import Tick, to_milliseconds
from dashapp.model.top import TopRecord
from dashapp.stores.base import LOG_RETENTION_MS, row_time_ms
from dashapp.stores.history.archive import MINUTE, TICK_LEVEL, Archive
from dashapp.stores.history.rewind import RewindableLog, Rewinder
from dashapp.stores.history.span import TICK_PARTS, Span

Position = TypeVar("Position")

# Milliseconds to wait after the disk refused a write.
RETRY_MS = 10_000
# The cost of all steps between two ticks, in microseconds: a tenth of the interval, within these limits. A
# span with a block that costs more ends early, at a whole minute.
MAX_COST_PER_RUN, MIN_COST_PER_RUN, MAX_SPAN_COST = 100_000, 5_000, 300_000
# Rows to read at a time, and to delete at a time.
ROWS_PER_READ, ROWS_PER_DROP = 20, 100
# A log of rows that are longer than this many characters keeps them for a shorter time, but at least so long.
LONG_ROW_CHARS, MIN_LOG_RETENTION_MS = 20_000, 120_000
# Records of top processes that wait while they cannot be written: those of an hour.
MAX_WAITING_RECORDS = 360


class RowSource(Protocol[Position]):
    """The rows of the log."""

    def read(self, after: Position | None, limit: int) -> list[tuple[Position, object]]:
        """Return the first `limit` rows after a position (None: of all), each with its position."""

    def drop(self, until: Position) -> None:
        """Delete the rows up to a position."""


class Compactor(Generic[Position]):
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
        self._steps: Iterator[int] | None = None
        self._newest = 0
        self._retry_ms = 0
        self._damaged_rows = 0
        # Another thread may add to these.
        self._records: deque[TopRecord] = deque(maxlen=MAX_WAITING_RECORDS)
        # The sentence of the notice; None if it is not known.
        self._sentence: str | None = None

    def run(self, rows: RowSource[Position], newest: int) -> None:
        """Do the next steps. `newest` is the newest tick in milliseconds."""
        if newest < self._retry_ms:
            return
        # Ticks are regular, so the time since the last one is the interval.
        interval_ms = newest - self._newest
        max_cost = min(MAX_COST_PER_RUN, max(MIN_COST_PER_RUN, 100 * interval_ms))
        self._newest = newest
        if self._steps is None:
            self._steps = self._compact_spans(rows)
        cost = 0
        try:
            self._write_records()
            for step_cost in self._steps:
                cost += step_cost
                if cost >= max_cost:
                    return
        except self._failures as error:
            self.close()
            self._retry_ms = newest + RETRY_MS
            self._set_notice(
                f"The long-term history cannot be written ({os_error_reason(error)}): the newest ticks wait."
            )
        except BaseException:
            # A generator ends with its exception: the next run needs another one.
            self.close()
            raise

    def put_top(self, record: TopRecord) -> None:
        """Add a record of top processes, which the next run writes."""
        self._records.append(record)

    def drop_top(self, after_ms: int) -> None:
        """Forget the records later than `after_ms` that are not written yet."""
        for record in [record for record in self._records if record.time_ms > after_ms]:
            with suppress(ValueError):  # it was written meanwhile
                self._records.remove(record)

    def _write_records(self) -> None:
        if not self._records:
            return
        if self._archive is None:
            self._archive = self._open_archive()
        records = list(self._records)
        self._archive.append_top(records)
        for _record in records:
            self._records.popleft()

    def rewind(self, log: RewindableLog[Position], rewinder: Rewinder) -> None:
        """Correct the history. Raises the failures; repeat it then."""
        self.close()
        try:
            self._archive = self._open_archive()
            rewinder.apply(log, self._archive)
        except BaseException:
            self.close()
            raise

    def _compact_spans(self, rows: RowSource[Position]) -> Iterator[int]:
        """Compact span after span; yield the cost of each step, and that of a whole run to wait."""
        read = _RowReader(rows)
        while True:
            if read.peek() is None:
                yield self._wait()
                continue
            if self._archive is None:
                self._archive = self._open_archive()
            yield from self._compact_span(read, self._archive)

    def _compact_span(self, read: _RowReader[Position], archive: Archive) -> Iterator[int]:
        span = Span(TICK_PARTS)
        last_ms = end_ms = 0
        while True:
            row = read.peek()
            if row is None:
                yield self._wait()
                continue
            tick = _decode_tick(row)
            time_ms = 0 if tick is None else to_milliseconds(tick.time)
            before_ms, after_ms = span.end_ms if span else 0, row_time_ms(read.peek(1))
            # Times rise. If the next one does not, this one is wrong. Redis compacts behind its newest tick.
            is_valid = before_ms < time_ms <= self._newest + LOG_RETENTION_MS
            is_valid = is_valid and not before_ms < after_ms <= time_ms
            if tick is None or not is_valid or time_ms <= archive.compacted_until:
                # Damaged, and it must not block the others; or dropped too late, before a restart.
                self._damaged_rows += tick is None or not is_valid
                read.skip()
                yield 1
                continue
            minute_ms = point_end_ms(time_ms, MINUTE)
            if minute_ms > end_ms:
                if span and (minute_ms > last_ms or span.cost > MAX_SPAN_COST):
                    break
                end_ms, last_ms = minute_ms, last_ms or point_end_ms(time_ms, TICK_LEVEL[2])
                while self._newest < end_ms + _log_retention_ms(row):
                    yield self._wait()
            yield span.add_tick(tick)
            read.skip()
        yield from archive.append_span(span, end_ms)
        yield from read.drop()

    def _wait(self) -> int:
        """Return the cost of a whole run. All that can be written now is written: report that."""
        damaged = self._damaged_rows + (self._archive.damaged_rows if self._archive else 0)
        self._set_notice(
            f"{damaged} damaged rows of the history were skipped; the charts show gaps there."
            if damaged
            else ""
        )
        return MAX_COST_PER_RUN

    def _set_notice(self, sentence: str) -> None:
        if sentence == self._sentence:
            return
        self._sentence = sentence
        if sentence:
            self._notice.set(sentence)
        else:
            self._notice.clear()

    def close(self) -> None:
        self._steps = None
        self._retry_ms = 0
        if self._archive is not None:
            self._damaged_rows += self._archive.damaged_rows
            self._archive.close()
            self._archive = None


class _RowReader(Generic[Position]):
    """Reads the log row by row, and drops what was read."""

    def __init__(self, rows: RowSource[Position]) -> None:
        self._rows = rows
        self._waiting: deque[tuple[Position, object]] = deque()
        self._read: list[Position] = []
        self._last: Position | None = None

    def peek(self, index: int = 0) -> object:
        """Return the row after the next `index` rows; None if there is none."""
        if len(self._waiting) <= index and (rows := self._rows.read(self._last, ROWS_PER_READ)):
            self._waiting += rows
            self._last = rows[-1][0]
        return self._waiting[index][1] if len(self._waiting) > index else None

    def skip(self) -> None:
        """Go on to the next row."""
        position, _row = self._waiting.popleft()
        self._read.append(position)

    def drop(self) -> Iterator[int]:
        """Delete all rows before the next one, some at a time."""
        positions, self._read = self._read, []
        for index in range(ROWS_PER_DROP - 1, len(positions) - 1, ROWS_PER_DROP):
            self._rows.drop(positions[index])
            yield MAX_COST_PER_RUN
        if positions:
            self._rows.drop(positions[-1])


def _log_retention_ms(row: object) -> int:
    """Return the milliseconds for which the log keeps rows like this one."""
    chars = len(row) if isinstance(row, str) else 0
    if chars <= LONG_ROW_CHARS:
        return LOG_RETENTION_MS
    return max(MIN_LOG_RETENTION_MS, LOG_RETENTION_MS * LONG_ROW_CHARS // chars)


def _decode_tick(row: object) -> Tick | None:
    try:
        return Tick.decode(row) if isinstance(row, str) else None
    except ValueError:
        return None
