"""Read rows of a CSV file in order of time, one row in memory at a time.

Times are ISO 8601 (UTC without a zone), or epoch seconds, milliseconds, microseconds or nanoseconds. The size
of an epoch time determines its unit.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dashapp.model.ticks import SourceError
from dashapp.sources.external.text_parsing import CHUNK_BYTES, LineReader, parse_number

# After this many rows without a time at its beginning, a file is no time series. Limit for columns.
MAX_LEADING_BAD_ROWS, MAX_COLUMNS = 100, 64


class Row(NamedTuple):
    """One row: `time` in seconds UTC, and its finite numbers by column name."""

    time: float
    values: dict[str, float]


class CsvRows:
    """The rows of a file, each later than the one before.

    If `tail_bytes` is not 0, only the heading and that many bytes at the end are read. `rejected_rows`
    counts the rejected rows, and `first_problem` describes the first of them.
    """

    def __init__(self, path: Path, tail_bytes: int = 0) -> None:
        self._tail_bytes = tail_bytes
        self.rejected_rows = 0
        self.first_problem = ""
        self._path = path
        self._line = 0
        self._names: Sequence[str] = ()
        self._time = 0
        self._delimiter = ","

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows from the beginning; raises SourceError if the file has none."""
        newest = float("-inf")
        has_rows = False
        for words in self._split_lines():
            row = self._row(words, newest)
            if row is not None:
                has_rows, newest = True, row.time
                yield row
            elif not has_rows and self.rejected_rows >= MAX_LEADING_BAD_ROWS:
                break
        if not has_rows:
            raise SourceError(f"{self._path.name} has no row with a time and a number; {self._problem()}")

    def _problem(self) -> str:
        return self.first_problem or "expected a heading, and rows with a time such as 2026-01-31T12:00:00Z"

    def _split_lines(self) -> Iterator[list[str]]:
        """Yield the fields of every line after the heading.

        If the first line is a row, the columns get numbers as names.
        """
        self._line, self._names = 0, ()
        for line in self._lines():
            self._line += 1
            if self._names:
                if line.strip():
                    yield self._split(line)
            elif (text := line.lstrip("\ufeff").strip()) and not text.startswith("#"):
                self._delimiter = max(",;\t", key=text.count)
                words = self._split(text)
                self._names, self._time = words[:MAX_COLUMNS], find_time_column(words)
                try:
                    parse_time(words[self._time])
                except (ValueError, OverflowError, IndexError):
                    continue
                self._names = [f"column{index}" for index in range(len(self._names))]
                yield words

    def _lines(self) -> Iterator[str]:
        lines = LineReader()
        try:
            with self._path.open("rb") as file:
                if self._tail_bytes and (offset := file.seek(0, os.SEEK_END) - self._tail_bytes) > 0:
                    file.seek(0)
                    yield self._heading(file)
                    file.seek(max(file.tell(), offset))
                    lines.skip()
                else:
                    file.seek(0)
                while chunk := file.read(CHUNK_BYTES):
                    for line in lines.feed(chunk):
                        yield line.decode(errors="replace")
                yield lines.remainder().decode(errors="replace")
        except OSError as error:
            raise self._read_error(error) from None

    def _heading(self, file: BinaryIO) -> str:
        """Return the first line that is no comment and not blank, within MAX_LEADING_BAD_ROWS."""
        lines = (file.readline(CHUNK_BYTES).decode(errors="replace") for _ in range(MAX_LEADING_BAD_ROWS))
        return next((line for line in lines if line.strip() and not line.startswith("#")), "")

    def _read_error(self, error: OSError) -> SourceError:
        return SourceError(f"{self._path.name} cannot be read ({error.strerror or type(error).__name__})")

    def _split(self, line: str) -> list[str]:
        try:
            return next(csv.reader([line], delimiter=self._delimiter), [])
        except csv.Error:
            return []

    def _row(self, words: list[str], newest: float) -> Row | None:
        if len(words[:MAX_COLUMNS]) != len(self._names):
            self._reject(f"has {len(words)} fields, but the heading has {len(self._names)}")
            return None
        try:
            time = parse_time(words[self._time])
        except (ValueError, OverflowError):
            excerpt = "".join(letter for letter in words[self._time][:20] if letter.isprintable())
            self._reject(f'has an invalid time ("{excerpt}")')
            return None
        if time <= newest:
            self._reject("is not later than the previous row")
            return None
        values = {name: parse_number(word) for name, word in zip(self._names, words, strict=False)}
        del values[self._names[self._time]]
        return Row(
            time,
            {name: value for name, value in values.items() if value is not None and math.isfinite(value)},
        )

    def _reject(self, reason: str) -> None:
        self.rejected_rows += 1
        if not self.first_problem:
            self.first_problem = f"line {self._line} {reason}"


TIME_COLUMN_NAMES = ("time", "timestamp", "date", "datetime", "ts")
# Epoch seconds are below this until the year 5138; larger times are in fractions of a second.
_LARGEST_SECONDS = 1e11


def find_time_column(heading: Sequence[str]) -> int:
    """Return the index of a column in TIME_COLUMN_NAMES, or of the first column."""
    names = [name.strip().lower() for name in heading]
    return next((names.index(name) for name in TIME_COLUMN_NAMES if name in names), 0)


def parse_time(text: str) -> float:
    """Return seconds UTC; raises ValueError if the text is no time.

    >>> parse_time("2026-01-02T03:04:05Z") == parse_time("2026-01-02 03:04:05") == parse_time("1767323045000")
    True
    """
    text = text.strip()
    try:
        value = float(text)
    except ValueError:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(value) or "_" in text or (len(text) == 8 and text[:2] in ("19", "20")):
        # People write a date as eight digits.
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).timestamp()
    while abs(value) >= _LARGEST_SECONDS:
        value /= 1000
    return value
