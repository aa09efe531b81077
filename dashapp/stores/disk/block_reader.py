"""Reads the store's SQLite databases, each with one read-only SELECT.

No handle stays open between two reads, so that a lock, a checkpoint or a replaced file never blocks a reader.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

from dashapp.stores.block_codec import read_header
from dashapp.stores.disk.database import is_corrupt
from dashapp.stores.disk.salvage import Row, connect_read_only, salvage_rows


def select_rows(path: Path, statement: str, *values: int) -> list[Row]:
    """Return the rows of a statement; none if the file is absent, locked or damaged.

    Fetches all of them: an open statement would keep the writer from resetting its log.
    """
    try:
        return _select(path, statement, *values)
    except sqlite3.Error:
        return []


def newest_values(path: Path, limit: int) -> Iterable[object]:
    """Return the newest values of a log, newest first, without those in damaged pages."""
    try:
        rows = _select(path, "SELECT value FROM Cache WHERE raw = 1 ORDER BY key DESC LIMIT ?", limit)
    except sqlite3.Error as error:
        rows = islice(salvage_rows(path, "value", "raw = 1"), limit) if is_corrupt(error) else []
    return (value for (value,) in rows)


def _select(path: Path, statement: str, *values: int) -> list[Row]:
    with closing(connect_read_only(path)) as connection:
        return connection.execute(statement, values).fetchall()


class DiskBlockReader:
    """The blocks in `folder`, which span at most `span_ms`."""

    def __init__(self, folder: Path, span_ms: int) -> None:
        self._path = folder / "cache.db"
        self._span_ms = span_ms

    def oldest(self) -> int | None:
        # SQLite sorts integers, the keys of blocks, before text, the keys of rows.
        for key, tag in self._rows("key, tag", "typeof(tag) = 'integer'", "ORDER BY key LIMIT 1"):
            if not isinstance(key, int):
                return int(tag)
            for (value,) in select_rows(self._path, "SELECT value FROM Cache WHERE key = ?", key):
                with suppress(ValueError):
                    return int(read_header(value)[0]["start"])
            return int(tag) - self._span_ms  # damaged: it began at most a span before its end
        return None

    def newest(self) -> int:
        for (tag,) in self._rows("tag", "typeof(tag) = 'integer'", "ORDER BY key DESC LIMIT 1"):
            return int(tag)
        return 0

    def rows(self, start: int, end: int) -> Sequence[object]:
        found = self._rows(
            "value", "typeof(key) = 'text' AND tag > ? AND tag <= ?", "ORDER BY key", start, end
        )
        return [value for (value,) in found]

    def blocks(self, start: int, end: int) -> Sequence[object]:
        found = self._rows(
            "value",
            "typeof(key) = 'integer' AND tag > ? AND tag < ?",
            "ORDER BY key",
            *(start, end + self._span_ms),
        )
        return [value for (value,) in found]

    def _rows(self, columns: str, condition: str, order: str, *values: int) -> list[Row]:
        """Return the rows; without those in damaged pages, which the writer replaces later."""
        try:
            return _select(self._path, f"SELECT {columns} FROM Cache WHERE {condition} {order}", *values)  # noqa: S608 - our own words only
        except sqlite3.Error as error:
            if not is_corrupt(error):
                return []
        found = [*salvage_rows(self._path, f"key, {columns}", condition, *values)]
        found.sort(key=lambda row: (isinstance(row[0], str), row[0]), reverse="DESC" in order)
        return [row[1:] for row in (found[:1] if "LIMIT" in order else found)]
