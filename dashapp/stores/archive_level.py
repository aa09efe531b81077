"""One level of the long memory: sealed blocks, and points not yet sealed beside them, on a shelf.

Knows what is kept and when it is sealed; not where.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from dashapp.model.rollup import Point, end_of
from dashapp.stores import block_codec
from dashapp.stores.shelf import Shelf


class Level:
    """Points of `step` seconds, sealed `span` seconds at a time. Raises what its shelf does."""

    def __init__(self, shelf: Shelf, step: float, span: float) -> None:
        self.step = step
        self._span = span
        self._shelf = shelf
        self._rows = shelf.rows()
        self.sealed = shelf.newest_block()
        self.newest = Point.decode(self._rows[-1]).time_ms if self._rows else self.sealed

    def extend(self, points: Sequence[Point]) -> None:
        """Add points at the end; those that are there already are left out."""
        fresh = [(point.time_ms, point.encode()) for point in points if point.time_ms > self.newest]
        if fresh:
            self._shelf.add(fresh)
            self._rows += [row for _time, row in fresh]
            self.newest = fresh[-1][0]

    def whole_span(self) -> list[Point]:
        """The points of the oldest span that is not sealed, once it is whole; none before."""
        if not self._rows:
            return []
        end = end_of(Point.decode(self._rows[0]).time_ms, self._span)
        if self.newest < end:
            return []
        points = (Point.decode(row) for row in self._rows)
        return list(takewhile(lambda point: point.time_ms <= end, points))

    def seal(self, points: Sequence[Point]) -> None:
        """Put the points of `whole_span` into a block."""
        self.add_block(encode_points(points), points[0].time_ms, points[-1].time_ms)
        del self._rows[: len(points)]

    def add_block(self, data: bytes, start_ms: int, end_ms: int) -> None:
        """Add a sealed block, unless one reaches as far already."""
        if end_ms > self.sealed:
            self._shelf.put(data, start_ms, end_ms)
            self.sealed = end_ms
            self.newest = max(self.newest, end_ms)

    def forget(self, before_ms: int) -> None:
        """Drop the blocks that end before a time."""
        while (oldest := self._shelf.oldest_block()) is not None and oldest < before_ms:
            self._shelf.drop_oldest()

    def forget_oldest(self) -> bool:
        """Drop one block; False where there is none."""
        return self._shelf.drop_oldest()

    def clear(self) -> None:
        self._shelf.clear()
        self._rows.clear()
        self.sealed = self.newest = 0

    def size(self) -> int:
        """Bytes in use."""
        return self._shelf.size()

    def close(self) -> None:
        self._shelf.close()


def encode_points(points: Sequence[Point]) -> bytes:
    """Rolled-up points as one block."""
    keys = list(dict.fromkeys(key for point in points for key in point.values))
    return block_codec.encode(
        {"t": [point.time_ms for point in points], "step": [point.step for point in points]},
        {
            part: {
                key: [point.values[key][place] if key in point.values else None for point in points]
                for key in keys
            }
            for place, part in enumerate(("total", "low", "high", "count"))
        },
    )


def encode_ticks(ticks: Sequence[Point]) -> bytes:
    """Points of one tick each as one block: the value alone, which is total, lowest and highest."""
    keys = list(dict.fromkeys(key for tick in ticks for key in tick.values))
    return block_codec.encode(
        {"t": [tick.time_ms for tick in ticks], "step": [tick.step for tick in ticks]},
        {
            "total": {
                key: [tick.values[key].total if key in tick.values else None for tick in ticks]
                for key in keys
            }
        },
    )
