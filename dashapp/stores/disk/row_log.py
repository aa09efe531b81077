"""An append log of text rows in a diskcache Deque, and the rows that wait for it.

Each append is one transaction, without retries and pickles.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path

from dashapp.stores.disk.database import Database, diskcache

# A reader that is stopped inside a statement keeps SQLite from resetting its log. Above the first size rows
# are written by the hundred, which writes each page once and not a hundred times; above the second they wait.
WAL_BATCH_BYTES, WAL_STOP_BYTES, BATCH_ROWS = 6 << 20, 13 << 20, 400
# Pages of SQLite's log, which are 1 MB.
WAL_PAGES = 256
# Maximum characters of waiting rows: hours of usual ticks, and less than a small machine's memory.
MAX_PENDING_CHARS = 16 << 20


class RowLog(Database):
    """At most `keep` rows in `folder`. Raises the errors in database.FAILURES."""

    def __init__(self, folder: Path, keep: int) -> None:
        super().__init__(folder, WAL_PAGES)
        self._keep = keep
        with self._checked():
            self._deque = diskcache.Deque.fromcache(self._cache)
            self._count = len(self._deque)
            # Raises if a page is damaged. As bytes: a row that is not UTF-8 costs only itself.
            self._execute("SELECT CAST(value AS BLOB) FROM Cache ORDER BY key DESC LIMIT 1")
        self._inode = self.path.stat().st_ino

    def extend(self, rows: Collection[str]) -> bool:
        """Add rows in one transaction; False if another process has emptied the Deque meanwhile."""
        with self._transaction():
            for row in rows:
                self._deque.append(row)
            if (excess := len(self._deque) - self._keep) > 0:
                # `popleft` decodes the row, and raises an error for a damaged one.
                oldest = "SELECT rowid FROM Cache ORDER BY key LIMIT ?"
                self._execute(f"DELETE FROM Cache WHERE rowid IN ({oldest})", excess)  # noqa: S608
            count = len(self._deque)
        is_complete = count >= min(self._count + len(rows), self._keep)
        self._count = count
        return is_complete

    def read(self, after: int | None, limit: int) -> list[tuple[int, object]]:
        """Return the first `limit` rows after a position, each with its position.

        A row that is no text is empty.
        """
        # As bytes: a damaged text that is not UTF-8 would raise an error.
        rows = self._execute(
            "SELECT key, CAST(value AS BLOB) FROM Cache WHERE key > ? ORDER BY key LIMIT ?",
            *(-1 if after is None else after, limit),
        )
        return [(key, (value or b"").decode(errors="replace")) for key, value in rows]

    def drop(self, until: int) -> None:
        """Delete the rows up to a position. Single deletes would delay the next tick."""
        with self._transaction():
            self._execute("DELETE FROM Cache WHERE key <= ?", until)
            self._count = len(self._deque)

    def replace_end(self, after: int | None, rows: Iterable[str]) -> None:
        """Replace the rows after a position (None: all) by others, in one transaction."""
        with self._transaction():
            self._execute("DELETE FROM Cache WHERE key > ?", -1 if after is None else after)
            for row in rows:
                self._deque.append(row)
            self._count = len(self._deque)
        self.checkpoint()

    def is_current(self) -> bool:
        """Whether the path still names the open file. OSError if there is no file."""
        return self.path.stat().st_ino == self._inode

    def should_defer(self, waiting: int) -> bool:
        """Whether to defer `waiting` rows, because a stopped reader holds SQLite's log."""
        try:
            size = self.path.with_name("cache.db-wal").stat().st_size
        except OSError:
            return False
        if size < WAL_BATCH_BYTES:
            return False
        # Check at the first waiting row too: our own large transaction leaves a log as large, which no reader
        # holds.
        if waiting % BATCH_ROWS > 1:
            return True
        ((busy, _log, _done),) = self._execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return bool(busy) and (waiting % BATCH_ROWS == 1 or size >= WAL_STOP_BYTES)


class PendingRows:
    """Rows that wait for the disk: at most `max_chars` characters, without the oldest ones."""

    def __init__(self, max_chars: int = MAX_PENDING_CHARS) -> None:
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
