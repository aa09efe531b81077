"""Values that expire: how long one stays after the last of its kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.sources.expiring import EXPIRY_INTERVALS, ExpiringValues

MIN_S = 3.0


def recorded(*intervals: float) -> tuple[ExpiringValues[str], float]:
    """Return values that arrived at these intervals, and the time of the last one."""
    values, now = ExpiringValues[str](MIN_S), 1000.0
    values.record({"a": 0.0}, now)
    for number, seconds in enumerate(intervals):
        now += seconds
        values.record({"a": float(number)}, now)
    return values, now


def valid_seconds(*intervals: float) -> float:
    """Return how long the last value stays, to a tenth of a second."""
    values, now = recorded(*intervals)
    return next(tenth / 10 - 0.1 for tenth in range(1_000_000) if not values.values_at(now + tenth / 10))


@pytest.mark.parametrize("usual", [0.5, 1.0, 10.0])
@pytest.mark.parametrize("pause", [5.0, 60.0, 3600.0])
@pytest.mark.parametrize("after", [0, 1, 2, 5])
def test_one_pause_changes_no_expiry(usual: float, pause: float, after: int) -> None:
    intervals = [usual] * 8 + [pause] + [usual] * after
    assert valid_seconds(*intervals) == pytest.approx(valid_seconds(*[usual] * 8))


@pytest.mark.parametrize("slower", [10.0, 60.0, 600.0])
def test_slower_pace_is_a_line_from_its_second_interval_on(slower: float) -> None:
    assert valid_seconds(*[1.0] * 20, slower) == pytest.approx(MIN_S)
    assert valid_seconds(*[1.0] * 20, slower, slower) == pytest.approx(EXPIRY_INTERVALS * slower)
    assert valid_seconds(*[slower] * 20, *[1.0] * 5) == pytest.approx(MIN_S)


@pytest.mark.parametrize("lines", [2, 10, 100])
def test_lines_of_one_chunk_are_one_event(lines: int) -> None:
    """A program with a buffer writes many lines at once, at long intervals."""
    assert valid_seconds(*([10.0] + [0.0001] * (lines - 1)) * 3) == pytest.approx(30.0, abs=0.2)


@given(st.floats(0.2, 100.0), st.lists(st.floats(0.5, 1.5), min_size=2, max_size=30))
def test_values_at_irregular_intervals_have_no_gap(usual: float, factors: list[float]) -> None:
    values, now = recorded()
    values.record({"a": 0.0}, now := now + usual)
    for factor in factors:
        # Just before the next value, the last one is still there.
        assert values.values_at(now + 0.999 * factor * usual)
        now += factor * usual
        values.record({"a": 0.0}, now)
