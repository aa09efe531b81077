"""The demo's random walks: plausible, and equal for an equal seed and time."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from itertools import pairwise

import pytest
from clocks import FakeClock
from thorough import amount

from dashapp.sources.external.demo import (
    DEVIATION_PER_SQRT_S,
    WALK_SPAN_S,
    DemoSource,
    make_source,
    random_walk,
)


def rates(clock: FakeClock, seed: int = 1) -> Mapping[str, float]:
    return {metric.key: value for metric, value in DemoSource(seed, clock.wall).read().items()}


def test_demo_continues_walk_after_restart() -> None:
    clock = FakeClock()
    assert rates(clock) == rates(clock)
    assert set(rates(clock)) == {"demo.eurusd", "demo.gbpusd"}
    before = rates(clock)
    clock.pass_time(1)
    after = rates(clock)
    assert before != after
    clock.jump(-1)
    assert rates(clock) == before
    assert rates(clock, 2) != before
    for key in before:
        assert abs(after[key] / before[key] - 1) < 0.001


def test_demo_values_depend_only_on_seed_and_time() -> None:
    assert [*DemoSource(1, lambda: 1_800_000_000.0).read().values()] == [1.0806, 1.39609]


def test_demo_rates_stay_plausible_over_two_years() -> None:
    for seed in range(amount(2, 5)):
        for day in range(0, 800, 7):
            values = [*DemoSource(seed, lambda day=day: 1_790_000_000 + 86_400 * day).read().values()]  # type: ignore[misc]
            assert 0.7 < values[0] < 1.6
            assert 0.8 < values[1] < 1.9


@pytest.mark.parametrize("step", [1, 60, 3600])
def test_random_walk_steps_grow_with_square_root_of_time(step: int) -> None:
    places = [random_walk("x", 1_790_000_000 + step * count, 1.0) for count in range(1000)]
    steps = [new - old for old, new in pairwise(places)]
    assert statistics.stdev(steps) == pytest.approx(step**0.5, rel=0.1)
    assert abs(statistics.mean(steps)) < 0.1 * step**0.5


def test_random_walk_is_continuous_at_span_edge() -> None:
    edge = 27 * WALK_SPAN_S
    assert (
        abs(random_walk("x", edge - 0.2, DEVIATION_PER_SQRT_S) - random_walk("x", edge, DEVIATION_PER_SQRT_S))
        < 10 * DEVIATION_PER_SQRT_S
    )


@pytest.mark.parametrize("rest", ["x", "1.5", "1;2"])
def test_demo_seed_is_rejected_when_not_a_whole_number(rest: str) -> None:
    with pytest.raises(ValueError, match="whole number"):
        make_source(rest, 1.0)
