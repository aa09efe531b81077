"""Sort the rows of a file by time in a temporary database of times and offsets.

SQLite keeps it in a temporary file that disappears when it is closed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dashapp.model.ticks import SourceError

MAX_ROWS = 5_000_000


class IndexedRow(NamedTuple):
    time: float
    number: int
    offset: int


class TimeIndex:
    """The rows of a file in order of time; rows with the same time in the order of the file."""

    def __init__(self, rows: Iterable[IndexedRow]) -> None:
        # The history is read in another thread than the rows after it, but never at the same time.
        self._database = sqlite3.connect("", check_same_thread=False)
        try:
            self._database.execute("CREATE TABLE rows (time REAL, number INTEGER, offset INTEGER)")
            self._database.executemany("INSERT INTO rows VALUES (?, ?, ?)", self._counted(rows))
            self._database.execute("CREATE INDEX by_time ON rows (time, offset, number)")
            self._database.commit()
            (self.row_count,) = self._database.execute("SELECT count(*) FROM rows").fetchone()
        except sqlite3.Error as error:
            raise SourceError(
                f"the rows cannot be sorted ({error}); free space for temporary files"
            ) from None

    def __iter__(self) -> Iterator[IndexedRow]:
        return self.newest(self.row_count)

    def newest(self, count: int) -> Iterator[IndexedRow]:
        """Yield the newest `count` rows, the oldest of them first."""
        query = "SELECT time, number, offset FROM rows ORDER BY time, offset LIMIT -1 OFFSET ?"
        for row in self._database.execute(query, (max(self.row_count - count, 0),)):
            yield IndexedRow(*row)

    @staticmethod
    def _counted(rows: Iterable[IndexedRow]) -> Iterator[IndexedRow]:
        for count, row in enumerate(rows):
            if count == MAX_ROWS:
                raise SourceError(
                    f"more than {MAX_ROWS:,} rows are not in order of time; sort the file first"
                )
            yield row
