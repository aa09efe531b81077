"""Quiet hours: their text, and the minutes of a week that they cover."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.model.alerts.quiet_hours import QuietHours, is_always_quiet

MON, FRI, SAT, SUN = 0, 4, 5, 6


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Sat-Sun 22:00-06:00", "Sat-Sun 22:00-06:00"),
        ("sat-SUN", "Sat-Sun"),
        ("Mon-Sun 9:05-17:30", "09:05-17:30"),
        ("22:00-06:00", "22:00-06:00"),
        ("Fri-Mon", "Fri-Mon"),
        ("Wed,Mon,Tue,Fri-Sat 00:00-24:00", "Mon-Wed,Fri-Sat"),
        ("Sun,Mon 23:59-00:00", "Sun-Mon 23:59-00:00"),
        ("Tue", "Tue"),
    ],
)
def test_quiet_hours_text_is_canonical(text: str, canonical: str) -> None:
    assert QuietHours.parse(text).text == canonical


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "days, times or both"),
        ("Saturday", "days, times or both"),
        ("22:00-06:00 Sat", "days, times or both"),
        ("Sat 22-06", "days, times or both"),
        ("Sat-", "days, times or both"),
        ("Sat 22:00-22:00", "two different times"),
        ("24:00-06:00", "two different times"),
        ("24:01-06:00", "from 00:00 to 24:00"),
        ("12:60-13:00", "from 00:00 to 24:00"),
        ("99:00-13:00", "from 00:00 to 24:00"),
    ],
)
def test_quiet_hours_parse_names_expectation_for_invalid_text(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        QuietHours.parse(text)


@pytest.mark.parametrize(
    ("text", "quiet", "loud"),
    [
        ("Sat-Sun 22:00-06:00", [(SAT, 1320), (SUN, 0), (SUN, 1439), (MON, 359)], [(SAT, 0), (MON, 360)]),
        ("Sat-Sun", [(SAT, 0), (SUN, 1439)], [(FRI, 1439), (MON, 0)]),
        ("Mon-Fri 09:00-17:00", [(MON, 540), (FRI, 1019)], [(MON, 539), (FRI, 1020), (SAT, 600)]),
        ("23:00-00:00", [(SUN, 1380), (MON, 1439)], [(SUN, 0), (SUN, 1379)]),
        ("Sun 12:00-24:00", [(SUN, 720), (SUN, 1439)], [(SUN, 719), (MON, 0)]),
    ],
)
def test_quiet_hours_cover_exactly_their_minutes(
    text: str, quiet: list[tuple[int, int]], loud: list[tuple[int, int]]
) -> None:
    period = QuietHours.parse(text)
    assert all(period.covers(*moment) for moment in quiet)
    assert not any(period.covers(*moment) for moment in loud)


periods = st.builds(
    QuietHours,
    st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    st.integers(0, 1439),
    st.integers(0, 1440),
).filter(lambda period: period.start != period.end)


@given(periods)
def test_quiet_hours_text_parses_to_same_quiet_hours(period: QuietHours) -> None:
    assert QuietHours.parse(period.text) == period


@given(st.lists(periods, max_size=3))
def test_is_always_quiet_agrees_with_every_minute_of_week(chosen: list[QuietHours]) -> None:
    # Only the minutes at which a period begins or ends, and those beside them, can differ.
    edges = {edge for period in chosen for edge in (period.start, period.end)}
    minutes = {(edge + step) % 1440 for edge in {0, *edges} for step in (-1, 0, 1)}
    expected = all(any(p.covers(day, minute) for p in chosen) for day in range(7) for minute in minutes)
    assert is_always_quiet(chosen) is expected
