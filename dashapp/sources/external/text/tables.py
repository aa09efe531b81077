"""Rows below a heading, and the word or index that names each of them.

Rows with words wait for the end of their report, because only the other rows show which word is unique.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from dashapp.sources.external.number_parsing import Quantity, Scale, is_missing, is_number
from dashapp.sources.external.text.cells import Cell
from dashapp.sources.external.text.headings import Heading, align, fit_row, group_names, is_number_like
from dashapp.sources.external.text.lines import TIME_MARK
from dashapp.sources.external.text.values import Name, Traits, ValueParser, Values, find_traits, is_epoch
from dashapp.sources.rejection import excerpt

# Columns with a number that names the row. Those of the second set can also be values.
_INDEX_COLUMNS = {"index", "idx", "pid", "tid", "lwp", "spid"}
_POSSIBLE_INDEX_COLUMNS = {
    *(
        "id",
        "#",
        "no",
        "nr",
        "cpu",
        "core",
        "gpu",
        "node",
        "socket",
        "package",
        "die",
        "slot",
        "numa",
        "disk",
    ),
}
_NAME_COLUMNS = ("name", "names", "pod", "container", "container name", "queue", "topic", "device")
_COMMAND_COLUMNS = {"command", "cmd", "comm", "args", "process_name", "process"}
# Words that change while the row stays the same, or that many rows share.
_STATE_COLUMNS = {
    *(
        "state",
        "status",
        "stat",
        "s",
        "st",
        "tty",
        "tt",
        "start",
        "stime",
        "started",
        "type",
        "fstype",
        "pstate",
    ),
    *("perf", "health", "age", "time", "time+", "timestamp", "date", "level", "user", "owner", "typ", "prio"),
    *("ready", "c/g", "zone", "utc", "severity", "message", "msg"),
}
_TIME_COLUMNS = {"time", "timestamp", "date", "datetime", "ts", "epoch", "unixtime"}
# Words that can name rows if there are no others.
_SHARED_COLUMNS = {"user", "owner", "type", "typ", "level", "zone", "fstype"}
# Numbers that are no measurement.
_IGNORED_COLUMNS = {
    *("container id", "uid", "gid", "ppid", "pgid", "sid", "uuid", "serial", "image", "version", "bus_id"),
    *("pci.bus_id", "driver_version", "tty", "ip", "port", "ports", "image id", *_TIME_COLUMNS),
}
# `top` prints sizes without a letter in KiB.
_KIB_COLUMNS = {"VIRT", "RES", "SHR", "SWAP", "CODE", "DATA", "USED"}
_SUBSECOND = re.compile(r"[.,]\d+(?!\d*[.:/-])")


class _Row(NamedTuple):
    cells: Sequence[Cell]
    values: list[tuple[str, Quantity]]
    second: str


class Table:
    """The columns of one heading, and the rows of the report that is being read."""

    def __init__(
        self,
        heading: Heading,
        names: Sequence[Cell],
        prefix: str,
        parser: ValueParser,
        scales: Sequence[Scale | None] | None = None,
        group: Heading | None = None,
    ) -> None:
        self.heading = heading
        self.problem = ""
        self._names = names
        self._prefix = prefix
        self._parser = parser
        texts = ["" if name.is_time else name.text for name in names]
        full_names = list(group_names(group, names, texts))
        self._columns: list[Traits] = [find_traits(text) for text in full_names]
        counts = Counter(traits.name for traits in self._columns)
        for place, traits in enumerate(self._columns):
            if counts[traits.name] > 1:
                # "CPU(sec)" and "CPU(%)" differ by their units only.
                self._columns[place] = traits._replace(name=full_names[place])
        self._lower = [
            "" if not text else traits.name.lower() for text, traits in zip(texts, self._columns, strict=True)
        ]
        self._scales: list[Scale | None] = list(scales or [None] * len(names))
        if len(self._scales) < len(names):
            # A row can have one word more than the heading.
            self._scales[:0] = [None] * (len(names) - len(self._scales))
        is_gpu_table = scales is not None and heading.is_marked and "gpu" in self._lower
        if is_gpu_table:
            # nvidia-smi dmon counts MiB under "MB": its memory equals that of the query, which prints MiB.
            self._scales = [
                Scale(2.0**20, "B") if scale and scale == Scale(1e6, "B") else scale for scale in self._scales
            ]
        if {"VIRT", "RES"} <= set(texts) and "PID" in texts:
            kib = Scale(1024.0, "B")
            self._scales = [
                kib if text in _KIB_COLUMNS else scale
                for text, scale in zip(texts, self._scales, strict=True)
            ]
        self._indexes = [
            place
            for place, name in enumerate(self._lower)
            if name in _INDEX_COLUMNS or (is_gpu_table and name == "gpu")
        ]
        leading = next((place for place, name in enumerate(names) if not name.is_time), 0)
        # `id` is also the idle time.
        self._ignored = [
            name in _IGNORED_COLUMNS or (name == "id" and place == leading)
            for place, name in enumerate(self._lower)
        ]
        self._possible: list[int] = []
        for place, name in enumerate(self._lower):
            if name in _POSSIBLE_INDEX_COLUMNS and place == leading + len(self._possible):
                self._possible.append(place)
        self._has_gpu = any("gpu" in name or name.startswith("clocks.") for name in self._lower)
        self._had_numbers = [False] * len(names)
        self._had_text = [False] * len(names)
        self._key: list[int] | None = None
        self._rows: list[_Row] = []

    @property
    def has_rows(self) -> bool:
        return bool(self._rows)

    def fit(self, marked: str) -> list[Cell] | None:
        """Return the cells of a line if it is a row of this table."""
        cells = fit_row(self._names, self.heading.delimiter, marked)
        if cells is not None and not self._names[0].text:
            # The word that names the row stands before numbers only.
            others_are_numbers = all(is_number_like(cell.text) for cell in cells[1:])
            cells = cells if others_are_numbers and not is_number_like(cells[0].text) else None
        if cells is None and not self.heading.delimiter and len(self.heading.layouts[0]) > 1:
            words = next(iter(Heading(marked).layouts))
            aligned = align(self.heading.layouts[0], words)
            if aligned is not None:
                cells = aligned[len(aligned) - len(self._names) :]
                if len(cells) != len(self._names):
                    return None
        if cells is None:
            return None
        has_number, wrong, expected = False, 0, 0
        for place, cell in enumerate(cells):
            is_value = is_number(cell.text) or " / " in cell.text
            has_number |= is_value
            if self._had_numbers[place]:
                expected += 1
                if (
                    not is_value
                    and not is_missing(cell.text)
                    and not self._had_text[place]
                    and not cell.is_time
                ):
                    if place == 0:
                        return None
                    wrong += 1
        return cells if (has_number or expected > 2 * wrong) and expected >= 2 * wrong else None

    def add(self, cells: Sequence[Cell], line: str, marked: str) -> Values:
        """Read one row; return its values, or nothing if they wait for the rest of the report."""
        second = ""
        if marked != line:
            second = "".join(letter for letter, mark in zip(line, marked, strict=False) if mark == TIME_MARK)
        is_average = self._names[0].text.endswith(":") and cells[0].text == self._names[0].text
        if is_average or (
            self._names[0].is_time and not cells[0].is_time and not is_number_like(cells[0].text)
        ):
            # sysstat ends with averages, which have a word in place of the time.
            return {}
        mark = self._parser.numbers.decimal_mark
        values = self._read(cells)
        if self._parser.numbers.decimal_mark != mark:
            values = self._read(cells)
        for place, cell in enumerate(cells):
            if self._had_numbers[place] and self._had_text[place]:
                continue
            if is_number(cell.text) and not self._ignored[place]:
                self._had_numbers[place] = True
            elif not self._had_text[place] and not cell.is_time and not is_missing(cell.text):
                self._had_text[place] = True
        row = _Row(cells, values, _SUBSECOND.sub("", second))
        if not self._rows and not self._indexes and not self._possible and not any(self._had_text):
            return {Name(self._prefix, name): quantity for name, quantity in values}
        self._rows.append(row)
        return {}

    def flush(self) -> Values:
        """Return the values of the rows that wait."""
        if not self._rows:
            return {}
        rows, self._rows = self._rows, []
        if self._key is None or not self._key:
            self._key = self._find_key(rows)
        names = [self._row_name(row.cells, self._key) for row in rows]
        repeated = _repeated(names, rows)
        if repeated and not set(self._key) & set(self._indexes):
            for place in [
                *reversed(self._possible),
                *self._text_columns(),
                *reversed(range(len(self._names))),
            ]:
                if place in self._key or not (self._had_text[place] or place in self._possible):
                    continue
                if self._lower[place] in _STATE_COLUMNS:
                    continue
                longer = [self._row_name(row.cells, [*self._key, place]) for row in rows]
                if not _repeated(longer, rows):
                    self._key, names, repeated = [*self._key, place], longer, set()
                    break
        if set(self._key) & set(self._indexes):
            # The same index again belongs to a later report.
            repeated = set()
        if not any(self._had_text):
            # Numbers alone are a series: the newest row counts.
            repeated.discard(self._prefix)
        if repeated:
            name = excerpt(min(repeated)) or "the same"
            self.problem = (
                f'several rows of standard input are called "{name}"; '
                "add a column that distinguishes them, such as an index"
            )
        values: Values = {}
        key = set(self._key)
        dropped = {self._columns[place].name for place in key}
        for row, row_name in zip(rows, names, strict=True):
            if row_name in repeated:
                continue
            values |= {Name(row_name, name): quantity for name, quantity in row.values if name not in dropped}
        return values

    def _read(self, cells: Sequence[Cell]) -> list[tuple[str, Quantity]]:
        values: list[tuple[str, Quantity]] = []
        for place, (cell, traits) in enumerate(zip(cells, self._columns, strict=True)):
            name = self._lower[place]
            if cell.is_time or not name or place in self._indexes:
                continue
            is_duration = name in _TIME_COLUMNS and _is_plain_value(self._parser, traits, cell)
            if self._ignored[place] and not is_duration:
                continue
            scale = self._scales[place]
            if " / " in cell.text:
                values += self._parser.values(traits.name, cell.text, scale)
                continue
            quantity = self._parser.number(traits, cell.text, scale)
            if quantity is not None:
                if traits.is_size and quantity.unit == "B" and scale is None and traits.scale is None:
                    # Other sizes of this column without a letter count bytes.
                    self._scales[place] = Scale(1.0, "B")
                values.append((traits.name, quantity))
        return values

    def _text_columns(self) -> list[int]:
        """Return the columns whose words can name a row."""
        return [
            place
            for place, name in enumerate(self._lower)
            if self._had_text[place]
            and (
                not self._had_numbers[place] or name in _POSSIBLE_INDEX_COLUMNS or not self._names[place].text
            )
            and name not in _STATE_COLUMNS
        ]

    def _find_key(self, rows: Sequence[_Row]) -> list[int]:
        texts = self._text_columns()
        if self._indexes:
            commands = [place for place in texts if self._lower[place] in _COMMAND_COLUMNS]
            is_process = any(self._lower[place] in ("pid", "tid", "lwp") for place in self._indexes)
            return [*self._indexes, *(commands[-1:] if is_process else [])]
        for name in _NAME_COLUMNS:
            if name in self._lower and self._lower.index(name) in texts:
                return [self._lower.index(name)]
        shared = [
            place
            for place, name in enumerate(self._lower)
            if name in _SHARED_COLUMNS and self._had_text[place]
        ]
        if texts or (shared and len(rows) > 1 and not self._possible):
            return texts[:1] or shared
        if self._possible and self._is_index(rows, self._possible):
            return self._possible
        return []

    def _is_index(self, rows: Sequence[_Row], places: Sequence[int]) -> bool:
        """Return whether rows of one report have a dash or rising whole numbers in these columns."""
        if len(rows) < 2 or any(row.second != rows[0].second for row in rows):
            return False
        columns = [[row.cells[place].text for row in rows] for place in places]
        if any(text == "-" for column in columns for text in column):
            return True
        if not all(text.isdecimal() for column in columns for text in column):
            return False
        numbers = [[int(text) for text in column] for column in columns]
        tuples = list(zip(*numbers, strict=True))
        return len(set(tuples)) == len(tuples) and (
            tuples == sorted(tuples) or any(column == sorted(set(column)) for column in numbers)
        )

    def _row_name(self, cells: Sequence[Cell], key: Sequence[int]) -> str:
        parts = [self._prefix]
        for place in key:
            text = cells[place].text.strip().rstrip(":")
            name = self._lower[place]
            if is_missing(text):
                continue
            if name in _COMMAND_COLUMNS:
                command = text.split()[0].rstrip(":")
                text = command.rsplit("/", 1)[-1] if command.startswith("/") else command
                parts.insert(1, text)
                continue
            if text.isdecimal() and name not in ("pid", "tid", "lwp", "name"):
                label = "gpu" if name in ("index", "idx") and self._has_gpu else name
                text = f"{label}{text}" if label.isalpha() and label not in ("index", "idx", "id") else text
            parts.append(text)
        return ".".join(part for part in parts if part)


def _repeated(names: Sequence[str], rows: Sequence[_Row]) -> set[str]:
    """Return the names that two rows of the same second have."""
    counts = Counter((name, row.second) for name, row in zip(names, rows, strict=True))
    return {name for (name, _), count in counts.items() if count > 1}


def _is_plain_value(parser: ValueParser, traits: Traits, cell: Cell) -> bool:
    """Return whether a number in a column that is called time is a duration and no time of day."""
    quantity = parser.number(traits, cell.text)
    return quantity is not None and not is_epoch(quantity.value)
