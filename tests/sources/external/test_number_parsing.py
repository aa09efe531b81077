"""Numbers with units, decimal commas and thousands separators."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.sources.external.number_parsing import NumberParser, Quantity, is_missing, parse_duration

KIB, MIB, GIB = 1024.0, 1024.0**2, 1024.0**3

CERTAIN = {
    "5": (5, ""),
    "-0.5": (-0.5, ""),
    "+45.0°C": (45, "°C"),
    "\u22125": (-5, ""),
    ".5": (0.5, ""),
    "1e5": (1e5, ""),
    "1.5E-3 s": (0.0015, "s"),
    "12.5%": (12.5, "%"),
    "0 %": (0, "%"),
    "9,23": (9.23, ""),
    "0,123": (0.123, ""),
    "86,81 %": (86.81, "%"),
    "1.234,5": (1234.5, ""),
    "1,234.5": (1234.5, ""),
    "1,234,567": (1234567, ""),
    "12,34,567.5": (1234567.5, ""),
    "1 234,5": (1234.5, ""),
    "1\u00a0234,5": (1234.5, ""),
    "1\u202f234\u202f567,5": (1234567.5, ""),
    "1'234.5": (1234.5, ""),
    "1\u2019234.5": (1234.5, ""),
    "48.3'C": (48.3, "°C"),
    "61.0 C": (61, "°C"),
    "98.6 °F": (37, "°C"),
    "131.17 W": (131.17, "W"),
    "250mW": (0.25, "W"),
    "18307 MiB": (18307 * MIB, "B"),
    "24.55MiB": (24.55 * MIB, "B"),
    "1.952GiB": (1.952 * GIB, "B"),
    "607kB": (607e3, "B"),
    "9.65MB": (9.65e6, "B"),
    "0B": (0, "B"),
    "12Mi": (12 * MIB, "B"),
    "3.2k": (3200, ""),
    "3.94 K/s": (3.94 * KIB, "B/s"),
    "1.2MB/s": (1.2e6, "B/s"),
    "144.4 Mb/s": (144.4e6, "bit/s"),
    "100 Mbps": (1e8, "bit/s"),
    "345 MHz": (345e6, "Hz"),
    "12.3 ms": (0.0123, "s"),
    "12µs": (12e-6, "s"),
    "45.0 Minutes": (2700, "s"),
    "12.0 Percent": (12, "%"),
    "230.0 Volts": (230, "V"),
    "1200 RPM": (1200, "RPM"),
    "-40 dBm": (-40, "dBm"),
    "1013 hPa": (101300, "Pa"),
    "12.5it/s": (12.5, "1/s"),
}


@pytest.mark.parametrize(("text", "expected"), CERTAIN.items(), ids=CERTAIN.keys())
def test_parse_returns_base_units(text: str, expected: tuple[float, str]) -> None:
    quantity = NumberParser().parse(text)
    assert quantity is not None
    assert quantity.value == pytest.approx(expected[0])
    assert quantity.unit == expected[1]


NO_NUMBERS = [
    *("", "-", "+", ".", ",", "%", "k", "[N/A]", "N/A", "nan", "inf", "-inf", "1e400", "9" * 400),
    *("1.2.3", "7.0.15", "192.168.100.200", "10.0.0.1", "127.0.0.1:80", "12:30:05", "0:05", "12:30"),
    *("2026-01-31", "01/31/26", "31.01.2026", "2026/11/27", "12h30", "0x10", "0xff", "1_000", "١٢", "½"),
    *("12abc", "abc12", "1 2", "1 000", "12 34,5", "1,2,3", "1,23,4", "1..2", "1.2.", "5m", "(5)", "5/7"),
    *("16eb87c04502", "50%%%", "--5", "1-2", "5 foo", "1'23", "00:00:06.0", "be/4", "P0", "<5", "~3", "1.2g"),
]


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize("mark", ["", ",", ".", "both"])
def test_parse_rejects_text_that_is_no_certain_number(text: str, mark: str) -> None:
    assert NumberParser(mark).parse(text) is None


@pytest.mark.parametrize(
    ("mark", "text", "value"),
    [
        ("", "1,234", None),
        ("", "1.234", 1.234),
        (",", "1,234", 1.234),
        (",", "1.234", 1234.0),
        (".", "1,234", 1234.0),
        (".", "1.234", 1.234),
        ("both", "1,234", None),
        ("both", "1.234", None),
        ("both", "12.5", 12.5),
        (".", "9,23", 9.23),
        (",", "12.5", 12.5),
        (",", "1.234.567", 1234567.0),
        ("", "1.234.567", None),
    ],
)
def test_parse_reads_ambiguous_number_by_decimal_mark_of_input(
    mark: str, text: str, value: float | None
) -> None:
    quantity = NumberParser(mark).parse(text)
    assert (quantity and quantity.value) == value


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["5", "1,234", "1.234"], ""),
        (["9,23"], ","),
        (["12.5"], "."),
        (["1,234,567"], "."),
        (["12.5", "9,23"], "both"),
        (["1.234,5", "1,234.5"], "both"),
        (["1.2.3", "10.0.0.1", "31.01.2026"], ""),
    ],
)
def test_decimal_mark_is_proved_by_certain_numbers_only(texts: list[str], mark: str) -> None:
    numbers = NumberParser()
    for text in texts:
        numbers.parse(text)
    assert numbers.decimal_mark == mark


@pytest.mark.parametrize("text", ["1,234", "12,345 kB", "-1,234"])
def test_ambiguous_number_is_reported_until_decimal_mark_is_proved(text: str) -> None:
    numbers = NumberParser()
    assert numbers.is_ambiguous(text)
    numbers.parse("12.5")
    assert not numbers.is_ambiguous(text)


@pytest.mark.parametrize("text", ["12", "12.5", "9,23", "1,2,3", "10.0.0.1", "abc", ""])
def test_other_texts_are_not_ambiguous(text: str) -> None:
    assert not NumberParser().is_ambiguous(text)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("20G", 20 * GIB, "B"),
        ("1.2g", 1.2 * GIB, "B"),
        ("3.2k", 3.2 * KIB, "B"),
        ("512M", 512 * MIB, "B"),
        ("12", 12, ""),
        ("5MB", 5e6, "B"),
    ],
)
def test_parse_size_reads_letters_as_powers_of_1024(text: str, value: float, unit: str) -> None:
    quantity = NumberParser().parse(text, is_size=True)
    assert quantity == Quantity(pytest.approx(value), unit)


def test_parse_duration_needs_two_units() -> None:
    assert parse_duration("5d3h") == 5 * 86_400 + 3 * 3600
    assert [parse_duration(text) for text in ("5m", "3d", "", "12:30:05", "d3h")] == [None] * 5


def test_missing_values_are_recognised() -> None:
    missing = [
        "[N/A]",
        "[Not Supported]",
        "[Unknown Error]",
        "<unknown>",
        "-",
        "--",
        "N/A",
        "nan",
        "",
        "null",
    ]
    assert all(is_missing(text) for text in missing)
    assert not any(is_missing(text) for text in ("0", "[12]", "idle", "P0", "<3>"))


@given(st.floats(0, 1e12), st.sampled_from(["de", "en", "fr", "ch"]))
def test_parse_returns_number_that_a_language_formats(value: float, language: str) -> None:
    text = f"{value:,.2f}"
    separator, mark = {"de": ".,", "en": ",.", "fr": "\u202f,", "ch": "\u2019."}[language]
    text = text.replace(",", "s").replace(".", mark).replace("s", separator)
    quantity = NumberParser().parse(text)
    assert quantity is not None
    assert quantity.value == round(value, 2)


LETTERS = "0123456789.,-+eE%kMGiB'\u2019 \u00a0nfa/:x°C"


@given(st.text(alphabet=LETTERS, max_size=24), st.sampled_from(["", ",", "."]))
def test_parse_returns_finite_number_or_none(text: str, mark: str) -> None:
    quantity = NumberParser(mark).parse(text)
    assert quantity is None or math.isfinite(quantity.value)
