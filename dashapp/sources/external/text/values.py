"""Names in two parts, and numbers whose unit can stand in the name of their column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from dashapp.sources.external.number_parsing import (
    NumberParser,
    Quantity,
    Scale,
    find_unit,
    is_missing,
)

MAX_NAME_CHARS = 80
# Numbers above this are epoch times in seconds, and above the third in milliseconds, up to the year 2050.
_EPOCH_RANGES = ((1e9, 2.55e9), (1e12, 2.55e12), (1e15, 2.55e15), (1e18, 2.55e18))

# Columns that hold sizes, as `20G` in `df -h`: there, letters are powers of 1024.
_SIZE_NAME = re.compile(
    r"(?i)(?:^|[^a-z])(?:size|used|use|avail|available|free|total|alloc|allocated|mem|memory|swap|buff|buffers"
    r"|cache|cached|shared|virt|res|shr|swpd|rss|vsz|vms|recv|send|read|writ|write|bandwidth|bytes|limit|human|disk|data"
    r"|größe|benutzt|verf|taille|utilisé|dispo|tamaño|usados|disp|usado|sz|libre|frei|arc|physmem|gesamt|tam|サイズ|使用|残り)"
    r"(?:[^a-z]|$)|[kKMG]i?B"
)
_COUNT_NAME = re.compile(r"(?i)oper|iops|count|inode|reqs|tps")
_UNIT_SUFFIX = re.compile(r"\s*(?:\[(?P<square>[^\[\]]*)\]|\((?P<round>[^()]*)\))$")
_PERCENT_NAME = re.compile(r"^%[\w ()-]+$|\w ?%$|Perc$")
_CORES = re.compile(r"(\d+(?:\.\d+)?)([mun])", re.ASCII)
_CORE_FACTORS = {"m": 1e-3, "u": 1e-6, "n": 1e-9}
_EXTRA = re.compile(r"\s*\([^()]*\)\s*$")


class Name(NamedTuple):
    """Name of a value: the word of its row, which can be empty, and its column."""

    row: str
    column: str

    @property
    def label(self) -> str:
        return f"{self.row}.{self.column}" if self.row else self.column


Values = dict[Name, Quantity]


class Traits(NamedTuple):
    """Properties of a column: its name without the unit, and how to read its numbers."""

    name: str
    scale: Scale | None
    is_size: bool
    is_cores: bool


@lru_cache(maxsize=4096)
def find_traits(text: str) -> Traits:
    """Return the properties of a column.

    >>> [find_traits(name).scale.unit for name in ("power.draw [W]", "MEMORY(bytes)", "Use%")]
    ['W', 'B', '%']
    """
    name = text.strip().strip("\"'").strip() or "value"
    scale, is_cores = None, False
    is_size = _SIZE_NAME.search(name) is not None and _COUNT_NAME.search(name) is None
    if match := _UNIT_SUFFIX.search(name):
        unit = match["square"] if match["square"] is not None else match["round"]
        # A letter alone is a power of 1024 bytes, or unclear. A word that is no unit belongs to the name.
        is_clear = is_size or len(unit) > 1 or unit not in "kKMGT"
        scale, is_cores = find_unit(unit.strip(), is_size) if is_clear else None, unit == "cores"
        if (scale is not None or is_cores) and match.start():
            name = name[: match.start()]
    if scale is None and _PERCENT_NAME.search(name):
        scale = Scale(1, "%")
    return Traits(name[:MAX_NAME_CHARS], scale, is_size, is_cores)


class ValueParser:
    """Parses the numbers of one input.

    `ambiguous` is the last number that has two readings; the reader clears it.
    """

    def __init__(self) -> None:
        self.numbers = NumberParser()
        self.ambiguous = ""

    def number(self, traits: Traits, text: str, scale: Scale | None = None) -> Quantity | None:
        """Return the number of a cell; `scale` is for a number without a unit."""
        quantity = self.numbers.parse(text, traits.is_size)
        if quantity is None:
            if traits.is_cores and (match := _CORES.fullmatch(text)):
                return Quantity(float(match[1]) * _CORE_FACTORS[match[2]])
            if self.numbers.is_ambiguous(text):
                self.ambiguous = text
            return None
        if not quantity.unit and (scale := scale or traits.scale):
            return Quantity(quantity.value * scale.factor + scale.offset, scale.unit)
        return quantity

    def values(self, name: str, text: str, scale: Scale | None = None) -> Iterator[tuple[str, Quantity]]:
        """Yield the names and numbers of a cell: one, or both of `24.5MiB / 1.9GiB`."""
        traits = find_traits(name)
        quantity = self.number(traits, text, scale)
        if quantity is not None:
            yield traits.name, quantity
        elif " / " in text:
            names = pair_names(traits.name)
            for part_name, part in zip(names, text.split(" / ", 1), strict=True):
                if quantity := self.number(traits, part.strip(), scale):
                    yield part_name, quantity

    def value_of_text(self, name: str, text: str) -> Iterator[tuple[str, Quantity]]:
        """Yield the numbers of a free text: `+45.0°C  (high = +80.0°C)`, `0.15, 0.10, 0.05`."""
        text = text.strip().strip("\"'")
        found = list(self.values(name, text))
        if not found and _EXTRA.search(text):
            found = list(self.values(name, _EXTRA.sub("", text)))
        if found or is_missing(text):
            yield from found
            return
        parts = re.split(r",\s+|\s+", text)
        traits = find_traits(name)
        numbers = [self.number(traits, part) for part in parts]
        # Two numbers with a space can be one number: 12 345.
        is_list = len(parts) > 2 or "," in text or "." in text
        if is_list and 1 < len(parts) <= 16 and None not in numbers:
            for index, quantity in enumerate(numbers, 1):
                if quantity is not None:
                    yield f"{traits.name}.{index}", quantity


def pair_names(name: str) -> tuple[str, str]:
    """Return names for both parts of `a / b` in a column.

    >>> pair_names("NET I/O"), pair_names("MEM USAGE / LIMIT"), pair_names("MemUsage")
    (('NET I/O.in', 'NET I/O.out'), ('MEM USAGE', 'LIMIT'), ('MemUsage', 'MemUsage.limit'))
    """
    if re.search(r"I/?O$", name):
        return f"{name}.in", f"{name}.out"
    first, slash, second = name.partition(" / ")
    return (first, second) if slash else (name, f"{name}.limit")


def is_epoch(value: float) -> bool:
    """Return whether a number can be a time: seconds, or fractions, from 2001 to 2050."""
    return any(low <= value < high for low, high in _EPOCH_RANGES)
