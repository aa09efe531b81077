"""Quarantine of a damaged database, and the rows that can still be read from it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

Row = tuple[Any, ...]
Execute = Callable[..., list[Row]]

# The name of a damaged database until its readable rows are copied.
DAMAGED_NAME = "cache.db.damaged"
# Give up after so many rows that cannot be read: a damaged page hides the rows below it.
MAX_UNREADABLE_ROWS = 20_000


def quarantine(folder: Path) -> Path:
    """Rename a damaged database, with SQLite's log, and return its new path."""
    path = folder / DAMAGED_NAME
    if path.exists():
        finish_quarantine(path)
    # The log first: SQLite must never find it beside a new database.
    for suffix in ("-wal", ""):
        with suppress(FileNotFoundError):
            (folder / f"cache.db{suffix}").replace(f"{path}{suffix}")
    (folder / "cache.db-shm").unlink(missing_ok=True)
    return path


def finish_quarantine(path: Path) -> str:
    """Give a quarantined database its final name after its rows are copied; return the name."""
    stem = f"cache.db.corrupt-{time.strftime('%Y%m%dT%H%M%S')}"
    target, number = path.with_name(stem), 1
    while target.exists():
        number += 1
        target = path.with_name(f"{stem}-{number}")
    for suffix in ("-wal", ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").replace(f"{target}{suffix}")
    Path(f"{path}-shm").unlink(missing_ok=True)
    return target.name


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a database for reading. Invalid UTF-8 in a text is replaced."""
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=0.5)
    connection.text_factory = lambda data: data.decode(errors="replace")
    return connection


def salvage_rows(path: Path, columns: str, condition: str, *values: int) -> Generator[Row, None, None]:
    """Yield the rows that can be read from a damaged database, newest first."""
    with suppress(sqlite3.Error), closing(connect_read_only(path)) as connection:

        def execute(statement: str, *values: int) -> list[Row]:
            return connection.execute(statement, values).fetchall()

        yield from _readable_rows(execute, columns, condition, *values)


def _readable_rows(execute: Execute, columns: str, condition: str, *values: int) -> Iterator[Row]:
    """Yield the rows that match, newest first, without those that cannot be read.

    `condition` names columns before `value` only, so that a test of it does not read the value.
    """
    where = f"FROM Cache NOT INDEXED WHERE rowid BETWEEN ? AND ? AND ({condition})"
    ranges = [_rowid_range(execute)]
    unreadable = 0
    while ranges:
        first, last = ranges.pop()
        if first > last:
            continue
        try:
            # The rowids first: rows may be large, and a range may hold many.
            rowids = execute(f"SELECT rowid {where} ORDER BY rowid", first, last, *values)
        except sqlite3.Error:
            if first == last:
                unreadable += 1
                if unreadable > MAX_UNREADABLE_ROWS:
                    return
            else:
                middle = (first + last) // 2
                ranges += [(first, middle), (middle + 1, last)]
            continue
        for (rowid,) in reversed(rowids):
            with suppress(sqlite3.Error):
                yield from execute(f"SELECT {columns} FROM Cache WHERE rowid = ?", rowid)  # noqa: S608


def _rowid_range(execute: Execute) -> tuple[int, int]:
    """Return the lowest and the highest rowid; from the index of keys if the table hides them."""
    ends = []
    for order in ("", "DESC"):
        found = []
        for statement in (
            f"SELECT rowid FROM Cache NOT INDEXED ORDER BY rowid {order} LIMIT 1",  # noqa: S608
            f"SELECT rowid FROM Cache INDEXED BY Cache_key_raw ORDER BY key {order} LIMIT 1",  # noqa: S608
        ):
            with suppress(sqlite3.Error):
                found += [rowid for (rowid,) in execute(statement)]
        ends.append(found)
    low, high = ends
    return (min(low) if low else 1), (max(high) if high else 0)
