"""A file of delimited text: its profile, and its rows in order of time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dashapp.model.ticks import SourceError
from dashapp.sources.external.csv.dates import format_time
from dashapp.sources.external.csv.dialect import Record, read_records
from dashapp.sources.external.csv.headings import NoTableError
from dashapp.sources.external.csv.lines import open_text, read_lines
from dashapp.sources.external.csv.numbers import is_missing_cell, is_number_text
from dashapp.sources.external.csv.profile import Notation, Profile, read_profile
from dashapp.sources.external.csv.row_filter import RowFilter
from dashapp.sources.external.csv.time_index import IndexedRow, TimeIndex
from dashapp.sources.external.csv.times import TimeError, TimeLine

# After this many lines without a time at its beginning, a file is no time series.
MAX_LEADING_BAD_ROWS = 100
NOT_LATER = "is not later than the previous row"
UNSET_CLOCK = "is years before the next rows, as if its clock was not set"
# The lines at the end of a large file have no known number.
UNKNOWN_LINE = -(1 << 60)


class TimedRow(NamedTuple):
    """A row with its time in seconds UTC; `number` is the number of its line."""

    time: float
    number: int
    cells: list[str]


class Rejections:
    """Counts what is dropped, and describes the first case."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""

    def add(self, number: int, problem: str) -> None:
        self.count += 1
        if not self.first:
            self.first = f"{f'line {number}' if number > 0 else 'a line near the end'} {problem}"


class CsvFile:
    """A file, its profile and its index; both are read once.

    `units` are those of its metrics, by name, as its rows are read.
    """

    def __init__(self, path: Path, notation: Notation | None = None) -> None:
        self.path = path
        self.units: dict[str, str] = {}
        self._notation = notation or Notation()
        self._profile: Profile | None = None
        self._index: TimeIndex | None = None
        self._index_rejections = Rejections()

    @property
    def profile(self) -> Profile:
        """How to read the file; raises SourceError if that is not certain."""
        if self._profile is None:
            try:
                self._profile = read_profile(self.path, self._notation)
            except NoTableError as error:
                raise SourceError(f"{self.path.name} has no row with a time and a number; {error}") from None
            except SourceError as error:
                raise SourceError(f"{self.path.name}: {error}") from None
        return self._profile

    def format_time(self, seconds: float) -> str:
        """Return a time for a message, in UTC only if the file states a zone."""
        times = self.profile.times
        if not times.has_date:
            return f"{seconds:g} s" if times.kind == "number" else format_time(seconds, False)[11:]
        return format_time(seconds, times.has_zone or times.zone is not None)

    def rows(self, rejections: Rejections, tail_bytes: int) -> Iterator[TimedRow]:
        """Yield the rows in order of time; count the rejected ones in `rejections`.

        If `tail_bytes` is not 0, only about that many bytes of the newest rows are read.
        """
        profile = self.profile
        with open_text(self.path) as file:
            if profile.is_sorted:
                self._seek_tail(file, tail_bytes)
                number = 1 if file.tell() < profile.table.first.offset else UNKNOWN_LINE
                if not tail_bytes:
                    number = 1
                for _record, row in self._placed_rows(file, rejections, number):
                    yield row
            else:
                yield from self._sorted_rows(file, rejections, tail_bytes)

    def _seek_tail(self, file: BinaryIO, tail_bytes: int) -> None:
        start = file.tell()
        if tail_bytes:
            offset = file.seek(0, os.SEEK_END) - tail_bytes
            file.seek(max(start, offset))
            if offset > self.profile.table.first.offset:
                # The line at this offset may have lost its beginning.
                while (part := file.readline(tail_bytes)) and not part.endswith(b"\n"):
                    continue
            else:
                file.seek(start)

    def _placed_rows(
        self, file: BinaryIO, rejections: Rejections, number: int
    ) -> Iterator[tuple[Record, TimedRow]]:
        """Yield the rows in the order of the file, with the times of a `TimeLine`."""
        profile = self.profile
        table = profile.table
        row_filter, line = RowFilter(table), TimeLine(profile.times)
        has_rows = False
        for record in read_records(read_lines(file, number), table.delimiter, len(table.names)):
            cells = row_filter.fitted(record.cells) if row_filter.accepts(record) else []
            if cells:
                try:
                    time = line.place(profile.times.seconds(cells))
                except TimeError as error:
                    if not _is_note(cells, profile):
                        rejections.add(record.number, str(error))
                else:
                    if time >= profile.earliest:
                        has_rows = True
                        yield record, TimedRow(time, record.number, cells)
                    else:
                        rejections.add(record.number, NOT_LATER if has_rows else UNSET_CLOCK)
            elif cells is None:
                names = len(table.names)
                count = len(record.cells)
                rejections.add(record.number, f"has {count} fields, but the heading has {names}")
            elif row_filter.problem:
                rejections.add(record.number, row_filter.problem)
            if not has_rows and rejections.count >= MAX_LEADING_BAD_ROWS:
                return

    def _sorted_rows(self, file: BinaryIO, rejections: Rejections, tail_bytes: int) -> Iterator[TimedRow]:
        profile = self.profile
        if self._index is None:
            self._index = TimeIndex(
                IndexedRow(row.time, row.number, record.offset)
                for record, row in self._placed_rows(file, self._index_rejections, 1)
            )
        rejections.count, rejections.first = self._index_rejections.count, self._index_rejections.first
        size = file.seek(0, os.SEEK_END)
        count = self._index.row_count
        if tail_bytes:
            count = max(1, count * tail_bytes // max(size, 1))
        row_filter = RowFilter(profile.table)
        for indexed in self._index.newest(count):
            file.seek(indexed.offset)
            lines = read_lines(file, indexed.number)
            record = next(read_records(lines, profile.table.delimiter, len(profile.table.names)), None)
            # The file can have changed since it was sorted.
            cells = row_filter.fitted(record.cells) if record else None
            if cells:
                yield TimedRow(indexed.time, indexed.number, cells)


def _is_note(cells: list[str], profile: Profile) -> bool:
    """Return whether a line has neither a time nor a number, such as a second heading."""
    has_time = any(not is_missing_cell(cells[index]) for index in profile.times.columns)
    return not has_time and not any(map(is_number_text, cells))
