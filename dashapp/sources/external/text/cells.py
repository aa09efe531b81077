"""Split a line into cells: at a delimiter, at spaces, or at wide gaps.

The same line can have several layouts: `0.00 B/s` is two words but one cell. The heading decides.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dashapp.sources.external.number_parsing import UNITS, is_number
from dashapp.sources.external.text.lines import is_time

_WORD = re.compile(r"[^ \t]+")
_WIDE = re.compile(r"[^ \t]+(?: [^ \t]+)*")
_DECIMALS = re.compile(r"[-+]?\d[\d.]*(?:,\d+)+[^\W\d]{0,3}(?:/s|%)?")
_BARE_NUMBER = re.compile(r"[-+]?\d[\d.,]*", re.ASCII)
_RULER = re.compile(r"[-=+|_~*#─━═┌┐└┘├┤┼│ \t:<>.]+")


class Cell(NamedTuple):
    """Text in a line, and the columns of the screen from `start` to before `end` that it covers."""

    text: str
    start: int = 0
    end: int = 0

    @property
    def is_time(self) -> bool:
        return is_time(self.text)


def find_delimiter(line: str) -> str:
    """Return the delimiter of a line: a tab, a semicolon, a comma, or nothing for spaces.

    >>> [find_delimiter(line) for line in ("a,b", "x 9,23 0,5", "0 %, 5 MiB", "a\\tb")]
    [',', '', ',', '\\t']
    """
    if "\t" in line and "  " not in line.strip():
        return "\t"
    if ";" in line:
        return ";"
    if "," not in line:
        return ""
    words = [word for word in line.split() if "," in word]
    # Decimal commas stand between digits, in words of their own.
    is_decimal = " " in line.strip() and all(_DECIMALS.fullmatch(word) for word in words)
    return "" if is_decimal else ","


def is_ruler(line: str) -> bool:
    """Return whether the line only separates others: `-----  ----`."""
    return _RULER.fullmatch(line) is not None and not line.strip(" \t").startswith("#")


def split_layouts(line: str, delimiter: str) -> Iterator[list[Cell]]:
    """Yield the cells of each possible layout, the most likely first."""
    if delimiter:
        yield _split_delimited(line, delimiter)
        return
    words = _split(line, _WORD)
    yield words
    wide = _split(line, _WIDE)
    if len(wide) != len(words) and not any(_has_two_numbers(cell.text) for cell in wide):
        yield wide
    merged = merge_units(words)
    if len(merged) != len(words):
        yield merged


def _has_two_numbers(text: str) -> bool:
    return " " in text and sum(is_number(word) for word in text.split(" ")) > 1 and " / " not in text


def merge_units(words: Sequence[Cell]) -> list[Cell]:
    """Join numbers with units after a space, and pairs such as `24.5MiB / 1.9GiB`."""
    cells: list[Cell] = []
    for word in words:
        if cells and word.text in UNITS and _BARE_NUMBER.fullmatch(cells[-1].text):
            cells[-1] = Cell(f"{cells[-1].text} {word.text}", cells[-1].start, word.end)
        elif len(cells) > 1 and cells[-1].text == "/":
            cells[-2:] = [Cell(f"{cells[-2].text} / {word.text}", cells[-2].start, word.end)]
        else:
            cells.append(word)
    return cells


def _split(line: str, pattern: re.Pattern[str]) -> list[Cell]:
    widths = None if line.isascii() else _screen_columns(line)
    return [
        Cell(match[0], *(match.span() if widths is None else (widths[match.start()], widths[match.end()])))
        for match in pattern.finditer(line)
    ]


def _screen_columns(line: str) -> list[int]:
    """Return the column of each letter; letters of East Asia cover two, and combining ones none."""
    columns = [0]
    for letter in line:
        width = (
            2 if unicodedata.east_asian_width(letter) in "WF" else 0 if unicodedata.combining(letter) else 1
        )
        columns.append(columns[-1] + width)
    return columns


def _split_delimited(line: str, delimiter: str) -> list[Cell]:
    if '"' in line:
        try:
            parts = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
        except csv.Error:
            parts = []
    else:
        parts = line.split(delimiter)
    return [Cell(part.strip()) for part in parts]
