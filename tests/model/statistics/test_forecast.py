"""Forecasts: the right time for series that fill up, and none if it is not certain."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.model.statistics.forecast import DAY_S, HOUR_S, YEAR_S, Forecast, rising_trend
from dashapp.model.statistics.times import describe_forecast, whole_hour

NOW = 1_795_219_200.0
WEEK = 168

Series = Callable[[int], float]


def forecast(series: Series, count: int = WEEK, limit: float = 100, age: int = 0) -> Forecast | None:
    """Return the forecast of so many hours, whose values are a function of their number."""
    hours = [
        (NOW - (count - index + age) * HOUR_S + HOUR_S / 2, value)
        for index in range(count)
        if not math.isnan(value := series(index))
    ]
    trend = rising_trend(hours, NOW)
    return trend.forecast(limit) if trend else None


def days_left(result: Forecast | None) -> float:
    assert result is not None
    return (result.at - NOW) / DAY_S


def noise(seed: int, width: float) -> Callable[[], float]:
    chance = random.Random(seed)
    return lambda: chance.gauss(0, width)


def outliers(seed: int) -> Callable[[], float]:
    chance = random.Random(seed)
    return lambda: chance.uniform(-40, 40) if chance.random() < 0.2 else 0.0


def rise(index: int, per_day: float = 2.0) -> float:
    """Return a value that rises from 60 and reaches 100 after 20 days: 13 days after a week."""
    return 60 + (index + 0.5) * per_day / 24


def test_forecast_of_a_line_is_exact() -> None:
    result = forecast(rise)
    assert days_left(result) == pytest.approx(13)
    assert result is not None
    assert result.latest is not None
    assert (result.earliest, result.latest) == pytest.approx((result.at, result.at))
    assert NOW - result.since == pytest.approx(7 * DAY_S)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("disturb", [lambda seed: noise(seed, 1.0), outliers])
def test_forecast_contains_the_time_of_a_disturbed_line(
    seed: int, disturb: Callable[[int], Callable[[], float]]
) -> None:
    disturbance = disturb(seed)
    result = forecast(lambda index: rise(index) + disturbance())
    assert days_left(result) == pytest.approx(13, rel=0.1)
    assert result is not None
    assert result.latest is not None
    margin = 0.5 * DAY_S
    assert result.earliest - margin < NOW + 13 * DAY_S < result.latest + margin


DISTURBED: dict[str, tuple[Series, float]] = {
    "daily cycle": (lambda index: rise(index) + 2 * math.sin(math.tau * index / 24), 13),
    "small weekly cycle": (lambda index: rise(index) + 0.5 * math.sin(math.tau * index / WEEK), 13),
    "a step each night": (lambda index: 60.0 + 2 * (index // 24), 13.5),
    "rounded": (lambda index: round(rise(index, 0.4), 1), 93),
    "a gap of two days": (lambda index: math.nan if 60 <= index < 108 else rise(index), 13),
    "off at night": (lambda index: math.nan if index % 24 < 10 else rise(index), 13),
    "a file of 10 % after three days": (lambda index: rise(index) + 10 * (index >= 72), 8),
    "smaller file system after three days": (
        lambda index: rise(index) * (1 if index < 72 else 1.2),
        11.2 / 2.4,
    ),
    "growth for three days": (lambda index: 60 + max(0.0, index + 0.5 - 96) * 3 / 24, 31 / 3),
    "a deletion of 4 % on the first day": (lambda index: rise(index) - 4 * (index >= 20), 15),
}


@pytest.mark.parametrize("name", DISTURBED)
def test_forecast_is_right_for_a_series_that_is_no_plain_line(name: str) -> None:
    series, days = DISTURBED[name]
    assert days_left(forecast(series)) == pytest.approx(days, rel=0.1)


UNCERTAIN: dict[str, Series] = {
    "flat": lambda index: 60.0,
    "flat and noisy": lambda index: 60 + random.Random(index).gauss(0, 1),
    "falling": lambda index: 100 - rise(index),
    "full and flat": lambda index: 100.0,
    "daily cycle": lambda index: 60 + 20 * math.sin(math.tau * index / 24),
    "weekly cycle": lambda index: 60 + 20 * math.sin(math.tau * index / WEEK + 3),
    "one jump": lambda index: 40.0 + 20 * (index >= 80),
    "one jump yesterday": lambda index: 40.0 + 20 * (index >= 150),
    "deletion yesterday": lambda index: rise(index) - 12 * (index >= 150),
    "deletion four days ago": lambda index: rise(index) - 20 * (index >= 72),
    "a larger file system": lambda index: rise(index) * (1 if index < 72 else 0.5),
    "stopped yesterday": lambda index: rise(min(index, 144)),
    "stopped three days ago": lambda index: rise(min(index, 96)),
    "rises since some hours": lambda index: 60.0 + max(0, index - 156),
    "slower and slower": lambda index: 50 + 8 * math.log(index + 1),
    "later than a year": lambda index: 20 + index * 0.005,
    "empty": lambda index: math.nan,
    "one of three days": lambda index: rise(index) if index < 24 else math.nan,
    "every tenth hour": lambda index: math.nan if index % 10 else rise(index),
}
SAWTOOTH_HOURS = [2, 6, 12, 24, 36, 48, 60, 72, 84, 100, 150]


@pytest.mark.parametrize("name", UNCERTAIN)
def test_there_is_no_forecast_if_it_is_not_certain(name: str) -> None:
    assert forecast(UNCERTAIN[name]) is None


@pytest.mark.parametrize("hours", SAWTOOTH_HOURS)
@pytest.mark.parametrize("phase", [0, 0.3, 0.9])
def test_there_is_no_forecast_of_a_sawtooth(hours: int, phase: float) -> None:
    assert forecast(lambda index: 40 + 20 * math.modf(index / hours + phase)[0]) is None


@pytest.mark.parametrize("count", [0, 1, 3, 23])
def test_there_is_no_forecast_of_less_than_a_day(count: int) -> None:
    assert forecast(rise, count) is None


def test_a_day_is_enough_for_a_forecast() -> None:
    assert days_left(forecast(rise, 24)) == pytest.approx(19)


def test_there_is_no_forecast_if_the_newest_hours_are_missing() -> None:
    assert forecast(rise, age=2) is not None
    assert forecast(rise, age=4) is None


def test_older_hours_than_a_week_do_not_count() -> None:
    assert days_left(forecast(lambda index: 90 if index < 300 else rise(index - 300), 300 + WEEK)) == (
        pytest.approx(13)
    )


def test_there_is_no_forecast_above_the_limit() -> None:
    assert forecast(rise, limit=70) is None


def test_forecast_reaches_a_year_after_a_week_and_less_after_a_day() -> None:
    assert forecast(lambda index: rise(index, 0.12), limit=102) is not None
    assert forecast(lambda index: rise(index, 0.12), 24, limit=80) is None
    assert days_left(forecast(lambda index: rise(index, 0.12), limit=90)) < 365


@pytest.mark.parametrize("correlation", [1.0, 0.99, 0.9])
def test_a_series_that_only_wanders_seldom_has_a_forecast(correlation: float) -> None:
    """Memory wanders. With independent points as a model, half of these series would rise."""
    chance = random.Random(3)

    def wander() -> list[float]:
        value, values = 0.0, []
        for _ in range(WEEK):
            value = correlation * value + chance.gauss(0, 1)
            values.append(60 + value)
        return values

    series = [wander() for _ in range(60)]
    assert sum(forecast(values.__getitem__) is not None for values in series) <= 3


def test_interval_has_the_right_time_of_a_series_that_grows_by_random_amounts() -> None:
    """The hours are dependent. An interval for independent hours would miss half of these."""
    chance = random.Random(4)
    results = []
    for _ in range(60):
        value, values = 50.0, []
        for _ in range(WEEK):
            value += chance.expovariate(1) * 0.05
            values.append(value + chance.gauss(0, 0.05))
        result = forecast(values.__getitem__)
        if result is not None:
            right = NOW + (100 - value) / 0.05 * HOUR_S
            results.append(result.earliest <= right <= (result.latest or math.inf))
    assert len(results) >= 54
    assert sum(results) >= 0.9 * len(results)


@given(st.integers(0, 5), st.floats(0.01, 1e6), st.floats(-1e6, 1e6))
def test_forecast_does_not_depend_on_the_unit(seed: int, scale: float, shift: float) -> None:
    disturb = noise(seed, 0.5)
    values = [rise(index) + disturb() for index in range(WEEK)]
    expected = days_left(forecast(values.__getitem__))
    result = forecast(lambda index: scale * values[index] + shift, limit=scale * 100 + shift)
    assert days_left(result) == pytest.approx(expected, rel=1e-3)


@given(st.lists(st.floats(0, 100) | st.just(math.nan), min_size=WEEK, max_size=WEEK))
def test_forecast_of_any_series_is_later_than_now(values: list[float]) -> None:
    result = forecast(values.__getitem__)
    if result is not None:
        assert NOW < result.earliest <= result.at <= NOW + YEAR_S
        assert result.latest is None or result.at <= result.latest


WORDS = [
    (5, 3, 9, "in 5 days (3 to 9)"),
    (2, 1, 3, "in 2 days (1 to 3)"),
    (5, 5, 5.2, "in 5 days"),
    (1, 0.5, 1.5, "in 24 hours (12 to 36)"),
    (0.01, 0.005, 0.02, "in 1 hour (0 to 1)"),
    (300, 200, None, "in 300 days (200 to more than 365)"),
]


@pytest.mark.parametrize(("at", "earliest", "latest", "words"), WORDS)
def test_describe_forecast_has_one_unit(at: float, earliest: float, latest: float | None, words: str) -> None:
    line = rising_trend([(NOW - index * HOUR_S, -float(index)) for index in range(30, 0, -1)], NOW)
    assert line is not None
    end = None if latest is None else NOW + latest * DAY_S
    result = Forecast(100, line.line, 0, NOW + at * DAY_S, NOW + earliest * DAY_S, end)
    assert describe_forecast(result, NOW) == words


def test_whole_hour_ends_a_quarter_of_an_hour_ago() -> None:
    assert whole_hour(NOW + 899) == NOW - HOUR_S
    assert whole_hour(NOW + 900) == NOW
