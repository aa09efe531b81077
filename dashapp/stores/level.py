"""One level of the long memory: sealed blocks in a Deque, and points not yet sealed beside them.

Both lie in one database, so that sealing is one transaction: a restart finds a point in a block or in a row,
never in both and never in neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from dashapp.rollup import Point, end_of
from dashapp.stores import block
from dashapp.stores.rows import open_cache

# Rows have text for a key, "row-500000000000000" and up; blocks have the Deque's own whole numbers.
ROW = "row"


class Level:
    """Points of `step` seconds, sealed `span` seconds at a time. Raises what is in rows.FAILURES."""

    def __init__(self, folder: Path, step: float, span: float) -> None:
        self.folder = folder
        self.step = step
        self._span = span
        self._cache = open_cache(folder, tag_index=True)
        self._rows: list[tuple[str, str]] = self._sql(
            "SELECT key, value FROM Cache WHERE typeof(key) = 'text' ORDER BY key"
        )
        self.sealed = self._newest_block()
        self.newest = Point.decode(self._rows[-1][1]).time_ms if self._rows else self.sealed

    def extend(self, points: Sequence[Point]) -> None:
        """Add points at the end; those that are there already are left out."""
        fresh = [(point.encode(), point.time_ms) for point in points if point.time_ms > self.newest]
        with self._cache.transact(retry=False):
            added = [(self._cache.push(row, prefix=ROW, tag=time), row) for row, time in fresh]
        self._rows += added
        if fresh:
            self.newest = fresh[-1][1]

    def whole_span(self) -> list[Point]:
        """The points of the oldest span that is not sealed, once it is whole; none before."""
        if not self._rows:
            return []
        end = end_of(Point.decode(self._rows[0][1]).time_ms, self._span)
        if self.newest < end:
            return []
        points = (Point.decode(row) for _key, row in self._rows)
        return list(takewhile(lambda point: point.time_ms <= end, points))

    def seal(self, points: Sequence[Point]) -> None:
        """Put the points of `whole_span` into a block."""
        with self._cache.transact(retry=False):
            self.add_block(encode_points(points), points[-1].time_ms)
            for key, _row in self._rows[: len(points)]:
                self._cache.delete(key)
        del self._rows[: len(points)]

    def add_block(self, data: bytes, end_ms: int) -> None:
        """Add a sealed block, unless one reaches as far already."""
        if end_ms > self.sealed:
            self._cache.push(data, tag=end_ms)
            self.sealed = end_ms
            self.newest = max(self.newest, end_ms)

    def forget(self, before_ms: int) -> None:
        """Drop the blocks that end before a time."""
        with self._cache.transact(retry=False):
            while (oldest := self._oldest_block()) is not None and oldest[1] < before_ms:
                self._cache.delete(oldest[0])

    def forget_oldest(self) -> bool:
        """Drop one block; False where there is none."""
        oldest = self._oldest_block()
        return oldest is not None and bool(self._cache.delete(oldest[0]))

    def clear(self) -> None:
        self._cache.clear()
        self._rows.clear()
        self.sealed = self.newest = 0

    def size(self) -> int:
        """Bytes in use, pages kept for reuse left out."""
        values = [self._sql(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size")]
        return int((values[0] - values[1]) * values[2])

    def close(self) -> None:
        self._cache.close()

    def _newest_block(self) -> int:
        rows = self._sql("SELECT MAX(tag) FROM Cache WHERE typeof(key) = 'integer'")
        return int(rows[0][0] or 0)

    def _oldest_block(self) -> tuple[Any, int] | None:
        rows = self._sql("SELECT key, tag FROM Cache WHERE typeof(key) = 'integer' ORDER BY key LIMIT 1")
        return rows[0] if rows else None

    def _sql(self, statement: str) -> list[Any]:
        # diskcache has no verb that looks at keys and tags; its connection is the one to ask.
        return list(self._cache._sql(statement).fetchall())


def encode_points(points: Sequence[Point]) -> bytes:
    """Rolled-up points as one block."""
    keys = list(dict.fromkeys(key for point in points for key in point.values))
    return block.encode(
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
    return block.encode(
        {"t": [tick.time_ms for tick in ticks], "step": [tick.step for tick in ticks]},
        {
            "total": {
                key: [tick.values[key].total if key in tick.values else None for tick in ticks]
                for key in keys
            }
        },
    )
