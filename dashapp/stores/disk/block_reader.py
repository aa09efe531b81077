"""Reads the store's SQLite databases, each with one read-only SELECT.

No handle stays open between two reads, so that a lock, a checkpoint or a replaced file never blocks a reader.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dashapp.stores.block_codec import read_header


def select_rows(path: Path, statement: str, *values: int) -> list[tuple[Any, ...]]:
    """Return the rows of a statement; none if the file is absent, locked or damaged.

    Fetches all of them: an open statement would keep the writer from resetting its log.
    """
    uri = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=0.5)) as connection:
            return connection.execute(statement, values).fetchall()
    except sqlite3.Error:
        return []


class DiskBlockReader:
    """The blocks in `folder`, which span at most `span_ms`."""

    def __init__(self, folder: Path, span_ms: int) -> None:
        self._path = folder / "cache.db"
        self._span_ms = span_ms

    def oldest(self) -> int | None:
        # SQLite sorts integers, the keys of blocks, before text, the keys of rows.
        for value, tag in self._select("1 ORDER BY key LIMIT 1", what="value, tag"):
            if not isinstance(value, bytes):
                return int(tag)
            try:
                return int(read_header(value)[0]["start"])
            except ValueError:
                return int(tag) - self._span_ms  # damaged: it began at most a span before its end
        return None

    def newest(self) -> int:
        for (tag,) in self._select("1 ORDER BY key DESC LIMIT 1", what="tag"):
            return int(tag)
        return 0

    def rows(self, start: int, end: int) -> Sequence[object]:
        rows = self._select("typeof(key) = 'text' AND tag > ? AND tag <= ? ORDER BY key", start, end)
        return [value for (value,) in rows]

    def blocks(self, start: int, end: int) -> Sequence[object]:
        rows = self._select(
            "typeof(key) = 'integer' AND tag > ? AND tag < ? ORDER BY key", start, end + self._span_ms
        )
        return [value for (value,) in rows]

    def _select(self, condition: str, *values: int, what: str = "value") -> list[tuple[Any, ...]]:
        return select_rows(self._path, f"SELECT {what} FROM Cache WHERE {condition}", *values)  # noqa: S608 - our own words only
