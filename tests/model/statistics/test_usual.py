"""Usual ranges: which hours they are made of, and the band of the minutes."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.model.statistics.usual import WEEKS, hours_like, usual_range, with_margin

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600
WEEK = 7 * 24 * HOUR


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize("zone", [UTC, BERLIN, timezone(timedelta(hours=5, minutes=30)), None])
def test_hours_are_those_of_the_same_local_hour_and_weekday(zone: tzinfo | None) -> None:
    time = utc("2026-11-28 10:50")
    start, end, earlier = hours_like(time, zone)
    assert start <= time < end
    assert end - start == HOUR
    local = datetime.fromtimestamp(start, zone)
    assert local.minute == 0
    assert len(earlier) == WEEKS
    for week, (first, last) in enumerate(earlier, 1):
        moment = datetime.fromtimestamp(first, zone)
        assert (moment.weekday(), moment.hour, moment.minute) == (local.weekday(), local.hour, 0)
        assert local.date() - moment.date() == timedelta(weeks=week)
        assert last - first == HOUR


def test_hours_before_the_end_of_summer_time_have_another_distance() -> None:
    # The clock was set back on 25 October 2026.
    start, _end, earlier = hours_like(utc("2026-11-10 09:30"), BERLIN)
    assert start == utc("2026-11-10 09:00")
    assert [start - first for first, _last in earlier] == [WEEK, 2 * WEEK, 3 * WEEK + HOUR, 4 * WEEK + HOUR]


def test_hour_that_occurs_twice_has_two_hours() -> None:
    _start, _end, earlier = hours_like(utc("2026-11-01 01:30"), BERLIN)
    first, last = earlier[0]
    assert (first, last) == (utc("2026-10-25 00:00"), utc("2026-10-25 02:00"))
    for time in ("2026-10-25 00:30", "2026-10-25 01:30"):
        assert hours_like(utc(time), BERLIN)[:2] == (first, last)


def test_hour_that_does_not_exist_has_no_minutes() -> None:
    # The clock was set forward on 29 March 2026, from two to three o'clock.
    _start, _end, earlier = hours_like(utc("2026-04-05 00:30"), BERLIN)
    first, last = earlier[0]
    assert first >= last


@given(st.lists(st.floats(-1e6, 1e6), min_size=30, max_size=60))
def test_band_is_that_of_the_percentiles(minutes: list[float]) -> None:
    band = usual_range([minutes, minutes])
    assert band is not None
    expected = statistics.quantiles(minutes * 2, n=10, method="inclusive")
    assert band == pytest.approx((expected[0], expected[-1]), abs=1e-6)


@pytest.mark.parametrize(
    ("counts", "has_band"),
    [([60, 60, 60, 60], True), ([60, 0, 0, 60], True), ([60, 29, 0, 0], False), ([], False), ([120], False)],
)
def test_band_needs_two_weeks(counts: list[int], has_band: bool) -> None:
    assert (usual_range([[1.0] * count for count in counts]) is not None) is has_band


@pytest.mark.parametrize(
    ("count", "interval", "has_band"), [(12, 300, True), (5, 300, False), (12, 60, False)]
)
def test_band_of_rare_ticks_needs_half_of_the_hour(count: int, interval: float, has_band: bool) -> None:
    assert (usual_range([[1.0] * count] * 2, interval) is not None) is has_band


@pytest.mark.parametrize(
    ("usual", "unit", "expected"),
    [
        ((10.0, 20.0), "%", (0.0, 30.0)),
        ((3.0, 3.0), "%", (-2.0, 8.0)),
        ((3.0, 3.0), "", (2.7, 3.3)),
        ((0.0, 0.0), "B", (0.0, 0.0)),
        ((-100.0, -90.0), "", (-110.0, -80.0)),
    ],
)
def test_margin_is_never_less_than_a_share_of_the_value(
    usual: tuple[float, float], unit: str, expected: tuple[float, float]
) -> None:
    assert with_margin(usual, unit) == pytest.approx(expected)
