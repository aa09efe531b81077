"""Read rows of a CSV file in order of time, one row in memory at a time.

The package `csv` finds out how to read them: encoding, dialect, heading, times, numbers, names of things.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dashapp.model.ticks import SourceError
from dashapp.sources.external.csv.csv_file import NOT_LATER, CsvFile, Rejections, TimedRow
from dashapp.sources.external.csv.entities import metric_name
from dashapp.sources.external.csv.numbers import Column
from dashapp.sources.rejection import excerpt

MAX_METRICS = 1000


class Row(NamedTuple):
    """One row: `time` in seconds UTC, and its finite numbers by name."""

    time: float
    values: dict[str, float]


class CsvRows:
    """The rows of a file, each later than the one before.

    If `tail_bytes` is not 0, only about that many bytes of the newest rows are read. `rejected_rows` and
    `rejected_cells` count what is dropped.
    """

    def __init__(self, file: CsvFile, tail_bytes: int = 0) -> None:
        self.rejected_rows, self.rejected_cells = Rejections(), Rejections()
        self._file, self._tail_bytes = file, tail_bytes
        self._names: dict[str, Sequence[tuple[Column, str]]] = {}
        self._metric_count = 0

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows from the beginning; raises SourceError if the file has none."""
        name = self._file.path.name
        pending: Row | None = None
        newest = -math.inf
        try:
            for row in self._file.rows(self.rejected_rows, self._tail_bytes):
                if row.time < newest:
                    self.rejected_rows.add(row.number, NOT_LATER)
                    continue
                values = self._values(row)
                if values is None:
                    continue
                if pending is not None and row.time == newest:
                    self._merge(pending, values, row)
                    continue
                if pending is not None:
                    yield pending
                pending, newest = Row(row.time, values), row.time
        except OSError as error:
            raise SourceError(f"{name} cannot be read ({error.strerror or type(error).__name__})") from None
        if pending is None:
            raise SourceError(f"{name} has no row with a time and a number; {self.rejected_rows.first}")
        yield pending

    def messages(self) -> Iterator[str]:
        """Yield a sentence for each kind of thing that is dropped."""
        name = self._file.path.name[:60]
        for problem in self._file.profile.problems:
            yield f"{name}: {problem}"
        if self.rejected_rows.count:
            yield f"{name}: some rows were dropped; {self.rejected_rows.first}"
        if self.rejected_cells.count:
            yield f"{name}: some cells were dropped; {self.rejected_cells.first}"

    def _merge(self, pending: Row, values: dict[str, float], row: TimedRow) -> None:
        """Add the values of another thing at the same time."""
        if not self._file.profile.entities.columns or pending.values.keys() & values.keys():
            self.rejected_rows.add(row.number, NOT_LATER)
        else:
            pending.values.update(values)

    def _values(self, row: TimedRow) -> dict[str, float] | None:
        """Return the numbers of a row by name, or None if its names are not certain."""
        entities = self._file.profile.entities
        cells = row.cells
        for index, text in entities.constants.items():
            if cells[index] != text:
                name = self._file.profile.table.names[index]
                self.rejected_rows.add(
                    row.number, f'has another {name[:30]} ("{excerpt(cells[index])}") than the first rows'
                )
                return None
        entity = entities.name(cells) if entities.columns else ""
        if entities.columns and not entity.strip():
            self.rejected_rows.add(row.number, "does not name what its values are about")
            return None
        values: dict[str, float] = {}
        units = self._file.units
        for column, name in self._names.get(entity) or self._new_names(entity, row):
            cell = cells[column.index]
            try:
                quantity = column.parse(cell)
            except ValueError:
                # Some things have only texts, such as the weather.
                if not entity or name in units:
                    self._reject_cell(row, column, cell, "is no number that is understood")
                continue
            if quantity is None:
                continue
            if not quantity.value and not quantity.unit:
                # Zero has no unit in many logs.
                values[name] = 0.0
                continue
            unit = units.setdefault(name, quantity.unit)
            if unit != quantity.unit:
                self._reject_cell(row, column, cell, f"is not in {unit or 'the unit'} of the rows before")
                continue
            values[name] = quantity.value
        return values

    def _new_names(self, entity: str, row: TimedRow) -> Sequence[tuple[Column, str]]:
        columns = self._file.profile.columns
        count = sum(column.number_count > 0 for column in columns)
        names = [(column, metric_name(entity, column.name, count)) for column in columns]
        room = MAX_METRICS - self._metric_count
        if len(names) > room:
            problem = f"names more than {MAX_METRICS:,} metrics; only the first {MAX_METRICS:,} are read"
            self.rejected_rows.add(row.number, problem)
            names = names[:room]
        self._metric_count += len(names)
        self._names[entity] = names
        return names

    def _reject_cell(self, row: TimedRow, column: Column, cell: str, problem: str) -> None:
        self.rejected_cells.add(
            row.number, f'has "{excerpt(cell)}" in column {column.name[:40]}, which {problem}'
        )
