"""Reads the store's SQLite databases, each with one read-only SELECT.

No handle stays open between two reads, so that a lock, a checkpoint or a replaced file never blocks a reader.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from dashapp.stores.cached_reader import MAX_ROWS_READ, MIN_ROWS_READ
from dashapp.stores.disk.database import is_corrupt
from dashapp.stores.disk.salvage import Row, connect_read_only, salvage_rows
from dashapp.stores.failed_reads import FailedReads
from dashapp.stores.history.block_codec import read_header

# Larger than every key.
MAX_KEY = (1 << 63) - 1


def select_rows(path: Path, failed_reads: FailedReads, statement: str, *values: int) -> list[Row]:
    """Return the rows of a statement; none if the file is absent, locked or damaged.

    Fetches all of them: an open statement would keep the writer from resetting its log.
    """
    try:
        return _select(path, statement, *values)
    except sqlite3.Error as error:
        _count_failure(failed_reads, path, error)
        return []


def newest_values(path: Path, failed_reads: FailedReads | None = None) -> Iterator[object]:
    """Yield the values of a log, newest first, without those in damaged pages."""
    statement = "SELECT key, value FROM Cache WHERE raw = 1 AND key < ? ORDER BY key DESC LIMIT ?"
    key, limit = MAX_KEY, MIN_ROWS_READ
    try:
        while rows := _select(path, statement, key, limit):
            yield from (value for _key, value in rows)
            key, limit = rows[-1][0], min(2 * limit, MAX_ROWS_READ)
    except sqlite3.Error as error:
        if is_corrupt(error):
            yield from (value for (value,) in salvage_rows(path, "value", "raw = 1 AND key < ?", key))
        _count_failure(failed_reads or FailedReads(), path, error)


def _count_failure(failed_reads: FailedReads, path: Path, error: sqlite3.Error) -> None:
    """Count an error that may pass, such as a lock, and not a missing or damaged file."""
    is_absent = False
    with suppress(OSError):
        is_absent = not path.exists()
    if not is_absent and not is_corrupt(error):
        failed_reads.add()


def _select(path: Path, statement: str, *values: int) -> list[Row]:
    with closing(connect_read_only(path)) as connection:
        return connection.execute(statement, values).fetchall()


class DiskBlockReader:
    """The blocks in `folder`, which span at most `span_ms`."""

    def __init__(self, folder: Path, span_ms: int, failed_reads: FailedReads) -> None:
        self._path = folder / "cache.db"
        self._span_ms = span_ms
        self._failed_reads = failed_reads

    def oldest(self) -> int | None:
        key, tag = self._first("")
        if key is None:
            return None
        if not isinstance(key, int):
            return tag
        for (value,) in self._select_rows("SELECT value FROM Cache WHERE key = ?", key):
            with suppress(ValueError):
                return int(read_header(value)[0]["start"])
        return tag - self._span_ms  # damaged: it began at most a span before its end

    def newest(self) -> int:
        return self._first("DESC")[1]

    def rows(self, start: int, end: int) -> Sequence[object]:
        return self._values("text", start, end + 1)

    def blocks(self, start: int, end: int) -> Sequence[object]:
        return self._values("integer", start, end + self._span_ms)

    def _select_rows(self, statement: str, *values: int) -> list[Row]:
        return select_rows(self._path, self._failed_reads, statement, *values)

    def _first(self, order: str) -> tuple[object, int]:
        """Return the first key and its tag. SQLite sorts the keys of blocks before those of rows."""
        condition = "typeof(tag) = 'integer'"
        try:
            rows = _select(
                self._path,
                f"SELECT key, tag FROM Cache WHERE {condition} ORDER BY key {order} LIMIT 1",  # noqa: S608
            )
        except sqlite3.Error as error:
            found = salvage_rows(self._path, "key, tag", condition) if is_corrupt(error) else []
            _count_failure(self._failed_reads, self._path, error)
            rows = sorted(found, key=lambda row: (isinstance(row[0], str), row[0]), reverse=bool(order))
        return rows[0] if rows else (None, 0)

    def _values(self, kind: str, after: int, before: int) -> list[object]:
        """Return the values whose keys have this type and whose tags are between these times."""
        statement = (
            f"SELECT value FROM Cache WHERE typeof(key) = '{kind}' AND tag > ? AND tag < ? ORDER BY key"  # noqa: S608
        )
        try:
            return [value for (value,) in _select(self._path, statement, after, before)]
        except sqlite3.Error as error:
            _count_failure(self._failed_reads, self._path, error)
            return self._readable_values(kind, after, before) if is_corrupt(error) else []

    def _readable_values(self, kind: str, after: int, before: int) -> list[object]:
        """Return the values one by one, and a text that is no value for each in a damaged page."""
        condition = "tag > ? AND tag < ?"
        indexed = f"SELECT rowid FROM Cache INDEXED BY Cache_tag_rowid WHERE {condition}"  # noqa: S608
        hidden = {rowid for (rowid,) in self._select_rows(indexed, after, before)}
        found = []
        for rowid, key, type_ in salvage_rows(
            self._path, "rowid, key, typeof(key)", condition, after, before
        ):
            hidden.discard(rowid)
            if type_ == kind:
                found.append((key, rowid))
        values: list[object] = [f"damaged row {rowid}" for rowid in hidden]
        for _key, rowid in sorted(found):
            value = self._select_rows("SELECT value FROM Cache WHERE rowid = ?", rowid)
            values.append(value[0][0] if value else f"damaged row {rowid}")
        return values
