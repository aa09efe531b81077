"""Find the table in a file: its delimiter, the names of its columns, and its first row.

In front of the table can be lines of any text, comments, and up to four lines of headings: names, with
groups above or units below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from dashapp.model.ticks import SourceError
from dashapp.sources.external.csv.dates import Stamp, parse_stamp
from dashapp.sources.external.csv.dialect import (
    SPACES,
    Record,
    find_delimiter,
    read_records,
    separator_of_line,
)
from dashapp.sources.external.csv.lines import Line
from dashapp.sources.external.csv.numbers import is_number_text
from dashapp.sources.external.csv.times import TIME_NAMES, plain_name
from dashapp.sources.external.number_parsing import is_missing
from dashapp.sources.rejection import quote_input

MAX_HEADING_LINES = 4
COMMENT_MARKS = ("#", "//", "%")
# The first cell of files of Windows' performance monitor, which always writes the month first.
PERFMON_MARK = "(pdh-"
# Types of lines in files of MSI Afterburner: about the file, names, and values.
ROW_TYPE_NAME = "record type"
_AFTERBURNER_MARK, _AFTERBURNER_NAMES, _AFTERBURNER_ROW = "00", "02", "80"


class NoTableError(SourceError):
    """A file has no table with times; the message is the rest of a sentence."""


@dataclass
class Table:
    """A table of a file: its first row and the unique `names` of its columns.

    `heading` is the line of names as written; it can come again between the rows. If `row_type` is not
    empty, only lines whose first cell equals it are rows.
    """

    delimiter: str
    names: list[str]
    heading: list[str]
    first: Record
    is_month_first: bool = False
    row_type: str = ""
    units: list[str] = field(default_factory=list)


def find_table(lines: Sequence[Line]) -> Table:
    """Return the table in the first lines of a file; raises NoTableError if there is none.

    Raises SourceError with a sentence if its heading does not fit.
    """
    lines = [line for line in lines if line.text is None or line.text.strip(" \t,;|\0")]
    texts = [line.text or "" for line in lines]
    delimiter = separator_of_line(texts[0]) if texts else ""
    if delimiter:
        lines, texts = lines[1:], texts[1:]
    plain_texts = [text for text in texts if not text.startswith(COMMENT_MARKS)]
    delimiter = delimiter or find_delimiter(plain_texts, is_good_cell)
    # A line that is too long has no cells.
    records = [record for record in read_records(iter(lines), delimiter) if record.cells]
    rows = [record for record in records if not is_comment(record.cells)]
    if rows and rows[0].cells[:1] == [_AFTERBURNER_MARK] and "monitoring" in " ".join(rows[0].cells).lower():
        return _afterburner_table(rows, delimiter)
    first = _first_row(rows)
    if first is None:
        start = f"line {lines[0].number} is {quote_input(lines[0].text or '')}; " if lines else ""
        raise NoTableError(f"{start}expected a heading, and rows with a time such as 2026-01-31T12:00:00Z")
    before = rows[: rows.index(first)][-MAX_HEADING_LINES:]
    comments = [record for record in records[: records.index(first)] if is_comment(record.cells)]
    return _named_table(delimiter, first, before, comments)


def is_good_cell(cell: str) -> bool:
    return is_number_text(cell) or parse_stamp(cell) is not None


def is_comment(cells: Sequence[str]) -> bool:
    return bool(cells) and cells[0].startswith(COMMENT_MARKS) and not is_number_text(cells[0])


def _first_row(rows: Sequence[Record]) -> Record | None:
    """Return the first line with a time, or if no line has one, the first one of numbers.

    Lines in front of the table can have a time too, but not the same number of cells or in another cell.
    """
    shapes = [_shape(row.cells) for row in rows]
    counts = Counter(shape for shape in shapes if shape is not None)
    if not counts:
        return None
    dated = [shape for shape in counts if shape[1] >= 0]
    # A table whose times are numbers can have a few dates in front.
    candidates = dated if sum(counts[shape] for shape in dated) * 3 >= len(rows) else list(counts)
    best = max(candidates, key=lambda shape: counts[shape])
    return rows[shapes.index(best)]


def _shape(cells: Sequence[str]) -> tuple[int, int] | None:
    """Return the number of cells and the first one with a time, or -1 if there are only numbers.

    None if the line is no row.
    """
    if len(cells) < 2:
        return None
    for index, cell in enumerate(cells):
        if parse_stamp(cell) is not None:
            return len(cells), index
    values = [cell for cell in cells if not is_missing(cell)]
    number_count = sum(map(is_number_text, values))
    return (len(cells), -1) if number_count > 1 or number_count * 2 > len(values) else None


def _named_table(
    delimiter: str, first: Record, before: Sequence[Record], comments: Sequence[Record]
) -> Table:
    width = len(first.cells)
    # With spaces as the delimiter, a date and a time of day are two cells under one name.
    split_at = _split_time(first.cells) if delimiter == SPACES else None
    block: list[list[str]] = []
    for record in reversed(before):
        cells = _fitted(record.cells, first.cells, split_at)
        if cells is None:
            break
        block.insert(0, cells)
    if not block:
        for record in reversed(comments):
            cells = [record.cells[0].lstrip("#/% "), *record.cells[1:]]
            fitted = _fitted(cells if cells[0] else cells[1:], first.cells, split_at)
            if fitted is not None and not fitted[0].lower().startswith(("group", "datatype", "default")):
                block = [fitted]
                break
    if not block:
        if before and len(before[-1].cells) > 1:
            raise SourceError(
                f"line {before[-1].number} has {len(before[-1].cells)} names, but line {first.number} "
                f"has {width} cells; write a name for each column, and quotes around cells with the delimiter"
            )
        return Table(delimiter, [f"column{index}" for index in range(width)], [], first)
    index = _names_index(block)
    heading = block[index]
    above = block[index - 1] if index else []
    units = block[index + 1] if index + 1 < len(block) else []
    is_month_first = any(cell.startswith("/") for cell in above) or heading[0].lower().startswith(
        PERFMON_MARK
    )
    names = unique_names(_with_units(heading, units), above)
    return Table(delimiter, names, heading, first, is_month_first, units=units)


def _names_index(block: Sequence[Sequence[str]]) -> int:
    """Return the index of the line with the names of the columns.

    It names a time, or it has a different name for each column.
    """
    for index, cells in enumerate(block):
        if any(map(_is_time_name, cells)):
            return index
    for index, cells in enumerate(block):
        if all(cells) and len(set(cells)) == len(cells):
            return index
    return len(block) - 1


def _is_time_name(name: str) -> bool:
    return plain_name(name) in TIME_NAMES or name.lower().startswith(PERFMON_MARK)


def _fitted(cells: Sequence[str], row: Sequence[str], split_at: int | None) -> list[str] | None:
    """Return the heading with one cell for each cell of `row`, or None if it does not fit."""
    cells = list(cells)
    if split_at is not None and len(cells) == len(row) - 1:
        cells.insert(split_at + 1, "")
    while len(cells) > len(row) and not cells[-1]:
        cells.pop()
    missing = len(row) - len(cells)
    # A delimiter at the end of each row makes an empty cell.
    if missing > 0 and not any(row[len(cells) :]):
        cells += [""] * missing
    return cells if len(cells) == len(row) and any(cells) else None


def _split_time(cells: Sequence[str]) -> int | None:
    stamps: list[Stamp | None] = [parse_stamp(cell) for cell in cells]
    for index, (left, right) in enumerate(pairwise(stamps)):
        if left and right and left.date and left.time_of_day is None and right.date is None:
            return index
    return None


def _with_units(names: Sequence[str], units: Sequence[str]) -> Iterator[str]:
    for index, name in enumerate(names):
        unit = units[index] if index < len(units) else ""
        is_new = bool(name and unit) and unit not in name and len(unit) <= 12
        yield f"{name} [{unit.strip('[]()')}]" if is_new else name


def unique_names(names: Iterable[str], groups: Sequence[str] = ()) -> list[str]:
    """Return one name for each column; equal names get the name of their group, or a number.

    >>> unique_names(["t", "a", "a", ""]), unique_names(["t", "a", "a"], ["", "CPU", "GPU"])
    (['t', 'a', 'a 2', 'column3'], ['t', 'CPU a', 'GPU a'])
    """
    names = [name or f"column{index}" for index, name in enumerate(names)]
    counts = Counter(names)
    group, result, used = "", [], set[str]()
    for index, name in enumerate(names):
        group = groups[index] if index < len(groups) and groups[index] else group
        full = base = f"{group} {name}".strip() if counts[name] > 1 else name
        number = 2
        while full in used or (full != name and full in counts):
            full, number = f"{base} {number}", number + 1
        used.add(full)
        result.append(full)
    return result


def _afterburner_table(rows: Sequence[Record], delimiter: str) -> Table:
    names = next((row.cells for row in rows if row.cells[:1] == [_AFTERBURNER_NAMES]), [])
    first = next((row for row in rows if row.cells[:1] == [_AFTERBURNER_ROW]), None)
    if first is None or len(names) < 3:
        raise NoTableError("expected lines of MSI Afterburner that begin with 02 and 80")
    heading = _fitted([ROW_TYPE_NAME, "time", *names[2:]], first.cells, None) or [
        ROW_TYPE_NAME,
        "time",
        *names[2:],
    ]
    return Table(delimiter, unique_names(heading), heading, first, row_type=_AFTERBURNER_ROW)
