"""Skip the comments, repeated headings, blank lines and other tables between rows."""

from __future__ import annotations

from dashapp.sources.external.csv.dialect import Record
from dashapp.sources.external.csv.headings import Table, is_comment
from dashapp.sources.external.csv.lines import MAX_LINE_BYTES
from dashapp.sources.external.csv.numbers import is_number_text


class RowFilter:
    """Accepts the lines that are rows of `table`; the lines come in the order of the file.

    `problem` describes the last line as the rest of a sentence, if it is no row but should be one.
    """

    def __init__(self, table: Table) -> None:
        self.problem = ""
        self._table = table
        self._heading = [cell.lower() for cell in table.heading]
        self._words = {cell for cell in self._heading if cell}
        self._is_other_table = False

    def accepts(self, record: Record) -> bool:
        """Return whether the line is a row."""
        self.problem = ""
        cells = record.cells
        if record.offset < self._table.first.offset:
            return False
        if not cells:
            self.problem = f"is longer than {MAX_LINE_BYTES:,} bytes, or has wrong quotes"
        if not any(cells) or is_comment(cells):
            return False
        if self._table.row_type and cells[0] != self._table.row_type:
            return False
        if self._heading and self._is_heading(cells):
            lower = [cell.lower() for cell in cells]
            self._is_other_table = _trimmed(lower) != _trimmed(self._heading)
            if self._is_other_table:
                self.problem = "begins a table with other columns; save it as a file of its own"
            return False
        return not self._is_other_table

    def _is_heading(self, cells: list[str]) -> bool:
        """Return whether the line has mostly words of the heading, and no number."""
        if next(filter(None, cells)).lower() not in self._words:
            return False
        known = sum(cell.lower() in self._words for cell in cells if cell)
        return known * 2 > sum(map(bool, cells)) and not any(
            is_number_text(cell) and cell.lower() not in self._words for cell in cells
        )

    def fitted(self, cells: list[str]) -> list[str] | None:
        """Return one cell for each name, or None if their number is wrong."""
        width = len(self._table.names)
        if len(cells) == width or (len(cells) > width and not any(cells[width:])):
            return cells[:width]
        # Some programs write the delimiter at the end only if the last value is missing.
        if len(cells) == width - 1 and self._table.heading and not self._table.heading[-1]:
            return [*cells, ""]
        return None


def _trimmed(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells
