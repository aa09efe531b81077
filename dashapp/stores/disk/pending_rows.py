"""Rows that wait for a disk that refuses them, in order and limited by their size."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

# Hours of ticks of usual size, and less than a small machine's memory.
MAX_CHARS = 16 << 20


class PendingRows:
    """A queue of rows of at most `max_chars` characters, which drops the oldest ones."""

    def __init__(self, max_chars: int = MAX_CHARS) -> None:
        self.lost = 0
        self._max_chars = max_chars
        self._chars = 0
        self._rows: deque[str] = deque()

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def append(self, row: str) -> None:
        self._rows.append(row)
        self._chars += len(row)
        while self._chars > self._max_chars and len(self._rows) > 1:
            self._chars -= len(self._rows.popleft())
            self.lost += 1

    def oldest(self, limit: int) -> list[str]:
        return [*islice(self._rows, limit)]

    def remove(self, count: int) -> None:
        """Remove the `count` oldest rows, which are stored now."""
        for _ in range(count):
            self._chars -= len(self._rows.popleft())
        if not self._rows:
            self.lost = 0

    def replace(self, rows: Iterable[str]) -> None:
        self.clear()
        for row in rows:
            self.append(row)

    def clear(self) -> None:
        self._rows.clear()
        self._chars = 0
