"""Shelves: where one level's blocks lie, and beside them the rows of points that are in no block yet.

What a disk and Redis each do in their own way, and no more; what goes onto a shelf, and when, is the level's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Shelf(Protocol):
    """The writing side. Each verb is done whole or not at all, and raises what its storage does."""

    def rows(self) -> list[str]:
        """The rows, oldest first."""

    def newest_block(self) -> int:
        """Where the newest block ends, in epoch milliseconds; 0 where there is none."""

    def oldest_block(self) -> int | None:
        """Where the oldest block ends."""

    def add(self, rows: Sequence[tuple[int, str]]) -> None:
        """Add rows, each with its time, at the end."""

    def put(self, block: bytes, start_ms: int, end_ms: int) -> None:
        """Add a block at the end, and drop the rows up to where it ends."""

    def drop_oldest(self) -> bool:
        """Drop the oldest block; False where there is none."""

    def clear(self) -> None: ...

    def size(self) -> int:
        """Bytes in use."""

    def close(self) -> None: ...


class ShelfReader(Protocol):
    """The reading side. What cannot be had now is left out, and nothing is raised for it."""

    def oldest(self) -> int | None:
        """The time of the oldest point of all, or one somewhat earlier; None where there is none."""

    def newest(self) -> int:
        """The time of the newest point of all; 0 where there is none."""

    def rows(self, start: int, end: int) -> Sequence[object]:
        """The rows of points in (start, end], oldest first."""

    def blocks(self, start: int, end: int) -> Sequence[object]:
        """The blocks that may hold points in (start, end], oldest first."""
