"""The archive on disk: one SQLite database per level.

Blocks have integer keys, and rows have text keys. Both lie in one database, so that compaction is one
transaction. After a restart, a point is in a block or in a row, never in both or in neither.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dashapp.model.ticks import MAX_EPOCH_MS
from dashapp.stores.disk.database import Database, diskcache, is_corrupt

# Rows have text keys, "row-500000000000000" and up.
ROW_PREFIX = "row"
# Rows to drop at once if a level has no block to drop.
DROPPED_ROWS = 16
# Pages of SQLite's log, which are 256 kB.
WAL_PAGES = 64
# Conditions of SQL for a block and for a row.
IS_BLOCK = "typeof(key) = 'integer' AND typeof(tag) = 'integer'"
IS_ROW = "typeof(key) = 'text' AND typeof(tag) = 'integer'"


class DiskBlockStorage(Database):
    """The writing side. Raises the errors in database.FAILURES."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, WAL_PAGES, tag_index=True)
        # Blocks up to this key cannot be deleted, because their pages are damaged.
        self._undeletable = 0
        for read in (self.newest_block, self.oldest_block, lambda: self.rows(0, 1)):
            read()  # raises if it is damaged

    def rows(self, after_ms: int, limit: int) -> Sequence[tuple[int, object]]:
        """Return the first `limit` rows later than `after_ms`. A row that is no text is empty."""
        # As bytes: a damaged text that is not UTF-8 would raise an error.
        rows = self._execute(
            f"SELECT tag, CAST(value AS BLOB) FROM Cache WHERE {IS_ROW} AND tag > ? ORDER BY tag LIMIT ?",  # noqa: S608
            *(after_ms, limit),
        )
        return [(time_ms, (value or b"").decode(errors="replace")) for time_ms, value in rows]

    def newest_block(self) -> int:
        rows = self._execute(f"SELECT MAX(tag) FROM Cache WHERE {IS_BLOCK} AND tag <= ?", MAX_EPOCH_MS)  # noqa: S608
        return int(rows[0][0] or 0)

    def oldest_block(self) -> int | None:
        oldest = self._oldest()
        return None if oldest is None else oldest[1]

    def ends(self) -> list[int]:
        rows = self._execute(
            f"SELECT tag FROM Cache WHERE {IS_BLOCK} AND tag <= ? ORDER BY tag",  # noqa: S608
            MAX_EPOCH_MS,
        )
        return [end_ms for (end_ms,) in rows]

    def block(self, end_ms: int) -> bytes:
        rows = self._execute(
            f"SELECT value FROM Cache WHERE {IS_BLOCK} AND tag = ? AND typeof(value) = 'blob'",  # noqa: S608
            end_ms,
        )
        return bytes(rows[-1][0]) if rows else b""

    def add(self, rows: Sequence[tuple[int, str]], flush: bool = True) -> None:
        with self._transaction():
            for time, row in rows:
                self._cache.push(row, prefix=ROW_PREFIX, tag=time)
        if flush:
            self.checkpoint()  # before the ticks leave the log of the store

    def discard(self, time_ms: int) -> None:
        with self._transaction():
            self._execute(f"DELETE FROM Cache WHERE {IS_ROW} AND tag = ?", time_ms)  # noqa: S608

    def put(self, block: bytes | None, start_ms: int, end_ms: int) -> None:
        with self._transaction():
            if block is not None:
                self._cache.push(block, tag=end_ms)
            self._execute(
                "DELETE FROM Cache WHERE typeof(key) = 'text' AND (tag <= ? OR typeof(tag) <> 'integer')",
                end_ms,
            )
        self.checkpoint()  # before the ticks leave the log of the store

    def drop_block(self, end_ms: int) -> None:
        with self._transaction():
            self._execute(f"DELETE FROM Cache WHERE {IS_BLOCK} AND tag = ?", end_ms)  # noqa: S608

    def replace_newest(
        self, block_ms: int, row_ms: int, block: tuple[bytes, int] | None, rows: Sequence[tuple[int, str]]
    ) -> None:
        with self._transaction():
            self._execute(f"DELETE FROM Cache WHERE {IS_BLOCK} AND tag > ?", block_ms)  # noqa: S608
            self._execute(f"DELETE FROM Cache WHERE {IS_ROW} AND tag > ?", row_ms)  # noqa: S608
            if block is not None:
                self._cache.push(block[0], tag=block[1])
            for time, row in rows:
                self._cache.push(row, prefix=ROW_PREFIX, tag=time)
        self.checkpoint()

    def drop_oldest(self) -> bool:
        """Drop the oldest block, or some of the oldest rows if there is no block."""
        oldest = self._oldest()
        if oldest is None:
            return self._drop_oldest_rows()
        was_damaged = self.is_damaged
        try:
            with self._transaction():
                self._cache.delete(oldest[0])
        except sqlite3.Error as error:
            if not is_corrupt(error):
                raise
            # The damage is in this block alone: it stays, and the others remain in use. The next call drops
            # the next block, if that is too old as well.
            self.is_damaged = was_damaged
            self._undeletable = oldest[0]
        return True

    def size(self) -> int:
        """Return the bytes in use, without the pages that SQLite keeps for reuse."""
        return self.used_bytes()

    def restore(self, key: object, tag: object, value: object) -> None:
        """Add a block or a row of a damaged database, with its key, unless it is there."""
        is_block = isinstance(key, int) and isinstance(value, bytes)
        is_row = isinstance(key, str) and isinstance(value, str) and key.startswith(f"{ROW_PREFIX}-")
        if (is_block or is_row) and isinstance(tag, int) and 0 < tag <= MAX_EPOCH_MS:
            self._execute(
                "INSERT OR IGNORE INTO Cache"
                "(key, raw, store_time, access_time, access_count, tag, size, mode, value)"
                " VALUES (?, 1, 0, 0, 0, ?, 0, ?, ?)",
                *(key, tag, diskcache.core.MODE_RAW, value),
            )

    def _drop_oldest_rows(self) -> bool:
        with self._transaction():
            ((before,),) = self._execute("SELECT COUNT(*) FROM Cache WHERE typeof(key) = 'text'")
            self._execute(
                "DELETE FROM Cache WHERE rowid IN (SELECT rowid FROM Cache"
                " WHERE typeof(key) = 'text' ORDER BY key LIMIT ?)",
                DROPPED_ROWS,
            )
        return bool(before)

    def _oldest(self) -> tuple[Any, int] | None:
        rows = self._execute(
            f"SELECT key, tag FROM Cache WHERE {IS_BLOCK} AND key > ? ORDER BY key LIMIT 1",  # noqa: S608
            self._undeletable,
        )
        return rows[0] if rows else None
