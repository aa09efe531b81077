"""Feed text to the parser of standard input, as a test reads it: values by label."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from dashapp.sources.external.text.line_reader import LineReader
from dashapp.sources.external.text.stream_parser import TextParser

KIB, MIB, GIB, TIB = 1024.0, 1024.0**2, 1024.0**3, 1024.0**4


class Parsed(NamedTuple):
    """Newest values and units by label, the lines that could not be read, and sentences."""

    values: dict[str, float]
    units: dict[str, str]
    unreadable: list[str]
    problems: list[str]


def parse(text: str, reports: int = 2) -> Parsed:
    """Parse the text as often as a program prints it."""
    parser, reader = TextParser(), LineReader()
    parsed = Parsed({}, {}, [], [])
    lines = [line for _ in range(reports) for line in reader.feed(text.encode())]
    for line in [*lines, reader.remainder()]:
        found = parser.values(line.decode())
        if found is None:
            parsed.unreadable.append(line.decode())
        _add(parsed, parser, found or {})
    _add(parsed, parser, parser.flush())
    return parsed


def _add(parsed: Parsed, parser: TextParser, found: object) -> None:
    assert isinstance(found, dict)
    for name, quantity in found.items():
        parsed.values[name.label] = quantity.value
        parsed.units[name.label] = quantity.unit
    if parser.problem:
        parsed.problems.append(parser.problem)
        parser.problem = ""


def check(text: str, expected: dict[str, object], reports: int = 2) -> Parsed:
    """Assert values, or pairs of value and unit, by label; None stands for no such name."""
    parsed = parse(text, reports)
    for label, wanted in expected.items():
        if wanted is None:
            assert label not in parsed.values
            continue
        value, unit = wanted if isinstance(wanted, tuple) else (wanted, None)
        assert label in parsed.values, f"{label} is not in {sorted(parsed.values)}; {parsed.problems}"
        assert parsed.values[label] == pytest.approx(value)
        assert unit in (None, parsed.units[label])
    return parsed


def check_table(text: str, expected: dict[str, object]) -> None:
    """Assert the values of a table, each column of which has a name."""
    parsed = check(text, expected)
    assert not [name for name in parsed.values if "column" in name]
