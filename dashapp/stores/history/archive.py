"""The archive: three levels of history (seconds, minutes, hours), each in compressed blocks.

A backend provides a `BlockStorage` for each level, which holds blocks, and rows that no block holds yet. Each
step can be repeated, because it skips what is already there: a restart between two steps counts nothing twice
and loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Any, Protocol

from dashapp.model.rollup import Point, point_end_ms
from dashapp.model.ticks import to_milliseconds
from dashapp.model.top import TopRecord
from dashapp.stores.history.size_limit import BlockSizeLimit, SizedStorage
from dashapp.stores.history.span import Span, decode_points
from dashapp.stores.history.top_span import TopSpan, decode_records

# Rows to read from a storage at a time, and characters of rows after which they become a block early.
ROWS_PER_READ, MAX_ROW_CHARS_PER_BLOCK = 20, 4 << 20


class BlockStorage(Protocol):
    """The writing side. Each method works completely or not at all; errors are raised."""

    def rows(self, after_ms: int, limit: int) -> Sequence[tuple[int, object]]:
        """Return the first `limit` rows later than `after_ms`, each with its time."""

    def newest_block(self) -> int:
        """Return the end of the newest block in epoch milliseconds; 0 if there is none."""

    def oldest_block(self) -> int | None:
        """Return the end of the oldest block; None if there is none."""

    def ends(self) -> list[int]:
        """Return the ends of all blocks, in order."""

    def block(self, end_ms: int) -> bytes:
        """Return the block with this end; empty if there is none."""

    def add(self, rows: Sequence[tuple[int, str]], flush: bool = True) -> None:
        """Add rows, each with its time, at the end.

        `flush`: their only other copy is deleted next, so they must outlive a power cut.
        """

    def discard(self, time_ms: int) -> None:
        """Delete the row of a time."""

    def put(self, block: bytes | None, start_ms: int, end_ms: int) -> None:
        """Add a block at the end, None if it has no points, and drop the rows up to its end."""

    def drop_oldest(self) -> bool:
        """Drop the oldest block; False if there is nothing to drop."""

    def drop_block(self, end_ms: int) -> None:
        """Drop the block with this end."""

    def replace_newest(
        self, block_ms: int, row_ms: int, block: tuple[bytes, int] | None, rows: Sequence[tuple[int, str]]
    ) -> None:
        """Drop the blocks that end after `block_ms` and the rows after `row_ms`; add others instead.

        `block`: a block and its end; None to add none.
        """

    def size(self) -> int:
        """Return the bytes in use."""

    def close(self) -> None: ...


class BlockReader(Protocol):
    """The reading side. It leaves out what it cannot read now, and never raises for it."""

    def oldest(self) -> int | None:
        """Return the time of the oldest point, or a somewhat earlier one; None if there is none."""

    def newest(self) -> int:
        """Return the time of the newest point; 0 if there is none."""

    def rows(self, start: int, end: int) -> Sequence[object]:
        """Return the rows of points in (start, end], oldest first."""

    def blocks(self, start: int, end: int) -> Sequence[object]:
        """Return the blocks that may hold points in (start, end], oldest first."""


class SizeLimit(Protocol):
    """Limits the size of all levels together."""

    def enforce(self, storages: Sequence[SizedStorage], aside: SizedStorage | None) -> None:
        """Drop what is too much, or a part of it; first of all what is set aside."""


class PointSpan(Protocol):
    """Points of one kind in order; see Span and TopSpan."""

    @property
    def start_ms(self) -> int: ...

    def __bool__(self) -> bool: ...

    def add(self, point: Any) -> int: ...

    def roll_up(self, step: float) -> Generator[int, None, Sequence[Any]]: ...

    def encode(self) -> Generator[int, None, bytes]: ...


@dataclass(frozen=True, slots=True)
class PointKind:
    """A kind of points. `decode` reads a row, `decode_block` a block; both raise ValueError."""

    decode: Callable[[object], Any]
    decode_block: Callable[[bytes], Sequence[Any]]
    new_span: Callable[[], PointSpan]


VALUES = PointKind(Point.decode, decode_points, Span)
TOP_PROCESSES = PointKind(TopRecord.decode, decode_records, TopSpan)


class ArchiveLevel:
    """Points of `step` seconds, in blocks of `span` seconds. Raises its storage's errors.

    Wide points get shorter blocks, of whole multiples of the level's BLOCK_UNITS.
    """

    def __init__(
        self, storage: BlockStorage, name: str, step: float, span: float, kind: PointKind = VALUES
    ) -> None:
        self.name = name
        self.kind = kind
        self.step = step
        self.damaged_rows = 0
        self._span = span
        self._unit_ms = to_milliseconds(BLOCK_UNITS[name])
        self.storage = storage
        self.compacted_until = self.newest = 0
        self._oldest_row = self._row_chars = 0
        self.load()

    def load(self) -> None:
        """Read the times of blocks and rows from the storage."""
        self.compacted_until = self.newest = self.storage.newest_block()
        self._count_rows(0)

    def rows(self, after_ms: int) -> Iterator[tuple[int, object]]:
        while rows := self.storage.rows(after_ms, ROWS_PER_READ):
            yield from rows
            after_ms = rows[-1][0]

    def _count_rows(self, after_ms: int) -> None:
        self._oldest_row = self._row_chars = 0
        for time_ms, row in self.rows(after_ms):
            if isinstance(row, str) and row.startswith(f"[{time_ms},"):
                self._count_row(time_ms, row)
            else:
                # Its time may be damaged too: in the future, it would hide all points before it.
                self.storage.discard(time_ms)
                self.damaged_rows += 1

    def _count_row(self, time_ms: int, row: str) -> None:
        self._oldest_row = self._oldest_row or time_ms
        self._row_chars += len(row)
        self.newest = max(self.newest, time_ms)

    def extend(self, points: Sequence[Any], flush: bool = True) -> None:
        """Add points at the end, without those that are there. `flush`: see BlockStorage.add."""
        new = [(point.time_ms, point.encode()) for point in points if point.time_ms > self.newest]
        if new:
            self.storage.add(new, flush)
            for time_ms, row in new:
                self._count_row(time_ms, row)

    def complete_until(self) -> int:
        """Return the end of the oldest rows that are a complete block; 0 if they are not."""
        if not self._oldest_row:
            return 0
        end = point_end_ms(self._oldest_row, self._span)
        if self.newest >= end:
            return end
        end = self.newest // self._unit_ms * self._unit_ms
        return end if end >= self._oldest_row and self._row_chars > MAX_ROW_CHARS_PER_BLOCK else 0

    def read_span(self, end_ms: int) -> Generator[int, None, PointSpan]:
        """Return the rows up to a time as a span. Yield the cost of each row. Skip damaged rows."""
        span = self.kind.new_span()
        for time_ms, row in self.rows(0):
            if time_ms > end_ms:
                break
            try:
                point = self.kind.decode(row)
            except ValueError:
                self.damaged_rows += 1
                continue
            yield span.add(point)
        return span

    def seal(self, block: bytes | None, end_ms: int) -> None:
        """Put the block of `read_span` in place of its rows; None if all of them are damaged."""
        self.storage.put(block, self._oldest_row, end_ms)
        if block is not None:
            self.compacted_until = end_ms
        self._count_rows(end_ms)

    def add_block(self, block: bytes, start_ms: int, end_ms: int) -> None:
        """Add a block, unless the blocks already reach that far."""
        if end_ms > self.compacted_until:
            self.storage.put(block, start_ms, end_ms)
            self.compacted_until = end_ms
            self.newest = max(self.newest, end_ms)

    def drop_expired(self, now_ms: int, retention_ms: int) -> None:
        """Drop the blocks that are older than the retention, and have as much history after them.

        Times without data do not count: after the clock jumped, all blocks would seem to be old.
        """
        oldest = self.storage.oldest_block()
        if oldest is None or oldest >= now_ms - retention_ms:
            return
        span_ms, later_ms, count = int(self._span * 1000), 0, 0
        for previous, end in reversed([*pairwise(self.storage.ends())]):
            later_ms += min(end - previous, span_ms)
            count += previous < now_ms - retention_ms and later_ms >= retention_ms
        while count and oldest is not None and oldest < now_ms - retention_ms:
            self.storage.drop_oldest()
            count, oldest = count - 1, self.storage.oldest_block()


MINUTE, HOUR, DAY = 60, 3600, 86_400
# Name, seconds of a point, seconds of a block: some hundred points per block on each level.
MINUTE_LEVEL = ("minutes", MINUTE, 6 * HOUR)
HOUR_LEVEL = ("hours", HOUR, 15 * DAY)
TICK_LEVEL = ("seconds", 0, 600)
ALL_LEVELS = (TICK_LEVEL, MINUTE_LEVEL, HOUR_LEVEL)
# The same for the top processes, whose finest records are ten seconds long, or shorter when an alert fired.
TOP_LEVELS = (
    ("top-seconds", 10, HOUR),
    ("top-minutes", MINUTE, 6 * HOUR),
    ("top-hours", HOUR, 15 * DAY),
)
# A block ends at a multiple of so many seconds. An hour is made of the minutes of one block.
BLOCK_UNITS = {name: MINUTE if name.endswith("seconds") else HOUR for name, _, _ in ALL_LEVELS + TOP_LEVELS}
# The name of the storage for points with wrong times, which no reader opens. Each of its blocks is a piece of
# the log or of a level; its end is a number, not a time.
ASIDE = "aside"


@dataclass(frozen=True)
class Retention:
    """Seconds for which each level keeps its points, and the bytes of all levels together."""

    ticks: float = 14 * DAY
    minutes: float = 90 * DAY
    hours: float = 730 * DAY
    size: int = 400_000_000


class Archive:
    """The writing side of all levels. Raises their storages' errors; open a new one then."""

    def __init__(
        self,
        open_storage: Callable[[str], BlockStorage],
        retention: Retention,
        limit: SizeLimit | None = None,
        *,
        has_aside: bool = False,
        has_top: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`open_storage` opens the storage of a level by its name.

        `has_aside`: whether points are set aside already. `has_top`: whether there are records of top
        processes. `now`: the wall time in seconds UTC.
        """
        self._open_storage = open_storage
        self._retention = retention
        self._limit = limit or BlockSizeLimit(retention.size)
        self._now = now
        self.levels = tuple(
            ArchiveLevel(open_storage(name), name, step, span) for name, step, span in ALL_LEVELS
        )
        self._ticks, self._minutes, self._hours = self.levels
        # Empty until there is a first record.
        self.top_levels: tuple[ArchiveLevel, ...] = ()
        if has_top:
            self._open_top()
        self._aside = open_storage(ASIDE) if has_aside else None

    @property
    def compacted_until(self) -> int:
        """The end of the newest compacted span of ticks, in epoch milliseconds."""
        return self._ticks.compacted_until

    @property
    def damaged_rows(self) -> int:
        """The rows that were skipped, because they are damaged."""
        return sum(level.damaged_rows for level in self.all_levels())

    def all_levels(self) -> tuple[ArchiveLevel, ...]:
        return self.levels + self.top_levels

    def append_top(self, records: Sequence[TopRecord]) -> None:
        """Add records of top processes, without those that are already there."""
        if not self.top_levels:
            self._open_top()
        self.top_levels[0].extend(records, flush=False)

    def _open_top(self) -> None:
        self.top_levels = tuple(
            ArchiveLevel(self._open_storage(name), name, step, span, TOP_PROCESSES)
            for name, step, span in TOP_LEVELS
        )

    def aside(self) -> BlockStorage:
        """Return the storage of the points that are set aside."""
        if self._aside is None:
            self._aside = self._open_storage(ASIDE)
        return self._aside

    def append_span(self, ticks: Span, end_ms: int) -> Iterator[int]:
        """Add the ticks of one complete span, which ends at the whole minute `end_ms`.

        Works step by step, and yields the cost of each. It may end after any of them, and be repeated.
        """
        self._minutes.extend((yield from ticks.roll_up(MINUTE)))
        yield from self._seal(self._minutes, self._hours)
        yield from self._seal(self._hours, None)
        block = yield from ticks.encode()
        self._ticks.add_block(block, ticks.start_ms, end_ms)
        for level, coarser in zip_longest(self.top_levels, self.top_levels[1:]):
            yield from self._seal(level, coarser)
        self._drop_expired(end_ms)

    def _seal(self, level: ArchiveLevel, coarser: ArchiveLevel | None) -> Iterator[int]:
        while end_ms := level.complete_until():
            span = yield from level.read_span(end_ms)
            block = (yield from span.encode()) if span else None
            if coarser is not None:
                coarser.extend((yield from span.roll_up(coarser.step)))
            level.seal(block, end_ms)
            yield 0

    def size(self) -> int:
        """Return the bytes in use."""
        return sum(storage.size() for storage in self._storages())

    def close(self) -> None:
        for storage in self._storages():
            storage.close()

    def _storages(self) -> list[BlockStorage]:
        return [level.storage for level in self.all_levels()] + ([self._aside] if self._aside else [])

    def _drop_expired(self, newest_ms: int) -> None:
        retention = self._retention
        # A clock that was ahead made the later of the two.
        now_ms = min(newest_ms, to_milliseconds(self._now()))
        limits = (retention.ticks, retention.minutes, retention.hours)
        for levels in (self.levels, self.top_levels):
            for level, seconds in zip(levels, limits, strict=False):
                level.drop_expired(now_ms, int(seconds * 1000))
        self._limit.enforce([level.storage for level in self.all_levels()], self._aside)
