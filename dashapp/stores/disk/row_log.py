"""Rows of text in a diskcache Deque: one transaction an append, never a retry, never a pickle.

Knows SQLite's failures and its log; knows nothing of ticks.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import diskcache

FAILURES = (diskcache.Timeout, sqlite3.Error, OSError)
# A reader stopped inside a statement keeps SQLite from resetting its log. Past the first size rows go
# in by the hundred, which writes each page once and not a hundred times; past the second they wait.
WAL_BATCH_BYTES, WAL_STOP_BYTES, BATCH_ROWS = 6 << 20, 13 << 20, 400


class TextDisk(diskcache.Disk):  # type: ignore[misc]
    """Rows are text or bytes, in the database itself. No pickle goes in, and none is ever read."""

    def store(self, value: Any, read: Any, key: Any = diskcache.UNKNOWN) -> Any:
        if not isinstance(value, str | bytes):
            raise TypeError(f"a row is text or bytes, not {type(value).__name__}")
        data = sqlite3.Binary(value) if isinstance(value, bytes) else value
        return 0, diskcache.core.MODE_RAW, None, data

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:
        # Whatever else somebody put in (a pickle runs code when read) is nothing, and goes as others go.
        return value if mode == diskcache.core.MODE_RAW else ""

    def get(self, key: Any, raw: bool) -> Any:
        return key if raw else ""


def open_cache(folder: Path, **settings: Any) -> diskcache.Cache:
    """A database of our kind in `folder`: nothing is ever evicted, and no call waits long."""
    cache = diskcache.Cache(
        str(folder),
        timeout=0.05,  # less than the shortest interval: what cannot be written now waits
        disk=TextDisk,
        eviction_policy="none",
        cull_limit=0,
        sqlite_mmap_size=0,
        sqlite_auto_vacuum=0,
        **settings,
    )
    folder.chmod(0o700)
    (folder / "cache.db").chmod(0o600)
    return cache


class RowLog:
    """At most `keep` rows in `folder`. Raises what is in FAILURES; `is_corrupt` tells the worst of them."""

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = keep
        self.path = folder / "cache.db"
        self._cache = open_cache(folder)
        self._deque = diskcache.Deque.fromcache(self._cache, maxlen=keep)
        self._count = len(self._deque)
        self._cache._sql("SELECT value FROM Cache ORDER BY key DESC LIMIT 1").fetchall()  # tells damage
        self._inode = self.path.stat().st_ino

    def extend(self, rows: Collection[str]) -> bool:
        """Add rows at the end in one transaction; False where somebody else had emptied the Deque."""
        try:
            with self._cache.transact(retry=False):
                for row in rows:
                    self._deque.append(row)
                while len(self._deque) > self._keep:
                    self._deque.popleft()
                count = len(self._deque)
        except BaseException:
            self._cache.close()  # else a COMMIT that failed leaves its transaction open for good
            raise
        whole = count >= min(self._count + len(rows), self._keep)
        self._count = count
        return whole

    def oldest(self, limit: int) -> list[str]:
        """The first `limit` rows, oldest first."""
        found = self._cache._sql("SELECT value FROM Cache ORDER BY key LIMIT ?", (limit,)).fetchall()
        return [value for (value,) in found]

    def drop(self, count: int) -> None:
        """Forget the `count` oldest rows, in one statement: one by one they would hold up the next tick."""
        with self._cache.transact(retry=False):
            self._cache._sql(
                "DELETE FROM Cache WHERE key IN (SELECT key FROM Cache ORDER BY key LIMIT ?)", (count,)
            )
            self._count = len(self._deque)

    def is_current(self) -> bool:
        """Whether the path still names the file that is open. OSError where it names none."""
        return self.path.stat().st_ino == self._inode

    def should_defer(self, waiting: int) -> bool:
        """Whether `waiting` rows had better wait, because a stopped reader holds SQLite's log."""
        try:
            size = self.path.with_name("cache.db-wal").stat().st_size
        except OSError:
            return False
        if size < WAL_BATCH_BYTES:
            return False
        # The first that waits asks too: a large transaction of our own leaves as large a log, held by nobody.
        if waiting % BATCH_ROWS > 1:
            return True
        ((busy, _log, _done),) = self._cache._sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return bool(busy) and (waiting % BATCH_ROWS == 1 or size >= WAL_STOP_BYTES)

    def clear(self) -> None:
        self._deque.clear()
        self._count = 0

    def close(self) -> None:
        self._cache.close()


def quarantine(folder: Path) -> str:
    """Rename a damaged database out of the way; its new name."""
    name = f"cache.db.corrupt-{time.strftime('%Y%m%dT%H%M%S')}"
    (folder / "cache.db").replace(folder / name)
    for suffix in ("-wal", "-shm"):
        (folder / f"cache.db{suffix}").unlink(missing_ok=True)
    return name


def is_corrupt(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
