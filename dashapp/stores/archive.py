"""The archive: three levels of history (seconds, minutes, hours), each in compressed blocks.

A backend provides a `BlockStorage` for each level, which holds blocks, and rows that no block holds yet. Each
step can be repeated, because it skips what is already there: a restart between two steps counts nothing twice
and loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

from dashapp.model.rollup import Point, point_end_ms, roll_up
from dashapp.stores import block_codec
from dashapp.stores.size_limit import BlockSizeLimit, SizedStorage


class BlockStorage(Protocol):
    """The writing side. Each method works completely or not at all; errors are raised."""

    def rows(self) -> list[str]:
        """Return the rows, oldest first."""

    def newest_block(self) -> int:
        """Return the end of the newest block in epoch milliseconds; 0 if there is none."""

    def oldest_block(self) -> int | None:
        """Return the end of the oldest block; None if there is none."""

    def add(self, rows: Sequence[tuple[int, str]]) -> None:
        """Add rows, each with its time, at the end."""

    def put(self, block: bytes, start_ms: int, end_ms: int) -> None:
        """Add a block at the end, and drop the rows up to its end."""

    def drop_oldest(self) -> bool:
        """Drop the oldest block; False if there is nothing to drop."""

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

    def enforce(self, storages: Sequence[SizedStorage]) -> None:
        """Drop what is too much, or a part of it."""


class ArchiveLevel:
    """Points of `step` seconds, compacted `span` seconds at a time. Raises its storage's errors."""

    def __init__(self, storage: BlockStorage, step: float, span: float) -> None:
        self.step = step
        self._span = span
        self.storage = storage
        self._rows = storage.rows()
        self.compacted_until = storage.newest_block()
        self.newest = Point.decode(self._rows[-1]).time_ms if self._rows else self.compacted_until

    def extend(self, points: Sequence[Point]) -> None:
        """Add points at the end, without those that are already there."""
        new = [(point.time_ms, point.encode()) for point in points if point.time_ms > self.newest]
        if new:
            self.storage.add(new)
            self._rows += [row for _time, row in new]
            self.newest = new[-1][0]

    def complete_span(self) -> list[Point]:
        """Return the points of the oldest span without a block, once it is complete."""
        if not self._rows:
            return []
        end = point_end_ms(Point.decode(self._rows[0]).time_ms, self._span)
        if self.newest < end:
            return []
        points = (Point.decode(row) for row in self._rows)
        return list(takewhile(lambda point: point.time_ms <= end, points))

    def seal(self, points: Sequence[Point]) -> None:
        """Put the points of `complete_span` into a block."""
        self.add_block(encode_points(points), points[0].time_ms, points[-1].time_ms)
        del self._rows[: len(points)]

    def add_block(self, data: bytes, start_ms: int, end_ms: int) -> None:
        """Add a block, unless the blocks already reach that far."""
        if end_ms > self.compacted_until:
            self.storage.put(data, start_ms, end_ms)
            self.compacted_until = end_ms
            self.newest = max(self.newest, end_ms)

    def drop_before(self, before_ms: int) -> None:
        """Drop the blocks that end before a time."""
        while (oldest := self.storage.oldest_block()) is not None and oldest < before_ms:
            self.storage.drop_oldest()


# The parts of a block, in the order of Aggregate's fields.
PARTS = ("total", "low", "high", "count")


def encode_points(points: Sequence[Point], parts: Sequence[str] = PARTS) -> bytes:
    """Encode points as one block. A single tick's total is its low and its high too."""
    keys = list(dict.fromkeys(key for point in points for key in point.values))
    return block_codec.encode_block(
        {"t": [point.time_ms for point in points], "step": [point.step for point in points]},
        {
            part: {
                key: [point.values[key][index] if key in point.values else None for point in points]
                for key in keys
            }
            for index, part in enumerate(parts)
        },
    )


MINUTE, HOUR, DAY = 60, 3600, 86_400
# Name, seconds of a point, seconds of a block: some hundred points per block on each level.
MINUTE_LEVEL = ("minutes", MINUTE, 6 * HOUR)
HOUR_LEVEL = ("hours", HOUR, 15 * DAY)
TICK_LEVEL = ("seconds", 0, 600)
ALL_LEVELS = (TICK_LEVEL, MINUTE_LEVEL, HOUR_LEVEL)


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
    ) -> None:
        """`open_storage` opens the storage of a level by its name."""
        self._retention = retention
        self._limit = limit or BlockSizeLimit(retention.size)
        self._levels = tuple(ArchiveLevel(open_storage(name), step, span) for name, step, span in ALL_LEVELS)
        self._ticks, self._minutes, self._hours = self._levels

    @property
    def compacted_until(self) -> int:
        """The end of the newest compacted span of ticks, in epoch milliseconds."""
        return self._ticks.compacted_until

    def append_span(self, ticks: Sequence[Point], end_ms: int) -> None:
        """Add the ticks of one complete span, which ends at the whole minute `end_ms`."""
        self._minutes.extend(roll_up(ticks, MINUTE))
        while points := self._minutes.complete_span():
            self._hours.extend(roll_up(points, HOUR))
            self._minutes.seal(points)
        while points := self._hours.complete_span():
            self._hours.seal(points)
        self._ticks.add_block(encode_points(ticks, PARTS[:1]), ticks[0].time_ms, end_ms)
        self._drop_expired(end_ms)

    def size(self) -> int:
        """Return the bytes in use."""
        return sum(level.storage.size() for level in self._levels)

    def close(self) -> None:
        for level in self._levels:
            level.storage.close()

    def _drop_expired(self, now_ms: int) -> None:
        retention = self._retention
        for level, seconds in zip(
            self._levels, (retention.ticks, retention.minutes, retention.hours), strict=True
        ):
            level.drop_before(now_ms - int(seconds * 1000))
        self._limit.enforce([level.storage for level in self._levels])
