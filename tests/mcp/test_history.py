"""Points and extremes of a range: bounded, exact, and never of another time."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from csv_store import START, seal
from hypothesis import given, settings
from hypothesis import strategies as st

from dashapp.mcp.history import find_extreme, mean_of_range, read_points
from dashapp.model.ticks import Tick
from dashapp.stores.base import Reader
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import DAY, HOUR, Retention

# Ticks of the last three hours, and minutes of all.
KEPT = Retention(ticks=3 * HOUR, minutes=30 * DAY, hours=730 * DAY)
LENGTH = 12 * HOUR


def value(second: int) -> float:
    return 1000 * random.Random(second).random()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("history")
    # A gap of half an hour, and one tick in five.
    seconds = [second for second in range(START, START + LENGTH, 5) if not 3600 < second - START <= 5400]
    ticks = [Tick(second, 5, {"a": value(second)}) for second in seconds]
    newest = [tick for tick in ticks if tick.time > START + LENGTH - 1200]
    seal(folder, ticks[: -len(newest)], KEPT)
    store = DiskStore(folder, retention=KEPT)
    for tick in newest:
        store.append(tick)
    store.close()
    return DiskReader(folder)


def expected_seconds(start: int, end: int) -> list[int]:
    """Return the seconds of the ticks in (start, end], in milliseconds since START."""
    return [
        second
        for second in range(START, START + LENGTH, 5)
        if start < 1000 * (second - START) <= end and not 3600 < second - START <= 5400
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(10 * 3_600_000, 1000 * LENGTH), st.integers(10 * 3_600_000, 1000 * LENGTH))
def test_find_extreme_is_exact_while_there_are_ticks(reader: Reader, first: int, second: int) -> None:
    start, end = min(first, second), max(first, second)
    for sign in (1, -1):
        found = find_extreme(reader, 1000 * START + start, 1000 * START + end, "a", sign)
        seconds = expected_seconds(start, end)
        if not seconds:
            assert found is None
            continue
        best = max(seconds, key=lambda each: sign * value(each))
        assert found is not None
        assert (found.time_ms, found.within_ms) == (1000 * best, 0)
        assert found.value == pytest.approx(value(best), rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000 * LENGTH), st.integers(0, 1000 * LENGTH))
def test_find_extreme_of_minutes_is_in_the_range(reader: Reader, first: int, second: int) -> None:
    """Minutes that are only partly in the range do not count, if their ticks are gone."""
    start, end = min(first, second), max(first, second)
    for sign in (1, -1):
        found = find_extreme(reader, 1000 * START + start, 1000 * START + end, "a", sign)
        seconds = expected_seconds(start, end)
        if found is None:
            assert len(seconds) < 2 * 12
            continue
        inside = [value(each) for each in seconds]
        assert any(math.isclose(found.value, each, rel_tol=1e-9) for each in inside)
        assert sign * found.value <= max(sign * each for each in inside) * (1 + sign * 1e-9) + 1e-9
        within = [
            value(each)
            for each in seconds
            if found.time_ms - max(found.within_ms, 1) < 1000 * each <= found.time_ms
        ]
        assert any(math.isclose(found.value, each, rel_tol=1e-9) for each in within)


@pytest.mark.parametrize("length", [30, 600, 7200, 36_000, LENGTH])
@pytest.mark.parametrize("max_points", [2, 10, 60, 200])
def test_read_points_is_bounded_and_covers_the_range(reader: Reader, length: int, max_points: int) -> None:
    end = 1000 * (START + LENGTH - 5)
    start = end - 1000 * length
    points = read_points(reader, start, end, ["a"], max_points)
    assert 0 < len(points.columns.t) <= max_points + 1
    assert points.columns.t[-1] >= end
    assert points.columns.t[-1] < end + max(points.step_ms, 1)
    if not points.step_ms:
        assert len(points.columns.t) == length // 5
    assert points.columns.low.min() <= points.columns.mean.min()


def test_read_points_names_gaps_and_mean(reader: Reader) -> None:
    start = 1000 * START
    points = read_points(reader, start - 1, start + 3 * 3_600_000, ["a"], 200)
    ((first, last),) = points.gaps()
    assert abs(first - start - 3_600_000) <= points.step_ms
    assert abs(last - start - 5_400_000) <= points.step_ms
    seconds = expected_seconds(-1, 3 * 3_600_000)
    mean = sum(map(value, seconds)) / len(seconds)
    whole = mean_of_range(reader, start - 1, start + 3 * 3_600_000, "a")
    assert whole == pytest.approx(mean, rel=1e-2)
    assert mean_of_range(reader, start, start + 1000, "a") is None


def test_reads_of_an_empty_store_find_nothing(tmp_path: Path) -> None:
    reader = DiskReader(tmp_path / "none")
    assert find_extreme(reader, 0, 10**12, "a", 1) is None
    assert mean_of_range(reader, 0, 10**12, "a") is None
    assert not len(read_points(reader, 0, 10**12, ["a"], 10).columns.t)
