"""Split lines into cells: delimiters, quotes, and quoted line breaks."""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from dashapp.sources.external.csv.lines import Line

# Any run of spaces, or a run of two or more, is also a delimiter.
SPACES, WIDE_SPACES = " ", "  "
DELIMITERS = (",", ";", "\t", "|", WIDE_SPACES, SPACES)
# A quoted cell with more line breaks than this has no end.
MAX_RECORD_LINES = 20
_WIDE_GAP = re.compile(r"\s{2,}|\t")
_SEP_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


class Record(NamedTuple):
    """The cells of a line, or of several lines if a quoted cell has line breaks."""

    number: int
    offset: int
    cells: list[str]


def split_cells(text: str, delimiter: str) -> list[str]:
    """Return the cells of a line without the spaces around them.

    >>> split_cells('a; "b;c" ;d', ";"), split_cells("  a b   c", "  "), split_cells(" a  b", " ")
    (['a', 'b;c', 'd'], ['a b', 'c'], ['a', 'b'])
    """
    if '"' in text:
        try:
            separator = " " if delimiter == WIDE_SPACES else delimiter
            cells = next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])
        except csv.Error:
            return []
    elif delimiter == SPACES:
        return text.split() or [""]
    elif delimiter == WIDE_SPACES:
        return _WIDE_GAP.split(text.strip())
    else:
        cells = text.split(delimiter)
    return [cell.strip() for cell in cells]


def separator_of_line(text: str) -> str:
    """Return the delimiter that Excel's line `sep=;` names, otherwise empty text."""
    match = _SEP_LINE.fullmatch(text.strip(" \r\n"))
    return match[1] if match else ""


def read_records(lines: Iterator[Line], delimiter: str, cells_expected: int = 0) -> Iterator[Record]:
    """Yield the records of lines; a line that is too long has no cells.

    A quoted cell continues on the next lines if that makes a whole record. Otherwise the quote is an error
    in its own line only.
    """
    pending: deque[Line] = deque()
    while line := pending.popleft() if pending else next(lines, None):
        if line.text is None:
            yield Record(line.number, line.offset, [])
            continue
        cells = None
        if line.text.count('"') % 2 and _has_open_quote(line.text, delimiter):
            cells = _joined_cells(line.text, lines, pending, delimiter, cells_expected)
        yield Record(line.number, line.offset, cells or split_cells(line.text, delimiter))


def _has_open_quote(text: str, delimiter: str) -> bool:
    try:
        list(csv.reader([text], delimiter=delimiter[:1], skipinitialspace=True, strict=True))
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def _joined_cells(
    text: str, lines: Iterator[Line], pending: deque[Line], delimiter: str, cells_expected: int
) -> list[str] | None:
    """Remove the following lines that complete `text`, and return the cells.

    None if no lines complete it.
    """
    for index in range(MAX_RECORD_LINES):
        if index == len(pending):
            line = next(lines, None)
            if line is None:
                return None
            pending.append(line)
        following = pending[index].text
        if following is None:
            return None
        text += "\n" + following
        if text.count('"') % 2 == 0:
            cells = list(_cells_of_joined(text, delimiter))
            if cells_expected and abs(len(cells) - cells_expected) > 1:
                return None
            for _ in range(index + 1):
                pending.popleft()
            return cells
    return None


def _cells_of_joined(text: str, delimiter: str) -> Iterator[str]:
    for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter[:1], skipinitialspace=True):
        yield from (" ".join(cell.split()) for cell in row)


def find_delimiter(lines: Sequence[str], is_good: Callable[[str], bool]) -> str:
    """Return the delimiter that makes most cells good: a time or a number.

    A delimiter also has to make the same number of cells of most lines. The first of equal ones counts.
    """
    best, best_score = ",", 0.0
    for delimiter in DELIMITERS:
        rows = [cells for line in lines if len(cells := split_cells(line, delimiter)) > 1]
        if not rows:
            continue
        width, count = Counter(map(len, rows)).most_common(1)[0]
        cells = [cell for row in rows if len(row) == width for cell in row if cell]
        if not cells:
            continue
        # Spaces split a time with a date as well. They count only if nothing else makes good cells.
        penalty = 0.5 if delimiter == SPACES else 0.8 if delimiter == WIDE_SPACES else 1.0
        score = penalty * (count / len(lines)) * (sum(map(is_good, cells)) / len(cells))
        if score > best_score * 1.001:
            best, best_score = delimiter, score
    return best
