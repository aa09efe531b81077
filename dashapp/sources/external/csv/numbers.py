"""Parse the cells of a column: numbers, units, currencies, and words for on and off."""

from __future__ import annotations

import math
import re
from functools import lru_cache

from dashapp.sources.external.number_parsing import NumberParser, Quantity, Scale, find_unit, is_missing

ON_WORDS = {"on", "true", "yes", "ein", "an", "ja", "wahr", "oui", "vrai", "sí", "verdadero", "sì", "vero"}
OFF_WORDS = {"off", "false", "no", "aus", "nein", "falsch", "non", "faux", "falso"}
# The unit of words for on and off.
SWITCH = "on/off"
# Errors and empty values that spreadsheets and databases write.
_MISSING = {"#n/a", "#nv", "#value!", "#wert!", "#div/0!", "#ref!", "#name?", "#null!", "#num!", "\\n", "∞"}
_MISSING |= {
    "n.a.",
    "n/d",
    "nd",
    "k.a.",
    "s/o",
    "\u2013",
    "\u2014",
    ".",
    "..",
    "no data",
    "invalid",
    "none",
    "(null)",
}
_CURRENCY = re.compile(r"[€$£¥₹₩₽฿]|\b(?:EUR|USD|GBP|CHF|JPY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|Fr\.)(?![A-Za-z])")
# A blank between thousands is certain in a cell, because it separates nothing else.
_SPACED = re.compile(r"([-+\u2212]?\d{1,3}(?: \d{3})+)(?![\d ])", re.ASCII)
_WITH_OTHER_UNIT = re.compile(r"([-+\u2212]?[\d.,]*\d)\s?([^\W\d_][^\d\s,;:=()]{0,7})")
_HEADING_UNIT = re.compile(r"[\[(]([^\[\]()]{1,12})[\])]\s*$")
_THREE_DECIMALS = re.compile(r"[-+]?[1-9]\d{0,2}\.\d{3}", re.ASCII)


def is_missing_cell(cell: str) -> bool:
    """Return whether a cell has no number: empty, N/A, NaN or an error of a spreadsheet."""
    return is_missing(cell) or cell.strip().lower() in _MISSING


@lru_cache(maxsize=4096)
def is_number_text(cell: str) -> bool:
    """Return whether a cell is a number in some notation."""
    parser = NumberParser()
    clean, _sign, _unit = _cleaned(cell)
    return any(character.isdigit() for character in cell) and (
        parser.parse(clean) is not None
        or parser.is_ambiguous(clean)
        or _other_unit(clean, parser) is not None
    )


def _cleaned(cell: str) -> tuple[str, float, str]:
    """Return a cell without currency and brackets, its sign, and its currency."""
    text, sign, unit = cell.strip(), 1.0, ""
    if len(text) > 2 and text[0] == "(" and text[-1] == ")":
        text, sign = text[1:-1].strip(), -1.0
    elif len(text) > 1 and text[-1] in "-\u2212" and text[-2].isdigit():
        text, sign = text[:-1], -1.0
    if match := _CURRENCY.search(text):
        unit = match[0]
        text = (text[: match.start()].rstrip() + text[match.end() :].lstrip()).strip()
    if " " in text:
        text = _SPACED.sub(lambda spaced: spaced[0].replace(" ", "\u00a0"), text)
    return text, sign, unit


def _other_unit(text: str, parser: NumberParser) -> Quantity | None:
    """Return a number with a unit that has no known factor, such as `12.5 kg`."""
    match = _WITH_OTHER_UNIT.fullmatch(text)
    if match is None or find_unit(match[2]) is not None:
        return None
    quantity = parser.parse(match[1])
    return Quantity(quantity.value, match[2]) if quantity is not None else None


class Column:
    """One column of numbers; `parser` knows its decimal mark.

    A number stays in the unit of the heading, as in `memory [MiB]`, if there is one.
    """

    def __init__(self, index: int, name: str) -> None:
        self.index, self.name = index, name
        self.parser = NumberParser()
        self.ambiguous_text = ""
        self.ambiguous_line = 0
        self.has_ambiguous_dot = False
        self.number_count = self.text_count = 0
        match = _HEADING_UNIT.search(name)
        self._heading_scale: Scale | None = find_unit(match[1]) if match else None

    @property
    def is_decided(self) -> bool:
        return bool(self.parser.decimal_mark)

    def inspect(self, cell: str, line: int) -> None:
        """Learn the decimal mark and the kind of the column from a cell."""
        if is_missing_cell(cell):
            return
        clean = _cleaned(cell)[0]
        if self.parser.parse(clean) is not None or _other_unit(clean, self.parser) is not None:
            self.number_count += 1
            if _THREE_DECIMALS.match(clean) and not self.is_decided and not self.ambiguous_text:
                self.ambiguous_text, self.ambiguous_line, self.has_ambiguous_dot = cell, line, True
        elif self.parser.is_ambiguous(clean) or (
            match_number(clean) and self.parser.is_ambiguous(match_number(clean))
        ):
            self.number_count += 1
            if not self.ambiguous_text or self.has_ambiguous_dot:
                self.ambiguous_text, self.ambiguous_line, self.has_ambiguous_dot = cell, line, False
        elif cell.lower() in ON_WORDS or cell.lower() in OFF_WORDS:
            self.number_count += 1
        else:
            self.text_count += 1

    def parse(self, cell: str) -> Quantity | None:
        """Return the number of a cell, or None if it is missing.

        Raises ValueError if the cell is no number that is certain.
        """
        mark = self.parser.decimal_mark
        try:
            # Almost all cells are plain numbers, for which this is four times as fast.
            if mark != "," and cell.isascii() and "_" not in cell:
                value = float(cell)
            elif mark == "," and "." not in cell and cell.isascii() and "_" not in cell:
                value = float(cell.replace(",", ".", 1))
            else:
                return self._parse_other(cell)
        except ValueError:
            return self._parse_other(cell)
        return Quantity(value) if math.isfinite(value) else None

    def _parse_other(self, cell: str) -> Quantity | None:
        if is_missing_cell(cell):
            return None
        word = cell.strip().lower()
        if word in ON_WORDS or word in OFF_WORDS:
            return Quantity(float(word in ON_WORDS), SWITCH)
        clean, sign, currency = _cleaned(cell)
        quantity = self.parser.parse(clean) or _other_unit(clean, self.parser)
        if quantity is None:
            raise ValueError(cell)
        value, unit = sign * quantity.value, quantity.unit
        scale = self._heading_scale
        if scale is not None and unit == scale.unit:
            # Twelve digits, without the last ones that the two conversions change.
            value, unit = float(f"{(value - scale.offset) / scale.factor:.12g}"), ""
        return Quantity(value, currency or unit)


def match_number(text: str) -> str:
    """Return the number in front of a unit without a known factor, or empty text."""
    match = _WITH_OTHER_UNIT.fullmatch(text)
    return match[1] if match else ""
