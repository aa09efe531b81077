"""The record at a moment, and the records of a range, over several levels."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dashapp.model.top import CPU, TopEntry, TopRecord
from dashapp.query.top import newest_record, record_at, record_between
from dashapp.stores.base import TopLevel
from dashapp.stores.top_levels import StoredRecords

HOUR = 3600
T = 1_800_000_000 // HOUR * HOUR


class _Level(StoredRecords):
    def __init__(self, step: float, records: Sequence[TopRecord]) -> None:
        super().__init__(records)
        self.step = step


def record(second: float, step: float = 10, name: str = "a", percent: float = 50) -> TopRecord:
    return TopRecord(round(1000 * (T + second)), step, {CPU: [TopEntry(name, percent, 1)]}, 0)


def found(levels: Sequence[TopLevel], second: float) -> float | None:
    """Return the second of the record at a second."""
    result = record_at(levels, round(1000 * (T + second)))
    return None if result is None else result.time_ms / 1000 - T


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (10, 10),
        (10.001, 20),
        (19.999, 20),
        (20, 20),
        (0.5, 10),
        (-1.999, 10),  # a scan takes some time
        (-2.5, None),
        (30, 30),
        (44, 30),  # the next one is not written yet
        (46, None),
        (500, None),
        (-500, None),
    ],
)
def test_record_at_covers_the_moment_or_ends_shortly_before(second: float, expected: float | None) -> None:
    levels = [_Level(10, [record(10), record(20), record(30)])]
    assert found(levels, second) == expected


def test_record_at_prefers_finest_level_and_falls_back_to_coarser_ones() -> None:
    levels = [
        _Level(10, [record(HOUR + 10)]),
        _Level(60, [record(60, 60), record(HOUR + 60, 60)]),
        _Level(HOUR, [record(0, HOUR), record(HOUR, HOUR)]),
    ]
    assert [found(levels, second) for second in (HOUR + 5, HOUR + 50, 30, 2000, -10)] == [
        *(HOUR + 10, HOUR + 60, 60, HOUR, 0)
    ]


def test_record_of_many_processes_covers_its_own_long_span() -> None:
    levels = [_Level(10, [record(0, 150), record(150, 150)])]
    assert found(levels, 5) == 150
    assert found(levels, 300) == 150
    assert found(levels, 400) is None


@pytest.mark.parametrize("levels", [[], [_Level(10, [])]])
def test_empty_levels_have_no_record(levels: Sequence[TopLevel]) -> None:
    assert found(levels, 5) is None
    assert record_between(levels, 1000 * T, 1000 * (T + 60)) is None
    assert newest_record(levels, 1000 * T) is None


@pytest.mark.parametrize(("age", "is_now"), [(0, True), (16, True), (18, False), (-1, True)])
def test_newest_record_describes_only_the_present(age: float, is_now: bool) -> None:
    levels = [_Level(10, [record(0), record(10)])]
    assert (newest_record(levels, round(1000 * (T + 10 + age))) is not None) == is_now


def between(levels: Sequence[TopLevel], start: float, end: float) -> TopRecord:
    result = record_between(levels, round(1000 * (T + start)), round(1000 * (T + end)))
    assert result is not None
    return result


def test_range_weights_records_by_the_time_that_they_share() -> None:
    levels = [_Level(10, [record(10, name="a"), record(20, name="b"), record(30, name="c")])]
    result = between(levels, 5, 22)
    assert result.rankings[CPU] == [TopEntry("b", 29.41, 1), TopEntry("a", 14.71, 1), TopEntry("c", 5.88, 1)]
    assert (result.time_ms, result.step) == (1000 * (T + 22), 17)


def test_range_says_how_much_of_it_was_recorded() -> None:
    levels = [_Level(10, [record(10), record(20)])]
    result = between(levels, -1000, 1000)
    assert (result.time_ms, result.step) == (1000 * (T + 20), 20)
    assert result.rankings[CPU] == [TopEntry("a", 50, 1)]


def test_long_range_uses_coarse_records_and_finer_ones_for_the_newest_time() -> None:
    seconds = [record(second, 10, "seconds") for second in range(10, 3 * HOUR + 1, 10)]
    minutes = [record(second, 60, "minutes") for second in range(60, 2 * HOUR + 1, 60)]
    levels = [_Level(10, seconds), _Level(60, minutes), _Level(HOUR, [])]
    result = between(levels, -7 * HOUR, 3 * HOUR)
    assert result.step == 3 * HOUR
    assert result.rankings[CPU] == [TopEntry("minutes", 33.33, 1), TopEntry("seconds", 16.67, 1)]
    result = between(levels, -30 * 24 * HOUR, 3 * HOUR)
    assert result.step == 3 * HOUR


def test_short_range_of_expired_seconds_uses_minutes() -> None:
    levels = [
        _Level(10, [record(second, 10, "seconds") for second in range(610, 1201, 10)]),
        _Level(60, [record(second, 60, "minutes") for second in range(60, 1201, 60)]),
        _Level(HOUR, []),
    ]
    result = between(levels, 0, 1200)
    assert result.step == 1200
    assert {entry.name: entry.value for entry in result.rankings[CPU]} == {"minutes": 25, "seconds": 25}


def test_overlapping_records_count_once() -> None:
    levels = [_Level(10, [record(10), record(15, 10), record(25, 10)])]
    assert between(levels, 0, 25).step == 25
