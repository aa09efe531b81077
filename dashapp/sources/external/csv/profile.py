"""Read the beginning of a file, and learn how to read its rows.

Most files are read to their end. Of a large one the first MAX_PROFILE_BYTES show the notation; a later row
that contradicts them is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from dashapp.model.ticks import SourceError
from dashapp.sources.external.csv.dates import parse_stamp
from dashapp.sources.external.csv.dialect import Record, read_records
from dashapp.sources.external.csv.entities import EntityColumns, EntityFinder, is_ignored
from dashapp.sources.external.csv.headings import ROW_TYPE_NAME, NoTableError, Table, find_table
from dashapp.sources.external.csv.lines import Line, open_text, read_lines
from dashapp.sources.external.csv.numbers import Column
from dashapp.sources.external.csv.row_filter import RowFilter
from dashapp.sources.external.csv.time_columns import DateOrders, find_time_format
from dashapp.sources.external.csv.times import TimeError, TimeFormat, TimeLine
from dashapp.sources.external.number_parsing import NumberParser

# Lines that show the delimiter, the heading and the time columns.
MAX_SAMPLE_LINES, MAX_SAMPLE_BYTES, MIN_SAMPLE_LINES = 300, 128 << 10, 12
MAX_SAMPLE_ROWS, MAX_SAMPLE_CELLS = 200, 10_000
MAX_PROFILE_BYTES = 16 << 20
MAX_COLUMNS = 1000
# A few rows this far in front of the first one are those of a clock that was not set.
MAX_EARLY_SHARE, MIN_EARLY_S, MIN_EARLY_STEPS = 0.01, 60.0, 10
# So are the first rows, if the next one is years later.
CLOCK_SET_S, MAX_UNSET_ROWS = 5 * 365 * 86_400.0, 100
MAX_STEPS = 300
# A column with few numbers is one of texts. This many rows show which it is.
MIN_NUMBER_SHARE, MIN_INSPECTED_ROWS = 0.1, 100


@dataclass(frozen=True)
class Notation:
    """Statements of the user about a file: order of dates, decimal mark, time zone."""

    dates: str = ""
    decimal: str = ""
    zone: ZoneInfo | None = None


@dataclass
class Profile:
    """How to read the rows of a file. `problems` are sentences about columns that are left out.

    `is_sorted`: the rows are in the order of time; rows before `earliest` are errors.
    """

    table: Table
    times: TimeFormat
    columns: list[Column]
    entities: EntityColumns
    problems: list[str] = field(default_factory=list)
    is_sorted: bool = True
    earliest: float = -math.inf


def read_profile(path: Path, notation: Notation) -> Profile:
    """Return the profile; raises OSError, and SourceError with the rest of a sentence."""
    with open_text(path) as file:
        start = file.tell()
        lines = _sample_lines(file)
        table = find_table(lines)
        file.seek(start)
        return _Scan(table, notation).profile(file)


def _sample_lines(file: BinaryIO) -> list[Line]:
    lines: list[Line] = []
    size = 0
    for line in read_lines(file):
        lines.append(line)
        size += len(line.text or "")
        if len(lines) >= MAX_SAMPLE_LINES or (size > MAX_SAMPLE_BYTES and len(lines) >= MIN_SAMPLE_LINES):
            break
    return lines


class _Scan:
    """One pass over the rows of a table."""

    def __init__(self, table: Table, notation: Notation) -> None:
        self._table, self._notation = table, notation
        self._names = table.names

    def profile(self, file: BinaryIO) -> Profile:
        table = self._table
        start = file.tell()
        row_count = min(max(MAX_SAMPLE_CELLS // len(self._names), MIN_SAMPLE_LINES), MAX_SAMPLE_ROWS)
        rows = [record.cells for record in islice(self._rows(file), row_count)]
        times = find_time_format(self._names, rows, self._notation.zone)
        candidates = [
            Column(index, name)
            for index, name in enumerate(self._names)
            if index not in times.columns
            and not is_ignored(name, self._names)
            and not (table.row_type and name == ROW_TYPE_NAME)
        ]
        file.seek(start)
        self._inspect(file, times, candidates)
        if times.kind in ("text", "digits") and times.has_date and not times.order:
            times.order = self._orders.resolve(table.is_month_first)
        columns = [column for column in candidates if _is_numeric(column)]
        texts = [column.index for column in candidates if column not in columns]
        file.seek(start)
        profile = self._order(file, times, columns, texts)
        self._decide_marks(profile)
        if not any(column.number_count for column in profile.columns):
            if profile.problems:
                raise SourceError(profile.problems[0])
            raise NoTableError("none of its columns has numbers")
        if len(profile.columns) > MAX_COLUMNS:
            profile.problems.append(
                f"it has {len(profile.columns):,} columns of numbers; only the first {MAX_COLUMNS:,} are read"
            )
            del profile.columns[MAX_COLUMNS:]
        return profile

    def _rows(self, file: BinaryIO) -> Iterator[Record]:
        """Yield the rows within MAX_PROFILE_BYTES, from the beginning of the file."""
        end = file.tell() + MAX_PROFILE_BYTES
        skipped_from = -1
        row_filter = RowFilter(self._table)
        for record in read_records(read_lines(file), self._table.delimiter, len(self._names)):
            if skipped_from >= 0:
                # A line that is too long costs little.
                end += record.offset - skipped_from
            skipped_from = -1 if record.cells else record.offset
            if record.offset > end:
                return
            if row_filter.accepts(record) and (cells := row_filter.fitted(record.cells)) is not None:
                yield Record(record.number, record.offset, cells)

    def _inspect(self, file: BinaryIO, times: TimeFormat, columns: list[Column]) -> None:
        """Collect the dates, and the cells that show the decimal marks."""
        self._orders = DateOrders(self._notation.dates)
        # A time of day without colons is not part of the text.
        date_columns = times.columns[:1] if times.kind == "digits" else times.columns
        has_dates = times.kind in ("text", "digits") and times.has_date
        undecided = columns
        for count, record in enumerate(self._rows(file)):
            cells = record.cells
            if has_dates:
                text = " ".join(cells[index] for index in date_columns)
                if (stamp := parse_stamp(text)) is not None and stamp.date is not None:
                    self._orders.add(stamp.date, text, record.number)
            else:
                times.numbers.parse(times.text(cells))
            for column in undecided:
                cell = cells[column.index]
                # Whole numbers and empty cells show nothing, once the kind of the column is known.
                if not cell or (column.number_count and cell.isdigit()):
                    continue
                column.inspect(cell, record.number)
            if count % 100 == 0:
                undecided = [column for column in undecided if count < MIN_INSPECTED_ROWS or _is_open(column)]

    def _order(self, file: BinaryIO, times: TimeFormat, columns: list[Column], texts: list[int]) -> Profile:
        """Find out whether the rows are sorted, and which columns name things."""
        finder = EntityFinder(self._names, texts, [column.index for column in columns])
        line = TimeLine(times)
        order = _Order()
        for record in self._rows(file):
            try:
                time = line.place(times.seconds(record.cells))
            except TimeError:
                continue
            finder.add(time, record.cells)
            order.add(time)
        entities = finder.find()
        used = {*entities.columns, *entities.constants}
        kept = [column for column in columns if column.index not in used]
        earliest, is_sorted = order.result()
        return Profile(self._table, times, kept, entities, [], is_sorted, earliest)

    def _decide_marks(self, profile: Profile) -> None:
        """Give each column its decimal mark; leave out those whose numbers have two readings."""
        marks = {column.parser.decimal_mark for column in profile.columns} - {""}
        common = self._notation.decimal or (next(iter(marks)) if len(marks) == 1 else "")
        kept = []
        for column in profile.columns:
            if self._notation.decimal or (common in (",", ".") and not column.is_decided):
                column.parser = NumberParser(common)
            # Programs write a decimal point. A program that writes semicolons may write thousands.
            is_point = column.has_ambiguous_dot and self._table.delimiter != ";" and not marks
            if not column.ambiguous_text or column.is_decided or is_point:
                kept.append(column)
            elif not profile.problems:
                cell = column.ambiguous_text[:20]
                profile.problems.append(
                    f'line {column.ambiguous_line}, column "{column.name[:40]}": "{cell}" '
                    "has two readings, and the column is left out; add ?decimal=point or ?decimal=comma"
                )
        profile.columns = kept


class _Order:
    """Finds out whether times rise, apart from a few of a clock that was not set."""

    def __init__(self) -> None:
        self._count = self._descents = 0
        self._first = self._previous = self._newest = math.nan
        self._steps: list[float] = []
        self._early: list[float] = []
        self._start = -math.inf

    def add(self, time: float) -> None:
        self._count += 1
        if self._count == 1:
            self._first = self._previous = self._newest = time
            return
        step = time - self._previous
        if step < 0:
            self._descents += 1
        elif time > self._newest and len(self._steps) < MAX_STEPS:
            self._steps.append(time - self._newest)
        if step > CLOCK_SET_S and self._count <= MAX_UNSET_ROWS and not self._descents:
            self._first = self._start = time
        elif time < self._first and len(self._early) <= MAX_STEPS:
            self._early.append(time)
        self._previous, self._newest = time, max(self._newest, time)

    def result(self) -> tuple[float, bool]:
        """Return the earliest time that is no error, and whether all later ones rise."""
        allowed = max(
            MIN_EARLY_S,
            MIN_EARLY_STEPS * (sorted(self._steps)[(len(self._steps) - 1) // 2] if self._steps else 0.0),
        )
        early = sum(time < self._first - allowed for time in self._early)
        is_rising = self._descents * 2 < self._count
        if early and is_rising and early <= max(1, MAX_EARLY_SHARE * self._count):
            return self._first - allowed, self._descents <= early
        return self._start, not self._descents


def _is_open(column: Column) -> bool:
    """Return whether more cells can change what is known about a column."""
    return not column.is_decided and (column.number_count > 0 or not column.text_count)


def _is_numeric(column: Column) -> bool:
    """Return whether a column has numbers, or nothing at all so far."""
    if not column.number_count:
        return not column.text_count
    return column.number_count >= MIN_NUMBER_SHARE * (column.number_count + column.text_count)
