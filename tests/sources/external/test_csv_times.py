"""Times in CSV files: notations, order of day and month, zones, clocks that go back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay_source import file_rows

from dashapp.model.ticks import SourceError
from dashapp.sources.external.csv.csv_file import CsvFile
from dashapp.sources.external.csv.dates import parse_stamp
from dashapp.sources.external.csv_reader import CsvRows

NOON = "2026-01-31 12:00:00"
# Each is 31 January 2026 at noon, in UTC if it states a zone.
NOON_TEXTS = [
    *(
        "2026-01-31 12:00:00",
        "2026-01-31 12:00",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00Z",
        "2026/01/31 12:00",
    ),
    *(
        "2026-01-31T12:00:00.000Z",
        "2026-01-31T14:00:00+02:00",
        "2026-01-31T07:00:00-0500",
        "2026-01-31 12:00:00 UTC",
    ),
    *(
        "2026-01-31 13:00:00 CET",
        "2026-01-31 13:00:00 +0100 CET",
        "2026-01-31 13:00:00 Europe/Berlin",
        "20260131T120000Z",
    ),
    *(
        "2026-01-31T13:00:00+01:00[Europe/Berlin]",
        "2026-01-31 12:00:00,000",
        "2026-01-31T12:00:00.000000000Z",
    ),
    *(
        "31.01.2026 12:00",
        "31.1.2026 12:0:0",
        "31.01.26 12:00:00",
        "31.01.2026, 12:00 Uhr",
        "31.01.2026 12h00",
    ),
    *(
        "31/01/2026 12:00:00",
        "31-01-2026 12:00:00",
        "31-Jan-2026 12:00:00",
        "31 Jan 2026 12:00",
        "31-Jan-26 12:00",
    ),
    *(
        "1/31/2026 12:00:00 PM",
        "01/31/2026 12:00 pm",
        "Jan 31, 2026 12:00 PM",
        "January 31 2026 12:00",
        "1/31/26 12:00",
    ),
    *(
        "31. Januar 2026 12:00",
        "31 janvier 2026 12:00",
        "31 de enero de 2026 12:00",
        "sam. 31 janv. 2026 12:00",
    ),
    *("Sat Jan 31 12:00:00 UTC 2026", "Sat, 31 Jan 2026 13:00:00 +0100", "31/Jan/2026:12:00:00 +0000"),
    *(
        "Sa. 31.01.2026 12:00",
        "12:00:00 31.01.2026",
        "2026年1月31日 12:00",
        "2026.01.31 12:00",
        "20260131120000",
    ),
    *(
        "1769860800",
        "1769860800.0",
        "1769860800000",
        "1769860800000000",
        "1769860800000000000",
        "1.7698608E+09",
    ),
]


@pytest.mark.parametrize("text", NOON_TEXTS)
def test_csv_time_of_any_notation_is_read(text: str, tmp_path: Path) -> None:
    found, messages = file_rows(tmp_path, f'a;time\n5;"{text}"\n')
    assert messages == []
    assert found == {NOON: {"a": 5}}


@pytest.mark.parametrize(
    ("date", "time"),
    [
        ("20260131", "120000"),
        ("20260131", "1200"),
        ("2026-01-31", "120000"),
        ("31.01.2026", "1200"),
        ("31.01.2026", "0,5"),
        ("31.01.2026", "12:00"),
    ],
)
def test_csv_time_of_day_beside_date_is_read(date: str, time: str, tmp_path: Path) -> None:
    assert file_rows(tmp_path, f"Date;Time;a\n{date};{time};5\n")[0] == {NOON: {"a": 5}}


DAYS = [
    "2026-01-31",
    "31.01.2026",
    "31/01/2026",
    "1/31/2026",
    "31-Jan-2026",
    "20260131",
    "Jan 31, 2026",
    "31.01.26",
]


@pytest.mark.parametrize("text", DAYS)
def test_csv_date_alone_is_midnight(text: str, tmp_path: Path) -> None:
    assert file_rows(tmp_path, f"a;Datum\n5;{text}\n")[0] == {"2026-01-31 00:00:00": {"a": 5}}


@pytest.mark.parametrize("text", ["2026-02", "Feb 2026", "02/2026", "février 2026", "2026/02"])
def test_csv_month_alone_is_its_first_day(text: str, tmp_path: Path) -> None:
    assert file_rows(tmp_path, f"a;Month\n5;{text}\n")[0] == {"2026-02-01 00:00:00": {"a": 5}}


@pytest.mark.parametrize(
    ("name", "cells", "seconds"),
    [
        ("time", ["0", "0.5", "1"], [0, 0.5, 1]),
        ("Time [ms]", ["0", "500", "1000"], [0, 0.5, 1]),
        ("time_us", ["0", "500000", "1e6"], [0, 0.5, 1]),
        ("millis", ["1500", "2500", "150000000000"], [1.5, 2.5, 150_000_000]),
        ("elapsed_min", ["1", "2", "3"], [60, 120, 180]),
        ("Zeit (s)", ["0,000", "0,500", "1,000"], [0, 0.5, 1]),
        ("t", ["00:00:00.5", "00:00:01", "00:01:00"], [0.5, 1, 60]),
        ("Year", ["1970", "1971", "1972"], [0, 365 * 86_400, 730 * 86_400]),
    ],
)
def test_csv_time_without_date_counts_from_its_start(
    name: str, cells: list[str], seconds: list[float], tmp_path: Path
) -> None:
    text = f"{name};a\n" + "".join(f"{cell};{row}\n" for row, cell in enumerate(cells))
    (tmp_path / "x.csv").write_text(text)
    assert [row.time for row in CsvRows(CsvFile(tmp_path / "x.csv"))] == pytest.approx(seconds)


ORDERS = {
    "day over 12 at the end": (["01/02/2026", "02/02/2026", "13/02/2026"], "2026-02-01"),
    "month first at the end": (["01/02/2026", "01/03/2026", "01/13/2026"], "2026-01-02"),
    "days with hours": (
        [f"0{day}/02/2026 {hour:02}:00" for day in (1, 2) for hour in range(24)],
        "2026-02-01",
    ),
    "two digits": (["31/01/26", "01/02/26"], "2026-01-31"),
    "year first": (["26-01-30", "26-01-31", "26-02-01"], "2026-01-30"),
    "dots": (["01.02.2026", "02.02.2026"], "2026-02-01"),
    "month first with dots": (["01.30.2026", "01.31.2026"], "2026-01-30"),
}


@pytest.mark.parametrize(("dates", "first"), ORDERS.values(), ids=ORDERS.keys())
def test_csv_order_of_dates_comes_from_the_whole_file(dates: list[str], first: str, tmp_path: Path) -> None:
    found, messages = file_rows(tmp_path, "Date,a\n" + "".join(f"{date},1\n" for date in dates))
    assert messages == []
    assert next(iter(found)).startswith(first)
    assert len(found) == len(dates)


@pytest.mark.parametrize(
    "dates", [["01/02/2026"], ["01/02/2026", "02/02/2026"], ["01-02-26 12:00"], ["01/02/26"]]
)
def test_csv_order_of_dates_is_requested_if_no_row_shows_it(dates: list[str], tmp_path: Path) -> None:
    text = "Date,a\n" + "".join(f"{date},1\n" for date in dates)
    with pytest.raises(
        SourceError, match=r'^prices\.csv: line 2 has the date ".*add \?dates=dmy .* or \?dates=mdy'
    ) as raised:
        file_rows(tmp_path, text)
    assert len(str(raised.value)) < 240
    assert next(iter(file_rows(tmp_path, text, dates="dmy")[0])).startswith("2026-02-01")
    assert next(iter(file_rows(tmp_path, text, dates="mdy")[0])).startswith("2026-01-02")


def test_csv_rejects_dates_of_two_orders(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^prices\.csv: its dates have several orders; add \?dates="):
        file_rows(tmp_path, "Date,a\n13/01/2026,1\n01/14/2026,1\n")


BERLIN = ZoneInfo("Europe/Berlin")


def wall_clock(hours: tuple[int, ...], day: str) -> str:
    """Return a file with a row for each minute of the hours of a day."""
    rows = [f"{day} {hour:02}:{minute:02}:00" for hour in hours for minute in range(60)]
    return "time,a\n" + "".join(f"{time},{row}\n" for row, time in enumerate(rows))


@pytest.mark.parametrize("zone", [None, BERLIN])
def test_csv_local_time_continues_through_the_hour_that_comes_twice(
    zone: ZoneInfo | None, tmp_path: Path
) -> None:
    found, messages = file_rows(tmp_path, wall_clock((1, 2, 2, 3), "2026-10-25"), zone=zone)
    assert messages == []
    assert len(found) == 240
    assert [row["a"] for row in found.values()] == list(range(240))
    start, end = (
        ("2026-10-24 23:00:00", "2026-10-25 02:59:00")
        if zone
        else ("2026-10-25 01:00:00", "2026-10-25 04:59:00")
    )
    assert (min(found), max(found)) == (start, end)


def test_csv_local_time_has_no_gap_in_the_hour_that_is_missing(tmp_path: Path) -> None:
    found, _messages = file_rows(tmp_path, wall_clock((1, 3), "2026-03-29"), zone=BERLIN)
    assert (min(found), max(found), len(found)) == ("2026-03-29 00:00:00", "2026-03-29 01:59:00", 120)


def test_csv_zone_names_tell_the_repeated_hour_apart(tmp_path: Path) -> None:
    text = "time,a\n2026-10-25 02:59:00 CEST,1\n2026-10-25 02:00:00 CET,2\n"
    assert file_rows(tmp_path, text)[0] == {"2026-10-25 00:59:00": {"a": 1}, "2026-10-25 01:00:00": {"a": 2}}


ODD_ROWS = {
    "a zone in one row": (
        "time,a\n2026-01-31 12:00,1\n2026-01-31 12:01Z,2\n",
        "line 3 has a time zone, unlike the first row",
    ),
    "no zone in one row": (
        "time,a\n2026-01-31 12:00Z,1\n2026-01-31 12:01,2\n",
        "line 3 has no time zone, unlike the first row",
    ),
    "no such day": ("time,a\n2026-02-28,1\n2026-02-30,2\n", 'line 3 has an invalid time ("2026-02-30")'),
    "no such hour": (
        "time,a\n2026-02-28 12:00,1\n2026-02-28 25:00,2\n",
        'line 3 has an invalid time ("2026-02-28 25:00")',
    ),
    "equal times": (
        "time,a\n2026-02-28 12:00,1\n2026-02-28 12:00,2\n",
        "line 3 is not later than the previous row",
    ),
    "a clock that is not set": (
        "time,a\n1970-01-01 00:00:05,9\n2026-02-28 12:00,1\n2026-02-28 12:01,2\n",
        "line 2 is years before the next rows, as if its clock was not set",
    ),
    "a clock that is reset": (
        "time,a\n2026-02-28 12:00,1\n2026-02-28 12:01,2\n1970-01-01 00:00:05,9\n2026-02-28 12:03,3\n",
        "line 4 is not later than the previous row",
    ),
    "a sum": ("time,a\n2026-02-28 12:00,1\nSum,9\n", 'line 3 has an invalid time ("Sum")'),
    "a zone without a meaning": (
        "time,a\n2026-02-28 12:00 UTC,1\n2026-02-28 12:00 IST,9\n",
        'line 3 has a time zone that is not known ("IST"); write +02:00 instead',
    ),
}


@pytest.mark.parametrize(("text", "problem"), ODD_ROWS.values(), ids=ODD_ROWS.keys())
def test_csv_row_without_a_certain_time_is_dropped_and_reported(
    text: str, problem: str, tmp_path: Path
) -> None:
    found, messages = file_rows(tmp_path, text)
    assert messages == [f"prices.csv: some rows were dropped; {problem}"]
    assert all(row["a"] != 9 for row in found.values())
    assert next(iter(found.values())) == {"a": 1}


NO_TIMES = {
    "dates in several columns": "Year,Month,Day,a\n2026,1,30,1\n2026,1,31,2\n",
    "no time of day": "Date,Time,a\n20260131,99999,1\n20260131,99998,2\n",
    "no time": "a,b\n1,2\n3,4\n",
    "Excel days or seconds": "time,a\n46053,1\n46054,2\n",
    "a month and a number": "when,a\nJan-26,1\nFeb-26,2\n",
    "a zone without a meaning": "time,a\n2026-02-28 12:00 IST,9\n",
    "quarters": "when,a\nQ1 2026,1\nQ2 2026,2\n",
}


@pytest.mark.parametrize("text", NO_TIMES.values(), ids=NO_TIMES.keys())
def test_csv_without_certain_times_has_one_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^prices\.csv") as raised:
        file_rows(tmp_path, text)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 240


@given(st.text(alphabet="0123456789.:/-+ TZapmAPMJanOctUTC年,", max_size=30) | st.text(max_size=20))
def test_parse_stamp_returns_valid_stamp_or_none(text: str) -> None:
    stamp = parse_stamp(text)
    if stamp is not None:
        assert stamp.date is not None or stamp.time_of_day is not None
        for order in stamp.date.orders if stamp.date else ("ymd",):
            assert abs(stamp.seconds(order)) < 1e13


@given(
    st.datetimes(datetime(1000, 1, 1)),
    st.sampled_from(["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%d-%b-%Y %I:%M:%S %p"]),
)
def test_parse_stamp_reads_what_strftime_writes(time: datetime, pattern: str) -> None:
    stamp = parse_stamp(time.strftime(pattern))
    assert stamp is not None
    assert stamp.date is not None
    assert (
        stamp.seconds(stamp.date.orders[0])
        == (time.replace(microsecond=0) - datetime(1970, 1, 1)).total_seconds()
    )
