"""Numbers in CSV cells: decimal marks, units, currencies, switches and missing values."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay_source import file_rows

from dashapp.model.ticks import SourceError
from dashapp.sources.external.csv.numbers import Column, is_number_text

TIMES = [f"2026-01-31 12:0{minute}:00" for minute in range(10)]


def column(
    folder: Path, cells: list[str], name: str = "a", **notation: object
) -> tuple[list[float | None], list[str]]:
    """Return the values of a column with these cells, and the messages."""
    text = f'time\t"{name}"\n' + "".join(
        f"{time}\t{cell}\n" for time, cell in zip(TIMES, cells, strict=False)
    )
    found, messages = file_rows(folder, text, **notation)
    return [found[time].get(name) for time in TIMES[: len(cells)]], messages


CELLS: dict[str, tuple[list[str], list[float | None]]] = {
    "decimal comma": (["21,5", "1.234", "1,234"], [21.5, 1234, 1.234]),
    "decimal point": (["21.5", "1,234", "1.234"], [21.5, 1234, 1.234]),
    "comma proved last": (["1,234", "1.234", "0,5"], [1.234, 1234, 0.5]),
    "both marks": (["1.234,5", "1.234.567,5"], [1234.5, 1234567.5]),
    "Swiss": (["1'234.56", "1\u2019234"], [1234.56, 1234]),
    "French": (["1 234,56", "1\u00a0234,5", "12 345"], [1234.56, 1234.5, 12345]),
    "Indian": (["12,34,567.5"], [1234567.5]),
    "three decimals with a point": (["1.234", "2.345"], [1.234, 2.345]),
    "percent": (["12.5%", "13 %"], [12.5, 13]),
    "currency": (["$1,234.50", "€ 12.50", "12.50 €"], [1234.5, None, None]),
    "brackets": (["(1,234.50)", "12.5", "12.5-", "\u22125"], [-1234.5, 12.5, -12.5, -5]),
    "exponent": (["1.5E-3", "2e3"], [0.0015, 2000]),
    "watts": (["500 W", "1.2 kW"], [500, 1200]),
    "bytes": (["512 MiB", "1.5 GiB"], [512 * 2**20, 1.5 * 2**30]),
    "zero without a unit": (["0", "5 W", "0"], [0, 5, 0]),
    "a unit without a factor": (["70.5 ft", "71 ft"], [70.5, 71]),
    "switch": (["ON", "off", "On"], [1, 0, 1]),
    "truth": (["true", "FALSE"], [1, 0]),
    "yes": (["Ja", "Nein"], [1, 0]),
    "missing": (["1", "N/A", "null", "-", "#N/A", "nan", "inf", "", "[N/A]"], [1, *[None] * 8]),
    "errors of Excel": (["1", "#DIV/0!", "#NV", "#WERT!", "\u2013"], [1, *[None] * 4]),
}


@pytest.mark.parametrize(("cells", "values"), CELLS.values(), ids=CELLS.keys())
def test_csv_cell_has_its_number(cells: list[str], values: list[float | None], tmp_path: Path) -> None:
    assert column(tmp_path, cells)[0] == values


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("memory.used [MiB]", "81559 MiB", 81559),
        ("clock [MHz]", "345 MHz", 345),
        ("latency (ms)", "12.3 ms", 12.3),
        ("energy [kWh]", "1.25 kWh", 1.25),
        ("disk [GB]", "500 MB", 0.5),
        ("Temp [°C]", "45.5 °C", 45.5),
        ("memory", "2 KiB", 2048),
    ],
)
def test_csv_number_stays_in_unit_of_heading(name: str, cell: str, value: float, tmp_path: Path) -> None:
    assert column(tmp_path, [cell], name)[0] == [value]


PROBLEMS = {
    "text": (["1", "abc"], 'line 3 has "abc" in column a, which is no number that is understood'),
    "another unit": (
        ["5 ft", "6 kg"],
        'line 3 has "6 kg" in column a, which is not in ft of the rows before',
    ),
    "another currency": (["$5", "€6"], 'line 3 has "€6" in column a, which is not in $ of the rows before'),
    "a word for on": (
        ["5", "on"],
        'line 3 has "on" in column a, which is not in the unit of the rows before',
    ),
    "address": (
        ["5", "10.0.0.1"],
        'line 3 has "10.0.0.1" in column a, which is no number that is understood',
    ),
    "two marks": (
        ["5.5", "5,5", "1,234"],
        'line 4 has "1,234" in column a, which is no number that is understood',
    ),
}


@pytest.mark.parametrize(("cells", "problem"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_csv_cell_without_certain_number_is_dropped_and_reported(
    cells: list[str], problem: str, tmp_path: Path
) -> None:
    values, messages = column(tmp_path, cells)
    assert values[-1] is None
    assert None not in values[:-1]
    assert messages == [f"prices.csv: some cells were dropped; {problem}"]


@pytest.mark.parametrize("cell", ["1,234", "12,345 kB", "-1,234"])
def test_csv_column_with_two_readings_is_left_out_and_reported(cell: str, tmp_path: Path) -> None:
    text = f"time;a;b\n2026-01-31 12:00;{cell};7\n"
    found, messages = file_rows(tmp_path, text)
    assert found == {TIMES[0]: {"b": 7}}
    assert messages == [
        f'prices.csv: line 2, column "a": "{cell}" has two readings, and the column is left out; '
        "add ?decimal=point or ?decimal=comma"
    ]
    values = [file_rows(tmp_path, text, decimal=mark)[0][TIMES[0]]["a"] for mark in (".", ",")]
    assert values[0] == pytest.approx(1000 * values[1])


def test_csv_thousands_of_semicolon_file_are_not_taken_for_decimals(tmp_path: Path) -> None:
    text = "time;a\n2026-01-31 12:00;1.234\n2026-01-31 12:01;1.235\n"
    with pytest.raises(SourceError, match=r'^prices\.csv: line 2, column "a": "1\.234" has two readings'):
        file_rows(tmp_path, text)
    assert file_rows(tmp_path, text + "2026-01-31 12:02;0.5\n")[0][TIMES[0]] == {"a": 1.234}
    assert file_rows(tmp_path, text + "2026-01-31 12:02;0,5\n")[0][TIMES[0]] == {"a": 1234}


def test_csv_columns_can_have_different_decimal_marks(tmp_path: Path) -> None:
    found, messages = file_rows(tmp_path, 'time,a,b\n2026-01-31 12:00,"21,5",1234.5\n')
    assert found == {TIMES[0]: {"a": 21.5, "b": 1234.5}}
    assert messages == []


@given(st.floats(-1e9, 1e9).map(lambda value: round(value, 2)), st.sampled_from(["de", "en", "ch", "fr"]))
def test_column_reads_number_that_a_language_formats(value: float, language: str) -> None:
    marks = {"de": (".", ","), "en": (",", "."), "ch": ("'", "."), "fr": (" ", ",")}
    separator, mark = marks[language]
    cell = f"{value:,.2f}".replace(",", "s").replace(".", mark).replace("s", separator)
    read = Column(0, "a")
    read.inspect(cell, 1)
    quantity = read.parse(cell)
    assert quantity is not None
    assert quantity.value == value


@given(st.text(max_size=20))
def test_column_returns_finite_number_none_or_error(cell: str) -> None:
    read = Column(0, "a")
    read.inspect(cell, 1)
    is_number_text(cell)
    try:
        quantity = read.parse(cell)
    except ValueError:
        return
    assert quantity is None or abs(quantity.value) < float("inf")
