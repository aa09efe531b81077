"""The archive on disk: one SQLite database per level.

Blocks have integer keys, and rows have text keys. Both lie in one database, so that compaction is one
transaction. After a restart, a point is in a block or in a row, never in both or in neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dashapp.stores.archive import Archive, BlockStorage, Retention
from dashapp.stores.disk.notices import NoticeFile
from dashapp.stores.disk.row_log import FAILURES, is_corrupt, open_cache, quarantine

# Rows have text keys, "row-500000000000000" and up.
ROW_PREFIX = "row"


class DiskBlockStorage:
    """The writing side. Raises the errors in row_log.FAILURES."""

    def __init__(self, folder: Path) -> None:
        self._cache = open_cache(folder, tag_index=True)
        self._execute("SELECT key FROM Cache ORDER BY key LIMIT 1")  # raises if it is damaged

    def rows(self, after_ms: int, limit: int) -> Sequence[tuple[int, object]]:
        return self._execute(
            "SELECT tag, value FROM Cache WHERE typeof(key) = 'text' AND tag > ? ORDER BY tag LIMIT ?",
            *(after_ms, limit),
        )

    def newest_block(self) -> int:
        rows = self._execute("SELECT MAX(tag) FROM Cache WHERE typeof(key) = 'integer'")
        return int(rows[0][0] or 0)

    def oldest_block(self) -> int | None:
        oldest = self._oldest()
        return None if oldest is None else oldest[1]

    def add(self, rows: Sequence[tuple[int, str]]) -> None:
        with self._cache.transact(retry=False):
            for time, row in rows:
                self._cache.push(row, prefix=ROW_PREFIX, tag=time)

    def discard(self, time_ms: int, row: object) -> None:
        with self._cache.transact(retry=False):
            self._cache._sql(
                "DELETE FROM Cache WHERE typeof(key) = 'text' AND tag = ? AND value IS ?", (time_ms, row)
            )

    def put(self, block: bytes | None, start_ms: int, end_ms: int) -> None:
        with self._cache.transact(retry=False):
            if block is not None:
                self._cache.push(block, tag=end_ms)
            for (key,) in self._execute(
                "SELECT key FROM Cache WHERE typeof(key) = 'text' AND tag <= ?", end_ms
            ):
                self._cache.delete(key)

    def drop_oldest(self) -> bool:
        oldest = self._oldest()
        return oldest is not None and bool(self._cache.delete(oldest[0]))

    def size(self) -> int:
        """Return the bytes in use, without the pages that SQLite keeps for reuse."""
        values = [
            self._execute(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size")
        ]
        return int((values[0] - values[1]) * values[2])

    def close(self) -> None:
        self._cache.close()

    def _oldest(self) -> tuple[Any, int] | None:
        rows = self._execute("SELECT key, tag FROM Cache WHERE typeof(key) = 'integer' ORDER BY key LIMIT 1")
        return rows[0] if rows else None

    def _execute(self, statement: str, *values: int) -> list[Any]:
        # diskcache has no method for keys and tags, so this uses its connection.
        return list(self._cache._sql(statement, values).fetchall())


def open_block_storage(folder: Path) -> Callable[[str], BlockStorage]:
    """Return a function that opens the storage of a level by its name."""

    def open_storage(name: str) -> BlockStorage:
        """Open the storage of a level. A damaged file is quarantined and replaced."""
        directory = folder / name
        directory.mkdir(mode=0o700, exist_ok=True)
        try:
            return DiskBlockStorage(directory)
        except FAILURES as error:
            if not is_corrupt(error):
                raise
            quarantined = quarantine(directory)
            NoticeFile(folder, name).set(
                f"The history by {name} was damaged. It was renamed to {quarantined}, "
                "and a new one has begun."
            )
            return DiskBlockStorage(directory)

    return open_storage


def open_archive(folder: Path, retention: Retention) -> Archive:
    return Archive(open_block_storage(folder), retention)
