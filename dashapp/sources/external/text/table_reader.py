"""Find headings among lines of words, and read the rows below them."""

from __future__ import annotations

from dashapp.sources.external.text.cells import Cell, split_layouts
from dashapp.sources.external.text.headings import Heading
from dashapp.sources.external.text.tables import Table
from dashapp.sources.external.text.values import ValueParser, Values

# Headings of which the columns are remembered: iostat has two.
MAX_TABLES = 16
# The words above columns, the heading, and a row of units.
MAX_CANDIDATES = 3


class TableReader:
    """Reads rows below headings; `heading` has the lines that name the newest columns.

    `problem` is a sentence about rows that cannot be distinguished; the caller clears it.
    """

    def __init__(self, parser: ValueParser) -> None:
        self.heading: tuple[str, ...] = ()
        self.problem = ""
        self._parser = parser
        self._table: Table | None = None
        self._tables: dict[str, Table] = {}
        self._candidates: list[Heading] = []

    @property
    def has_rows(self) -> bool:
        """Whether rows wait for the end of their report."""
        return self._table is not None and self._table.has_rows

    @property
    def has_table(self) -> bool:
        return self._table is not None

    @property
    def has_candidates(self) -> bool:
        return bool(self._candidates)

    def knows(self, marked: str) -> bool:
        """Return whether the line is a heading that had rows."""
        return marked in self._tables

    def add_candidate(self, marked: str) -> None:
        """Remember a line of words that can be a heading."""
        self._candidates = [*self._candidates[1 - MAX_CANDIDATES :], Heading(marked)]

    def clear_candidates(self) -> None:
        self._candidates.clear()

    def flush(self) -> Values:
        """Return the values of rows that wait."""
        if self._table is None:
            return {}
        values = self._table.flush()
        if self._table.problem:
            self.problem, self._table.problem = self._table.problem, ""
        return values

    def row(self, line: str, marked: str) -> Values | None:
        """Read a row of the newest table; a new heading takes the row if it fits."""
        if self._table is None or (cells := self._table.fit(marked)) is None:
            return None
        values = self.row_of_new_table(line, marked)
        self._candidates.clear()
        return values if values is not None else self._table.add(cells, line, marked)

    def row_of_new_table(self, line: str, marked: str) -> Values | None:
        """Read a row below a line of words, if the words can name its columns."""
        if not self._candidates:
            return None
        *others, heading = self._candidates
        units = None
        if others and any(heading.units(names) is not None for names in others[-1].layouts):
            units = heading
            *others, heading = others
        group = others[-1] if others else None
        table = self._tables.get(heading.line)
        cells = table.fit(marked) if table is not None else None
        if table is None or cells is None:
            if (fitted := heading.fit(marked)) is None:
                return None
            names, cells, prefix = fitted
            scales = next((found for own in heading.layouts if units and (found := units.units(own))), None)
            table = Table(heading, names, prefix, self._parser, scales, group)
        values = self.flush()
        self._select(table)
        self.heading = tuple(each.line for each in (group, heading, units) if each is not None)
        return values | table.add(cells, line, marked)

    def wrapped_row(self, line: str, marked: str) -> Values | None:
        """Read a row whose long first word stands in a line of its own, as `df` wraps it."""
        if not self._candidates or not line.startswith(" ") or " " in self._candidates[-1].line.strip():
            return None
        word = self._candidates.pop().line.strip()
        line, marked = f"{word} {line.strip()}", f"{word} {marked.strip()}"
        values = self.row(line, marked)
        return values if values is not None else self.row_of_new_table(line, marked)

    def describe_difference(self, marked: str) -> str:
        """Return how the line differs from the heading in its number of columns, or an empty text."""
        table_heading = self._table.heading if self._table is not None else None
        heading = self._candidates[-1] if self._candidates else table_heading
        if heading is None:
            return ""
        cells: list[Cell] = next(split_layouts(marked, heading.delimiter))
        count, expected = len(cells), len(heading.layouts[0])
        return "" if count == expected else f"with {count} columns under a heading with {expected}"

    def _select(self, table: Table) -> None:
        self._candidates = []
        self._tables.pop(table.heading.line, None)
        self._tables[table.heading.line] = self._table = table
        if len(self._tables) > MAX_TABLES:
            del self._tables[next(iter(self._tables))]
