"""Parse names and numbers in a program's output, and split a byte stream into lines.

There are three kinds of lines, and a stream can mix them: columns of numbers under a heading (vmstat,
iostat), `name=value` pairs, and JSON objects. At most the longest line is in memory.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence

# vmstat has two header lines, other programs three. More lines of words in a row are no heading.
MAX_HEADING_LINES = 3
MAX_JSON_DEPTH = 4

_SEPARATOR = re.compile(r"[,;\t]")


class TextTable:
    """Parses lines, and remembers the heading that names the columns.

    >>> table = TextTable()
    >>> table.values("procs ---memory--"), table.values(" r  b free"), table.values(" 1  0 52")
    ({}, {}, {'r': 1.0, 'b': 0.0, 'free': 52.0})
    >>> table.values("load=0.5 cpu=7%"), table.values('{"cpu": {"user": 3}}'), table.values("\\x00 what?")
    ({'load': 0.5, 'cpu': 7.0}, {'cpu.user': 3.0}, None)
    """

    def __init__(self, heading: Sequence[str] = ()) -> None:
        self.heading = tuple(heading)
        self._candidate: tuple[str, ...] = ()
        self._heading_count = 0

    def values(self, line: str) -> Mapping[str, float] | None:
        """Return the finite numbers of a line, or None if it cannot be parsed.

        A heading or a blank line has none.
        """
        line = line.strip()
        if not line:
            return {}
        if line.startswith("{"):
            return _parse_object(line)
        if not line.replace("\t", " ").isprintable():
            return None
        if "=" in line:
            return _parse_pairs(line)
        words = tuple(_split_words(line))
        numbers = [parse_number(word) for word in words]
        if all(value is None for value in numbers):
            return self._heading(words)
        self._heading_count = 0
        return self._row(numbers)

    def _heading(self, words: tuple[str, ...]) -> Mapping[str, float] | None:
        """Remember the words as a heading, if a line with as many numbers follows.

        The last of several lines of words counts.
        """
        if words != self.heading:
            self._heading_count += 1
            self._candidate = words
        return {} if self._heading_count <= MAX_HEADING_LINES else None

    def _row(self, numbers: Sequence[float | None]) -> Mapping[str, float] | None:
        if len(self._candidate) == len(numbers):
            self.heading = self._candidate
        self._candidate = ()
        names: Sequence[str] = self.heading
        if not names:
            names = (
                ["value"] if len(numbers) == 1 else [f"column{index + 1}" for index in range(len(numbers))]
            )
        if len(names) != len(numbers):
            return None
        values: dict[str, float] = {}
        for name, value in zip(names, numbers, strict=True):
            # NaN means that this line has no value.
            if value is not None and math.isfinite(value):
                values[_unique_name(name, values)] = value
        return values


def parse_number(word: str) -> float | None:
    """Return the number in a word, with or without a percent sign; NaN and infinity too."""
    try:
        return float(word.removesuffix("%")) if "_" not in word else None
    except ValueError:
        return None


def _unique_name(name: str, values: Mapping[str, float]) -> str:
    """Return `name`, with a number if an earlier column has the same name."""
    number, unique = 2, name
    while unique in values:
        unique, number = f"{name}-{number}", number + 1
    return unique


def _split_words(line: str) -> list[str]:
    """Split a line at commas, semicolons or tabs if it has any, otherwise at spaces."""
    return [word.strip() for word in _SEPARATOR.split(line)] if _SEPARATOR.search(line) else line.split()


def _parse_pairs(line: str) -> Mapping[str, float] | None:
    joined = "=".join(part.strip() for part in line.split("="))
    pairs = (word.partition("=") for word in _SEPARATOR.sub(" ", joined).split())
    numbers = {name: value for name, _, text in pairs if name and (value := parse_number(text)) is not None}
    finite_numbers = {name: value for name, value in numbers.items() if math.isfinite(value)}
    return finite_numbers if numbers else None


def _parse_object(line: str) -> Mapping[str, float] | None:
    values: dict[str, float] = {}
    try:
        _flatten_json(json.loads(line), "", values, MAX_JSON_DEPTH)
    except (ValueError, RecursionError):
        return None
    return values


def _flatten_json(value: object, name: str, values: dict[str, float], depth: int) -> None:
    """Store numbers under dotted names of nested objects; drop other values."""
    if isinstance(value, dict) and depth:
        for key, member in value.items():
            _flatten_json(member, f"{name}.{key}" if name else str(key), values, depth - 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            if math.isfinite(value):
                values[name] = float(value)
        except OverflowError:
            return


MAX_LINE_BYTES = CHUNK_BYTES = 64 << 10


class LineReader:
    """Splits chunks into lines; skips and counts lines longer than `max_bytes` bytes.

    >>> lines = LineReader(max_bytes=4)
    >>> list(lines.feed(b"a\\nbb")), list(lines.feed(b"b\\nlonger")), list(lines.feed(b" still\\nc\\n"))
    ([b'a'], [b'bbb'], [b'c'])
    >>> lines.skip_count, lines.remainder()
    (1, b'')
    """

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self.skip_count = 0
        self._max_bytes = max_bytes
        self._buffer = b""
        self._is_skipping = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield every line that ends in `chunk`."""
        *parts, last = chunk.split(b"\n")
        for part in parts:
            line, self._buffer = self._buffer + part, b""
            if self._is_skipping:
                self._is_skipping = False
            elif len(line) > self._max_bytes:
                self.skip_count += 1
            else:
                yield line
        if not self._is_skipping:
            self._buffer += last
            if len(self._buffer) > self._max_bytes:
                self._buffer, self._is_skipping = b"", True
                self.skip_count += 1

    def skip(self) -> None:
        """Skip everything up to the beginning of the next line."""
        self._is_skipping = True

    def remainder(self) -> bytes:
        """Return and clear the text after the last end of a line."""
        rest, self._buffer = self._buffer, b""
        return rest
