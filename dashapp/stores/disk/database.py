"""A SQLite database of the store, opened with diskcache for writing.

It never pickles or unpickles, no call waits long, and it notices when its file is damaged.
"""

from __future__ import annotations

import importlib
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# diskcache imports this if it is installed, for an adapter that we do not use.
_DJANGO_MODULE = "django.core.cache.backends.base"


def _import_diskcache() -> Any:
    """Return diskcache without its adapter for Django: a collector would load 10 MB with it."""
    hides_django = "django" not in sys.modules
    if hides_django:
        # An import of a module that is None fails.
        sys.modules[_DJANGO_MODULE] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("diskcache")
    finally:
        if hides_django:
            del sys.modules[_DJANGO_MODULE]


diskcache = _import_diskcache()

FAILURES = (diskcache.Timeout, sqlite3.Error, OSError)
# Errors inside diskcache when its tables hold something else than it wrote.
_DAMAGE_ERRORS = (ValueError, TypeError, LookupError, AttributeError, AssertionError, OverflowError)
_CORRUPT_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT)


class DamagedError(sqlite3.DatabaseError):
    """The tables of a database hold something that the store never writes."""


def is_corrupt(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    is_without_table = code == sqlite3.SQLITE_ERROR and "no such" in str(error)
    return isinstance(error, DamagedError) or code in _CORRUPT_CODES or is_without_table


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


class Database:
    """The database in `folder`. `is_damaged` is true once an access found damage."""

    def __init__(self, folder: Path, wal_pages: int, **settings: Any) -> None:
        """`wal_pages`: the size of SQLite's log above which it is written to the database."""
        self.path = folder / "cache.db"
        self.is_damaged = False
        self._max_wal_bytes = wal_pages * 4096
        with self._checked():
            self._cache = diskcache.Cache(
                str(folder),
                timeout=0.05,  # less than the shortest interval; a failed write is repeated
                disk=TextDisk,
                eviction_policy="none",
                cull_limit=0,
                sqlite_mmap_size=0,
                sqlite_auto_vacuum=2,  # incremental: `vacuum` returns pages to the disk
                sqlite_wal_autocheckpoint=wal_pages,
                sqlite_journal_size_limit=self._max_wal_bytes,
                **settings,
            )
        folder.chmod(0o700)
        self.path.chmod(0o600)

    def close(self) -> None:
        self._cache.close()

    def free_bytes(self) -> int:
        """Return the bytes of the file's pages that SQLite keeps for reuse."""
        return self._pragma("freelist_count") * self._pragma("page_size")

    def used_bytes(self) -> int:
        pages = self._pragma("page_count") - self._pragma("freelist_count")
        return pages * self._pragma("page_size")

    def pending_bytes(self) -> int:
        """Return the bytes by which the file becomes smaller once no reader needs them."""
        return max(0, self.path.stat().st_size - self._pragma("page_count") * self._pragma("page_size"))

    def vacuum(self, pages: int, free_disk_bytes: int) -> bool:
        """Return free pages to the disk; False if that is not possible now.

        A database of an older version is rewritten once, if the disk has room for it.
        """
        with self._checked():
            if self._pragma("auto_vacuum") == 2:
                # `execute` would free a single page, because this pragma has no columns.
                self._cache._con.executescript(f"PRAGMA incremental_vacuum({pages})")
            elif self.used_bytes() * 2 < free_disk_bytes:
                self._execute("VACUUM")
            else:
                return False
        self.checkpoint()  # the file becomes smaller when SQLite's log is written to it
        return True

    def checkpoint(self) -> None:
        """Write SQLite's log to the database, and make it small again after a large transaction.

        It keeps a part of its size, so that the next transaction needs no room on a full disk.
        """
        size = 0
        with suppress(OSError):
            size = self.path.with_name("cache.db-wal").stat().st_size
        mode = "TRUNCATE" if size > self._max_wal_bytes else "PASSIVE"
        self._execute(f"PRAGMA wal_checkpoint({mode})")

    def _execute(self, statement: str, *values: Any) -> list[Any]:
        # diskcache has no method for keys and tags, so this uses its connection.
        with self._checked():
            return list(self._cache._sql(statement, values).fetchall())

    def _pragma(self, name: str) -> int:
        return int(self._execute(f"PRAGMA {name}")[0][0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._checked():
            try:
                with self._cache.transact(retry=False):
                    yield
            except BaseException as error:
                # A failed COMMIT would leave its transaction open for good.
                with suppress(*FAILURES):
                    self._cache.close()
                    # On a full disk, the pages of the failed transaction take room in SQLite's log.
                    self.checkpoint()
                if "cannot rollback" in str(error) and isinstance(error.__context__, sqlite3.Error):
                    raise error.__context__ from None  # SQLite rolled back already: why is of interest
                raise

    @contextmanager
    def _checked(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE_ERRORS as error:
            self.is_damaged = True
            raise DamagedError(f"the database is damaged: {error}") from error
        except sqlite3.Error as error:
            self.is_damaged = self.is_damaged or is_corrupt(error)
            raise
