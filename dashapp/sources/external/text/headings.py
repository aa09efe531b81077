"""Headings of tables: lines that name columns, and the cells of a row for each name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from dashapp.sources.external.number_parsing import UNITS, Scale, find_unit, is_missing, is_number
from dashapp.sources.external.text.cells import Cell, find_delimiter, split_layouts

# A unit row has such words below columns without a unit.
_UNIT_ROW_WORDS = {"idx", "#", "name", "-", "c/g", "", "id", "n/a", "x"}
# The last column of such a name takes all words that remain: `ps`, `top`, `df`.
_LONG_COLUMNS = {
    "command",
    "cmd",
    "args",
    "comm",
    "name",
    "process",
    "process_name",
    "description",
    "on",
    "auf",
}
_FIRST_NAMES = {
    "name",
    "device",
    "filesystem",
    "pool",
    "queue",
    "iface",
    "interface",
    "host",
    "sensor",
    "disk",
}
_TOPIC = re.compile(r"[^/]+/(?!sec$)[^/]{2,}")
_NOT_NAMES = {"%", "/", "|", "=", ":"}


def is_number_like(text: str) -> bool:
    """Return whether a cell is a number in any notation, or stands in place of one."""
    return is_number(text) or is_missing(text)


class Heading:
    """One line of words that can name columns; `prefix` is a first word such as `avg-cpu:`."""

    def __init__(self, line: str) -> None:
        self.line = line
        body = line.strip()
        self.is_marked = body.startswith("#")
        if self.is_marked:
            # A blank keeps the positions of the columns.
            line = line.replace("#", " ", 1)
        self.delimiter = find_delimiter(line.strip())
        self.layouts = list(split_layouts(line, self.delimiter))

    def units(self, names: Sequence[Cell]) -> list[Scale | None] | None:
        """Return the scales that this line states below `names`, or None if it is no row of units."""
        for cells in self.layouts:
            words = [cell.text.strip("()[]") for cell in cells]
            if len(words) == len(names) > 1 and any(
                word in UNITS and word.lower() not in _UNIT_ROW_WORDS for word in words
            ):
                scales = [find_unit(word) for word in words]
                known = [
                    scale is not None or word.lower() in _UNIT_ROW_WORDS or cell.is_time or ":" in word
                    for scale, word, cell in zip(scales, words, cells, strict=True)
                ]
                if 2 * sum(known) > len(words) and sum(scale is not None for scale in scales) * 3 >= len(
                    words
                ):
                    return scales
        return None

    def fit(self, row: str) -> tuple[list[Cell], list[Cell], str] | None:
        """Return names, the cells of `row` for them, and the word before the names, if they fit.

        The row can have one word more, which names it, or one word less, which is the heading's own name.
        """
        if not self.delimiter and not self.is_marked and _TOPIC.match(self.layouts[0][0].text):
            # mosquitto_sub -v prints a topic and a word.
            return None
        for names in self.layouts:
            if any(name.text in _NOT_NAMES for name in names):
                continue
            cells = fit_row(names, self.delimiter, row)
            if (
                cells is not None
                and _has_numbers(cells, bool(self.delimiter))
                and self._is_certain(names, cells)
            ):
                return names, cells, ""
        for names in self.layouts:
            if len(names) > 1 and names[0].text.endswith(":"):
                cells = fit_row(names[1:], self.delimiter, row)
                if cells is not None and _has_numbers(cells):
                    return names[1:], cells, names[0].text.rstrip(":")
        for names in self.layouts if not self.delimiter else []:
            if len(names) > 1 and not any(name.text in _NOT_NAMES for name in names):
                named = [Cell(""), *names]
                cells = fit_row(named, self.delimiter, row)
                if (
                    cells is not None
                    and _is_word(cells[0])
                    and all(is_number_like(cell.text) for cell in cells[1:])
                ):
                    return named, cells, ""
        if not self.delimiter and len(self.layouts[0]) > 1:
            aligned = align(self.layouts[0], next(split_layouts(row, "")))
            if aligned is not None:
                return [Cell(""), *self.layouts[0]], aligned, ""
        return None

    def _is_certain(self, names: Sequence[Cell], cells: Sequence[Cell]) -> bool:
        """Return whether a word and a number are a row, and no name with its value: `home/door 1`."""
        if self.delimiter or self.is_marked or len(cells) != 2 or not _is_word(cells[0]):
            return True
        return names[0].text.lower() in _FIRST_NAMES or all(name.text.isupper() for name in names)


def fit_row(names: Sequence[Cell], delimiter: str, row: str) -> list[Cell] | None:
    """Return one cell for each name, or None if their number differs."""
    layouts = list(split_layouts(row, delimiter))
    if delimiter and len(layouts[0]) == len(names) + 1 and not layouts[0][-1].text:
        layouts[0].pop()
    for cells in layouts:
        if len(cells) == len(names) and not any(cell.text in ("/", "%") for cell in cells):
            return cells
    last = names[-1].text.lower() if names else ""
    if not delimiter and last in _LONG_COLUMNS:
        for cells in layouts:
            # `Mounted on` names one column.
            count = len(names) - 1 if last in ("on", "auf") and len(cells) == len(names) - 1 else len(names)
            if len(cells) >= count and not any(cell.text in ("/", "%") for cell in cells[: count - 1]):
                rest = " ".join(cell.text for cell in cells[count - 1 :])
                text_cells = [*cells[: count - 1], Cell(rest, cells[count - 1].start, cells[-1].end)]
                if count < len(names):
                    return [*text_cells, Cell("-")]
                if not _is_unit_word(text_cells):
                    return text_cells
    for cells in layouts:
        # A time without a name, or a date and a time in columns of their own.
        timeless = [cell for cell in cells if not cell.is_time]
        if len(timeless) < len(cells):
            if len(timeless) == len(names) and not any(name.is_time for name in names):
                return timeless
            if len(timeless) == len(names) - 1 and names[-1].text.isupper() and cells[-1].is_time:
                return [*timeless, cells[-1]]
            dated = [part for cell in cells for part in ([cell, cell] if cell.is_time else [cell])]
            if len(dated) == len(names):
                return dated
    return None


def _is_unit_word(cells: Sequence[Cell]) -> bool:
    """Return whether a unit stands in a cell of its own, so the cells are at wrong columns."""
    return any(len(cell.text) > 1 and cell.text in UNITS and "/" in cell.text for cell in cells)


def align(names: Sequence[Cell], cells: Sequence[Cell]) -> list[Cell] | None:
    """Return a first cell of text and one cell for each name, by their position on the screen.

    Numbers under a heading end in the same column as their name, or begin in the same. None if a number
    does neither.
    """
    aligned = {}
    first = Cell("")
    for index, cell in enumerate(cells):
        places = [place for place, name in enumerate(names) if name.end == cell.end]
        places = places or [place for place, name in enumerate(names) if name.start == cell.start]
        if is_number_like(cell.text):
            if len(places) != 1 or places[0] in aligned:
                return None
            aligned[places[0]] = cell
        elif index == 0:
            first = cell
    # A number can be missing only if a word shows that the row is complete at its left.
    is_complete = first.text or len(cells) > len(names)
    if (
        not is_complete
        or len(aligned) < 2
        or 2 * len(aligned) < len(cells)
        or any(a > b for a, b in pairwise(aligned))
    ):
        return None
    return [first, *(aligned.get(place, Cell("-")) for place in range(len(names)))]


def _is_word(cell: Cell) -> bool:
    return not cell.is_time and not is_number_like(cell.text) and re.search(r"\w", cell.text) is not None


def _has_numbers(cells: Sequence[Cell], is_delimited: bool = False) -> bool:
    """Return whether enough cells are numbers, so the line above is no sentence."""
    others = [cell for cell in cells if not cell.is_time]
    numbers = [is_number_like(cell.text) or " / " in cell.text for cell in others]
    values = [cell for cell in others if is_number_like(cell.text) and not is_missing(cell.text)]
    return bool(values) and (is_delimited or sum(numbers) >= 3 or 2 * sum(numbers) >= len(others))


def group_names(group: Heading | None, cells: Sequence[Cell], names: Sequence[str]) -> Iterator[str]:
    """Yield the names, each with its word in the line above if two columns have the same name.

    A word stands above the columns that it covers, or the words divide the columns into equal groups.
    Otherwise equal names get numbers.
    """
    counts = Counter(names)
    prefixes = [""] * len(names)
    if group is not None and max(counts.values(), default=0) > 1:
        divisions = (_covering(group.layouts[0], cells), *_equal_groups(group.layouts[0], len(names)))
        for division in divisions:
            full = [f"{prefix}.{name}" for prefix, name in zip(division, names, strict=True)]
            if len(set(full)) == len(full):
                prefixes = division
                break
    numbers: Counter[str] = Counter()
    for prefix, name in zip(prefixes, names, strict=True):
        full_name = f"{prefix}.{name}" if prefix and counts[name] > 1 else name
        numbers[full_name] += 1
        number = numbers[full_name]
        yield full_name if number == 1 else f"{full_name}-{number}"


def _covering(words: Sequence[Cell], cells: Sequence[Cell]) -> list[str]:
    """Return for each cell the word that stands above its middle, or an empty text."""
    middles = [(cell.start + cell.end) / 2 for cell in cells]
    return [
        next((_bare(word.text) for word in words if word.start <= middle <= word.end), "")
        for middle in middles
    ]


def _equal_groups(words: Sequence[Cell], count: int) -> Iterator[list[str]]:
    """Yield divisions of `count` columns into equal groups; the first can be without."""
    for skipped, own in ((1, 1), (0, 1), (0, 0)):
        groups = [_bare(word.text) for word in words[skipped:]]
        if len(groups) > 1 and count - own > len(groups) and (count - own) % len(groups) == 0:
            size = (count - own) // len(groups)
            yield [""] * own + [word for word in groups for _ in range(size)]


def _bare(text: str) -> str:
    return text.strip(":-|<>=#")
