"""An append log of text rows in a diskcache Deque.

Each append is one transaction, without retries and pickles.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import diskcache

from dashapp.stores.disk.database import Database

# A reader that is stopped inside a statement keeps SQLite from resetting its log. Above the first size rows
# are written by the hundred, which writes each page once and not a hundred times; above the second they wait.
WAL_BATCH_BYTES, WAL_STOP_BYTES, BATCH_ROWS = 6 << 20, 13 << 20, 400
# Pages of SQLite's log, which are 1 MB.
WAL_PAGES = 256


class RowLog(Database):
    """At most `keep` rows in `folder`. Raises the errors in database.FAILURES."""

    def __init__(self, folder: Path, keep: int) -> None:
        super().__init__(folder, WAL_PAGES)
        self._keep = keep
        with self._checked():
            self._deque = diskcache.Deque.fromcache(self._cache, maxlen=keep)
            self._count = len(self._deque)
            self._execute("SELECT value FROM Cache ORDER BY key DESC LIMIT 1")  # raises if it is damaged
        self._inode = self.path.stat().st_ino

    def extend(self, rows: Collection[str]) -> bool:
        """Add rows in one transaction; False if another process has emptied the Deque meanwhile."""
        with self._transaction():
            for row in rows:
                self._deque.append(row)
            while len(self._deque) > self._keep:
                self._deque.popleft()
            count = len(self._deque)
        is_complete = count >= min(self._count + len(rows), self._keep)
        self._count = count
        return is_complete

    def oldest(self, limit: int) -> list[str]:
        """Return the first `limit` rows, oldest first. A row that is no text is empty."""
        # As bytes: a damaged text that is not UTF-8 would raise an error.
        rows = self._execute("SELECT CAST(value AS BLOB) FROM Cache ORDER BY key LIMIT ?", limit)
        return [(value or b"").decode(errors="replace") for (value,) in rows]

    def drop(self, count: int) -> None:
        """Delete the `count` oldest rows. Single deletes would delay the next tick."""
        with self._transaction():
            self._execute(
                "DELETE FROM Cache WHERE key IN (SELECT key FROM Cache ORDER BY key LIMIT ?)", count
            )
            self._count = len(self._deque)

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
