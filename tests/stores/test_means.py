"""Means from tick to response: weighted by time, and exact for values of any magnitude."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest
from csv_store import api_of, read, seal
from fake_hosts import NOW, Clock, Fleet
from hypothesis import given, settings
from hypothesis import strategies as st
from overlay_of import overlay
from spans import encode_points, roll_up
from thorough import amount

from dashapp.model.columns import Columns, columns_from_ticks, downsample, round_significant
from dashapp.model.rollup import Point
from dashapp.model.ticks import MAX_VALUE, Metric, Tick, to_milliseconds
from dashapp.query.frames import past_frame
from dashapp.query.shared_view import SharedView, SharedViewReader
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import DAY, HOUR, MINUTE, Retention
from dashapp.stores.history.archive_reader import decode_block
from dashapp.stores.memory import MemoryStore

START = 1_700_006_400  # a whole day
MAX_ERROR = 1e-9


def scaled(exponent: int) -> st.SearchStrategy[float]:
    """Return numbers of one sign, from 1 to 10 times ten to the power of `exponent`."""
    digits = st.integers(1, 16).flatmap(lambda count: st.integers(10 ** (count - 1), 10**count - 1))
    size = digits.map(lambda whole: float(f"0.{whole}e{exponent + 1}"))
    return st.sampled_from([1, -1]).flatmap(lambda sign: size.map(lambda value: sign * value))


def one_sign(values: Sequence[float]) -> list[float]:
    return [abs(value) if values[0] > 0 else -abs(value) for value in values]


VALUES = (
    st.integers(-12, 15)
    .flatmap(lambda exponent: st.lists(scaled(exponent), min_size=1, max_size=12))
    .map(one_sign)
)
# Steps in seconds, and what they weigh in hundredths.
WEIGHTS = {0.1: 10, 0.2: 20, 0.25: 25, 1.0: 100, 3.0: 300, 10.0: 1000}
STEPS = st.sampled_from([*WEIGHTS])
# The values of an hour repeat, so that Hypothesis chooses few numbers.
RUNS = st.lists(st.tuples(STEPS, st.integers(1, 150)), min_size=1, max_size=4)


def ticks_of(values: Sequence[float], runs: Sequence[tuple[float, int]], start: float) -> list[Tick]:
    """Return ticks without gaps, in runs of a step and a count each."""
    ticks: list[Tick] = []
    time = start
    for step, count in runs:
        for _ in range(count):
            time += step
            ticks.append(Tick(time, step, {"a": values[len(ticks) % len(values)]}))
    return ticks


def exact_mean(ticks: Sequence[Tick]) -> Fraction:
    """Return the mean by whole numbers: as exact as fractions, and much faster."""
    ratios = [tick.values["a"].as_integer_ratio() for tick in ticks]
    # Each is a power of two, so all divide the largest.
    below = max(denominator for _, denominator in ratios)
    weights = [WEIGHTS[tick.step] for tick in ticks]
    products = zip(ratios, weights, strict=True)
    total = sum(above * (below // part) * weight for (above, part), weight in products)
    return Fraction(total, below * sum(weights))


def assert_means(columns: Columns, ticks: Sequence[Tick], step: float) -> None:
    for time_ms, mean, low, high in zip(
        columns.t, columns.mean[0], columns.low[0], columns.high[0], strict=True
    ):
        covered = [tick for tick in ticks if time_ms - 1000 * step < to_milliseconds(tick.time) <= time_ms]
        exact = exact_mean(covered)
        assert low == min(tick.values["a"] for tick in covered)
        assert high == max(tick.values["a"] for tick in covered)
        assert low <= mean <= high
        assert abs(Fraction(mean) - exact) <= MAX_ERROR * abs(exact)


@given(VALUES, RUNS)
@settings(max_examples=amount(60, 1000))
def test_mean_is_exact_in_minutes_hours_blocks_and_columns(
    values: list[float], runs: list[tuple[float, int]]
) -> None:
    ticks = ticks_of(values, runs, START)
    minutes = roll_up(ticks, MINUTE)
    stored = [Point.decode(point.encode()) for point in minutes]
    hours = roll_up(stored, HOUR)
    minute_columns = decode_block(encode_points(stored))
    assert_means(minute_columns, ticks, MINUTE)
    assert_means(decode_block(encode_points(hours)), ticks, HOUR)
    assert_means(downsample(minute_columns, 1000 * HOUR), ticks, HOUR)
    assert_means(downsample(columns_from_ticks(ticks), 1000 * MINUTE), ticks, MINUTE)


MAGNITUDES = [sign * 10.0**exponent for exponent in range(-12, 16) for sign in (1, -1)]
KEYS = [f"value.{number}" for number in range(len(MAGNITUDES))]
HISTORY_END = START + 14 * HOUR


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tick]]:
    """Fourteen hours: of the first six only hours are left, then minutes, at last ticks."""
    folder, chance = tmp_path_factory.mktemp("means"), Random(5)
    ticks = [
        Tick(time, 10.0, {key: size * chance.random() for key, size in zip(KEYS, MAGNITUDES, strict=True)})
        for time in range(START + 10, HISTORY_END + 10, 10)
    ]
    retention = Retention(ticks=HOUR, minutes=HOUR)
    seal(folder, ticks[:-120], retention)
    store = DiskStore(folder, retention=retention)
    store.describe([Metric(key, key, "", "values") for key in KEYS])
    for tick in ticks[-120:]:
        store.append(tick)
    store.close()
    return folder, ticks


def covered(ticks: Sequence[Tick], key: str, end_ms: int, step: float) -> list[Tick]:
    """Return the ticks of one metric in a point, under the name `a`."""
    first = round((end_ms / 1000 - step - START) / 10)
    return [Tick(t.time, t.step, {"a": t.values[key]}) for t in ticks[max(first, 0) :][: round(step / 10)]]


@pytest.mark.parametrize("hours", [(0, 14), (12, 13), (13, 14)])
def test_mean_of_any_magnitude_is_in_frame(history: tuple[Path, list[Tick]], hours: tuple[int, int]) -> None:
    folder, ticks = history
    start, end = ((START + HOUR * hour) * 1000 for hour in hours)
    found = past_frame(DiskReader(folder), start, end)
    assert set(found.y) == set(KEYS)
    for key in KEYS:
        means = found.y[key]
        lows, highs = (found.low[key], found.high[key]) if found.low else (means, means)
        for time_ms, mean, low, high in zip(found.t, means, lows, highs, strict=True):
            exact = float(exact_mean(covered(ticks, key, int(time_ms), found.step)))
            assert low <= mean <= high
            assert mean == pytest.approx(exact, rel=1e-4)


def test_mean_of_any_magnitude_is_in_csv(history: tuple[Path, list[Tick]]) -> None:
    folder, ticks = history
    lines = read(api_of(DiskReader(folder)), f"from={START * 1000}&to={HISTORY_END * 1000}")
    times = np.array(sorted(lines))
    steps = np.diff(times, prepend=START * 1000) / 1000
    assert set(steps) == {HOUR, MINUTE, 10}
    for time_ms, step in zip(times.tolist(), steps.tolist(), strict=True):
        for key, cell in zip(KEYS, lines[time_ms], strict=True):
            part = covered(ticks, key, time_ms, step)
            values = [tick.values["a"] for tick in part]
            assert min(values) <= float(cell) <= max(values)
            assert float(cell) == pytest.approx(float(exact_mean(part)), rel=MAX_ERROR)


@pytest.mark.parametrize(
    "value", [3e-7, -4.9e-7, 1e-12, 2.5e-18, 1e-300, 0.00123456, 1e15, 0.1234567890123456]
)
def test_constant_value_is_same_in_every_level(value: float) -> None:
    ticks = ticks_of([value], [(1.0, 120)], START)
    minutes = roll_up(ticks, MINUTE)
    columns = decode_block(encode_points(minutes))
    assert columns.mean[0].tolist() == [value, value]
    assert decode_block(encode_points(roll_up(minutes, HOUR))).mean[0].tolist() == [value]
    assert downsample(columns_from_ticks(ticks), 60_000).mean[0].tolist() == [value, value]


@pytest.mark.parametrize("interval", [0.1, 0.2, 0.5, 2.0, 5.0, 10.0])
def test_mean_of_minute_is_weighted_by_time_when_interval_changes(interval: float) -> None:
    ticks = ticks_of([0.0], [(1.0, 30)], START)
    ticks += [
        Tick(tick.time, tick.step, {"a": 1.0})
        for tick in ticks_of([1.0], [(interval, round(30 / interval))], START + 30)
    ]
    (minute,) = roll_up(ticks, MINUTE)
    assert decode_block(encode_points([minute])).mean.tolist() == [[0.5]]
    assert decode_block(encode_points(roll_up([minute], HOUR))).mean.tolist() == [[0.5]]
    assert downsample(columns_from_ticks(ticks), 60_000).mean == pytest.approx(0.5, rel=1e-12)


def test_gap_does_not_weigh() -> None:
    before = ticks_of([4.0], [(1.0, 10)], START)
    after = [Tick(START + 50 + n, 1.0, {"a": 8.0}) for n in range(1, 11)]
    (minute,) = roll_up([*before, *after], MINUTE)
    assert (minute.values["a"].total, minute.values["a"].weight) == (120.0, 20)
    assert downsample(columns_from_ticks([*before, *after]), 60_000).mean.tolist() == [[6.0]]


@pytest.mark.parametrize("step", [0.0, -1.0, 1e300])
def test_tick_with_implausible_step_has_mean(step: float) -> None:
    ticks = [Tick(START + n, step, {"a": MAX_VALUE}) for n in range(1, 61)]
    (minute,) = roll_up(ticks, MINUTE)
    assert decode_block(encode_points([minute])).mean.tolist() == [[MAX_VALUE]]
    assert downsample(columns_from_ticks(ticks), 60_000).mean.tolist() == [[MAX_VALUE]]


def test_points_of_older_version_keep_their_mean() -> None:
    """Older versions counted ticks: six in a minute at an interval of ten seconds."""
    old = Point.decode('[1700006460000,60,{"a":[15.0,1.0,4.0,6]}]')
    assert decode_block(encode_points([old])).mean.tolist() == [[2.5]]
    (hour,) = roll_up([old], HOUR)
    assert (hour.values["a"].total, hour.values["a"].weight) == (15.0, 6)


def test_frame_from_log_is_weighted_by_time_when_interval_changes() -> None:
    store = MemoryStore()
    change = START + 1801  # in the middle of a point
    for tick in ticks_of([0.0], [(0.2, 9005), (1.0, 1799)], START):
        store.append(Tick(tick.time, tick.step, {"a": float(tick.step == 1.0)}))
    found = past_frame(store, START * 1000, (START + HOUR) * 1000)
    assert found.step == 2.0
    assert found.y["a"][found.t == (change + 1) * 1000].tolist() == [0.5]


@pytest.mark.parametrize("is_shared", [False, True])
def test_overlay_weighs_each_host_by_its_own_step(is_shared: bool) -> None:
    fleet = Fleet(Clock())
    fast, slow = fleet.add("fast"), fleet.add("slow")
    end = NOW // 60 * 60
    # Only one of the hosts has another interval in the second half.
    for host, step in ((fast, 0.2), (slow, 1.0)):
        for tick in ticks_of([0.0], [(1.0, 30), (step, round(30 / step))], end - 60):
            values = {**host.tick(tick.time).values, "cpu.percent": float(tick.time > end - 30)}
            host.store.append(Tick(tick.time, tick.step, values))
    for host in (fast, slow):
        host.arrived_ms = to_milliseconds(NOW)
    compared = overlay(fleet)
    reader = SharedViewReader(compared, SharedView(("cpu",), 3600.0)) if is_shared else compared
    ticks, _is_whole = reader.snapshot().ticks(to_milliseconds(end - 60), to_milliseconds(NOW), None)
    columns = downsample(ticks, 60_000)
    means = dict(zip(columns.keys, columns.mean[:, 0], strict=True))
    means = {key: mean for key, mean in means.items() if key.endswith("cpu.percent")}
    assert means == pytest.approx({"fast/cpu.percent": 0.5, "slow/cpu.percent": 0.5}, rel=1e-12)


NUMBERS = st.floats(-MAX_VALUE, MAX_VALUE, allow_nan=False)


@given(st.lists(NUMBERS, min_size=1, max_size=20), st.sampled_from([5, 12]))
def test_round_significant_keeps_digits_and_order(numbers: list[float], digits: int) -> None:
    row = np.sort(np.array([*numbers, 0.0, np.nan]))
    rounded = round_significant(row, digits)
    assert np.isnan(rounded[-1])
    assert (np.diff(rounded[:-1]) >= 0).all()
    np.testing.assert_allclose(rounded[:-1], row[:-1], rtol=10.0 ** (1 - digits), atol=0)


def test_day_of_largest_values_has_mean() -> None:
    ticks = [Tick(START + HOUR * n, 60.0, {"a": MAX_VALUE}) for n in range(1, 25)]
    hours = decode_block(encode_points(roll_up(ticks, HOUR)))
    assert downsample(hours, DAY * 1000).mean.tolist() == [[MAX_VALUE]]
