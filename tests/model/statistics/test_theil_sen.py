"""The Theil-Sen line: its numbers are those of scipy, and it follows its points."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.model.statistics.theil_sen import SlopeSet, kendall_deviation, median

# Of scipy 1.17.1, scipy.stats.theilslopes(y, t, 0.95): slope, intercept, low, high of the points below.
SCIPY = [
    (1, 24, False, False, 0.3122226146165758, -0.13039557891645925, 0.12590326415301992, 0.4941788836408597),
    (2, 56, True, False, 0.23404255319148937, -0.43617021276595747, 0.17647058823529413, 0.29411764705882354),
    (3, 84, False, True, 0.22126309998156724, -0.6514224066414105, 0.1873894610608562, 0.25604014117271934),
    (4, 168, True, True, 0.25735294117647056, -0.9889705882352935, 0.24719101123595505, 0.26785714285714285),
]


def noisy_points(seed: int, count: int, ties: bool, gaps: bool) -> tuple[list[float], list[float]]:
    chance = random.Random(seed)
    times = [float(index) for index in range(count) if not (gaps and index % 7 in (2, 3))]
    values = [0.25 * time + chance.gauss(0, 3) for time in times]
    return times, [float(round(value)) for value in values] if ties else values


@pytest.mark.parametrize(("seed", "count", "ties", "gaps", "slope", "intercept", "low", "high"), SCIPY)
def test_line_has_the_numbers_of_scipy(
    seed: int, count: int, ties: bool, gaps: bool, slope: float, intercept: float, low: float, high: float
) -> None:
    line = SlopeSet(*noisy_points(seed, count, ties, gaps)).line()
    assert (line.slope, line.intercept, line.low, line.high) == pytest.approx((slope, intercept, low, high))


@given(
    st.lists(st.integers(-1000, 1000), min_size=3, max_size=40),
    st.integers(-1000, 1000),
    st.integers(1, 100),
    st.integers(-1000, 1000),
)
def test_line_moves_and_scales_with_its_points(values: list[int], shift: int, scale: int, delay: int) -> None:
    times = [float(index) for index in range(len(values))]
    line = SlopeSet(times, [float(value) for value in values]).line()
    moved = SlopeSet([time + delay for time in times], [scale * value + shift for value in values]).line()
    assert (moved.slope, moved.low, moved.high) == pytest.approx(
        (scale * line.slope, scale * line.low, scale * line.high)
    )
    assert moved.value(times[-1] + delay) == pytest.approx(scale * line.value(times[-1]) + shift, abs=1e-6)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), st.floats(1, 50))
def test_interval_contains_the_slope_and_grows_with_inflation(values: list[float], inflation: float) -> None:
    slopes = SlopeSet([float(index) for index in range(len(values))], values)
    line, wider = slopes.line(), slopes.line(inflation)
    assert wider.low <= line.low <= line.slope <= line.high <= wider.high


def test_line_is_exact_with_a_fifth_of_wrong_points() -> None:
    values = [float(index) if index % 5 else 500.0 * (-1) ** index for index in range(100)]
    line = SlopeSet([float(index) for index in range(100)], values).line()
    assert line.slope == pytest.approx(1, abs=0.01)


def test_deviation_without_two_different_values_is_zero() -> None:
    assert kendall_deviation([3.0] * 20) == 0
    assert kendall_deviation([]) == 0


@pytest.mark.parametrize(("values", "middle"), [([3.0], 3), ([4.0, 1.0], 2.5), ([9.0, 1.0, 5.0], 5)])
def test_median_is_the_middle_value(values: list[float], middle: float) -> None:
    assert median(values) == middle
