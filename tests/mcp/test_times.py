"""Times of tools: every form, in the zone of the host, with changes of the clocks."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.mcp.times import EXPECTED, Times
from dashapp.model.ticks import BadRequestError
from dashapp.query.time_zones import zone_of

NOW = "2026-11-28T17:30:00+01:00"


def times(now: str = NOW, zone: str = "Europe/Berlin") -> Times:
    return Times(zone_of(zone), datetime.fromisoformat(now).timestamp())


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("now", "2026-11-28T17:30:00+01:00"),
        ("-1h", "2026-11-28T16:30:00+01:00"),
        ("1h ago", "2026-11-28T16:30:00+01:00"),
        ("-90s", "2026-11-28T17:28:30+01:00"),
        ("- 1.5 h", "2026-11-28T16:00:00+01:00"),
        ("-2d", "2026-11-26T17:30:00+01:00"),
        ("15:00", "2026-11-28T15:00:00+01:00"),
        ("9:05:07", "2026-11-28T09:05:07+01:00"),
        ("18:00", "2026-11-27T18:00:00+01:00"),
        ("yesterday 15:00", "2026-11-27T15:00:00+01:00"),
        ("yesterday", "2026-11-27T00:00:00+01:00"),
        ("today", "2026-11-28T00:00:00+01:00"),
        ("2026-11-20", "2026-11-20T00:00:00+01:00"),
        ("2026-11-20 08:00", "2026-11-20T08:00:00+01:00"),
        ("2026-11-20T08:00:00", "2026-11-20T08:00:00+01:00"),
        ("2026-11-20T08:00:00Z", "2026-11-20T09:00:00+01:00"),
        ("2026-07-01 08:00", "2026-07-01T08:00:00+02:00"),
        (" 15:00 ", "2026-11-28T15:00:00+01:00"),
    ],
)
def test_parse_accepts_form_of_time(text: str, iso: str) -> None:
    assert times().iso(times().parse("at", text)) == iso


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("15:00", "15:30", ("2026-11-28T15:00:00+01:00", "2026-11-28T15:30:00+01:00")),
        # The end is the next such time after the start, and never in the future.
        ("18:00", "19:00", ("2026-11-27T18:00:00+01:00", "2026-11-27T19:00:00+01:00")),
        ("23:00", "01:00", ("2026-11-27T23:00:00+01:00", "2026-11-28T01:00:00+01:00")),
        ("15:00", "20:00", ("2026-11-28T15:00:00+01:00", NOW)),
        ("yesterday", "yesterday", ("2026-11-27T00:00:00+01:00", "2026-11-28T00:00:00+01:00")),
        ("2026-11-20", "2026-11-21", ("2026-11-20T00:00:00+01:00", "2026-11-22T00:00:00+01:00")),
        ("yesterday 10:00", "11:00", ("2026-11-27T10:00:00+01:00", "2026-11-27T11:00:00+01:00")),
        ("-2h", "-1h", ("2026-11-28T15:30:00+01:00", "2026-11-28T16:30:00+01:00")),
        (None, None, ("2026-11-28T16:30:00+01:00", NOW)),
    ],
)
def test_range_has_start_and_end(start: str | None, end: str | None, expected: tuple[str, str]) -> None:
    start_ms, end_ms = times().range(start, end, "-1h")
    assert (times().iso(start_ms), times().iso(end_ms)) == expected


@pytest.mark.parametrize(
    "text", ["tomorrow", "", "24:00", "12:60", "-5x", "2026-13-01", "15", "at 3", "-999999999y", "1e9"]
)
def test_parse_rejects_other_text_with_a_sentence(text: str) -> None:
    with pytest.raises(BadRequestError, match="expected ISO 8601, -1h"):
        times().parse("at", text)


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        ("2099-01-01", None, 'from is "2099-01-01", which is in the future'),
        (
            "-1h",
            "-2h",
            "from must be earlier than to; they are 2026-11-28T16:30:00+01:00 and 2026-11-28T15:30:00+01:00",
        ),
        ("x", None, f'from is "x"; {EXPECTED}'),
        (None, "x", f'to is "x"; {EXPECTED}'),
    ],
)
def test_range_rejects_impossible_range(start: str | None, end: str | None, sentence: str) -> None:
    with pytest.raises(BadRequestError) as failure:
        times().range(start, end, "-1h")
    assert str(failure.value) == sentence


def test_time_of_day_follows_the_clock_changes_of_its_day() -> None:
    # In the night to 25 October the clocks went back.
    assert times("2026-10-26T12:00:00+01:00").parse("at", "yesterday 15:00") == 1792936800000
    assert times("2026-10-25T12:00:00+01:00").iso(1792884600000) == "2026-10-25T01:30:00+02:00"


@pytest.mark.parametrize(
    ("now", "time", "found"),
    [
        ("2026-10-25T02:40:00+01:00", "02:30", "2026-10-25T02:30:00+01:00"),
        ("2026-10-25T02:40:00+01:00", "02:45", "2026-10-25T02:45:00+02:00"),
        ("2026-10-25T02:40:00+02:00", "02:30", "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T02:20:00+02:00", "02:30", "2026-10-24T02:30:00+02:00"),
        ("2026-03-29T12:00:00+02:00", "02:30", "2026-03-29T03:30:00+02:00"),
    ],
)
def test_time_of_day_is_the_last_one_if_it_occurs_twice(now: str, time: str, found: str) -> None:
    moment = times(now)
    assert moment.iso(moment.parse("at", time)) == found


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ("2026-10-25T02:30:00+02:00", "02:45", "2026-10-25T02:45:00+02:00"),
        ("2026-10-25T02:50:00+02:00", "02:45", "2026-10-25T02:45:00+01:00"),
        ("2026-10-25T02:30:00+01:00", "02:45", "2026-10-25T02:45:00+01:00"),
        ("2026-10-24T02:50:00+02:00", "02:45", "2026-10-25T02:45:00+02:00"),
    ],
)
def test_end_of_range_is_the_next_one_if_it_occurs_twice(start: str, end: str, found: str) -> None:
    moment = times("2026-10-26T12:00:00+01:00")
    assert moment.iso(moment.range(start, end, "-1h")[1]) == found


@pytest.mark.parametrize(
    ("zone", "local"),
    [
        ("Europe/Berlin", "Sat 28 Nov 2026 17:30:00 CET"),
        ("+05:30", "Sat 28 Nov 2026 22:00:00 +05:30"),
        ("-03:30", "Sat 28 Nov 2026 13:00:00 -03:30"),
        ("", "Sat 28 Nov 2026 16:30:00 UTC"),
        ("Nowhere/City", "Sat 28 Nov 2026 16:30:00 UTC"),
        ("../etc/passwd", "Sat 28 Nov 2026 16:30:00 UTC"),
        *(
            (foreign, "Sat 28 Nov 2026 16:30:00 UTC")
            for foreign in ("+24:00", "+23:99", "-99:99", "+1:0", "Europe")
        ),
    ],
)
def test_local_text_names_the_zone(zone: str, local: str) -> None:
    assert times(zone=zone).local(times().now_ms) == local


@given(
    st.integers(0, 4_000_000_000_000), st.sampled_from(["Europe/Berlin", "America/St_Johns", "+14:00", ""])
)
def test_parse_reads_what_iso_writes(time_ms: int, zone: str) -> None:
    assert times(zone=zone).parse("at", times(zone=zone).iso(time_ms)) == time_ms
