"""An append log of text rows in a diskcache Deque.

Each append is one transaction, without retries and pickles.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import diskcache

from dashapp.model.ticks import Tick, to_milliseconds

FAILURES = (diskcache.Timeout, sqlite3.Error, OSError)
# A reader that is stopped inside a statement keeps SQLite from resetting its log. Above the first size rows
# are written by the hundred, which writes each page once and not a hundred times; above the second they wait.
WAL_BATCH_BYTES, WAL_STOP_BYTES, BATCH_ROWS = 6 << 20, 13 << 20, 400
# Rows to read at a time: a row of thousands of metrics has hundreds of kilobytes.
ROWS_PER_READ = 20


class TextDisk(diskcache.Disk):  # type: ignore[misc]
    """Stores text and bytes in the database itself. Never pickles, never unpickles."""

    def store(self, value: Any, read: Any, key: Any = diskcache.UNKNOWN) -> Any:
        if not isinstance(value, str | bytes):
            raise TypeError(f"a row is text or bytes, not {type(value).__name__}")
        data = sqlite3.Binary(value) if isinstance(value, bytes) else value
        return 0, diskcache.core.MODE_RAW, None, data

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:
        # Other modes are not ours: a pickle runs code when it is read. They count as empty rows.
        return value if mode == diskcache.core.MODE_RAW else ""

    def get(self, key: Any, raw: bool) -> Any:
        return key if raw else ""


def open_cache(folder: Path, **settings: Any) -> diskcache.Cache:
    """Open the database in `folder`. It evicts nothing, and no call waits long."""
    cache = diskcache.Cache(
        str(folder),
        timeout=0.05,  # less than the shortest interval; a failed write is repeated
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
    """At most `keep` rows in `folder`. Raises the errors in FAILURES; see also `is_corrupt`."""

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = keep
        self.path = folder / "cache.db"
        self._cache = open_cache(folder)
        self._deque = diskcache.Deque.fromcache(self._cache, maxlen=keep)
        self._count = len(self._deque)
        self._cache._sql("SELECT value FROM Cache ORDER BY key DESC LIMIT 1").fetchall()  # raises if damaged
        self._inode = self.path.stat().st_ino

    def extend(self, rows: Collection[str]) -> bool:
        """Add rows in one transaction; False if another process has emptied the Deque meanwhile."""
        try:
            with self._cache.transact(retry=False):
                for row in rows:
                    self._deque.append(row)
                while len(self._deque) > self._keep:
                    self._deque.popleft()
                count = len(self._deque)
        except BaseException:
            self._cache.close()  # a failed COMMIT would leave its transaction open for good
            raise
        is_complete = count >= min(self._count + len(rows), self._keep)
        self._count = count
        return is_complete

    def read(self, after: int | None, limit: int) -> list[tuple[int, object]]:
        """Return the first `limit` rows after a position, each with its position."""
        rows = self._cache._sql(
            "SELECT key, value FROM Cache WHERE key > ? ORDER BY key LIMIT ?",
            (-1 if after is None else after, limit),
        )
        return list(rows.fetchall())

    def newest(self) -> Iterator[tuple[int, str]]:
        """Yield the valid rows, newest first, each with its time in milliseconds."""
        before = (1 << 63) - 1
        while rows := self._cache._sql(
            "SELECT key, value FROM Cache WHERE key < ? ORDER BY key DESC LIMIT ?", (before, ROWS_PER_READ)
        ).fetchall():
            before = rows[-1][0]
            for _key, row in rows:
                with suppress(ValueError):
                    yield to_milliseconds(Tick.decode(row).time), row

    def drop(self, until: int) -> None:
        """Delete the rows up to a position. Single deletes would delay the next tick."""
        with self._cache.transact(retry=False):
            self._cache._sql("DELETE FROM Cache WHERE key <= ?", (until,))
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
        ((busy, _log, _done),) = self._cache._sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return bool(busy) and (waiting % BATCH_ROWS == 1 or size >= WAL_STOP_BYTES)

    def close(self) -> None:
        self._cache.close()


def quarantine(folder: Path) -> str:
    """Rename a damaged database, and return its new name."""
    name = f"cache.db.corrupt-{time.strftime('%Y%m%dT%H%M%S')}"
    (folder / "cache.db").replace(folder / name)
    for suffix in ("-wal", "-shm"):
        (folder / f"cache.db{suffix}").unlink(missing_ok=True)
    return name


def is_corrupt(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
