"""Roll-up counts each tick once, whatever the gaps and the steps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from spans import roll_up

from dashapp.model.rollup import Point, point_end_ms
from dashapp.model.ticks import Tick

VALUES = st.integers(-(10**6), 10**6).map(lambda whole: whole / 10)
TICKS = st.lists(st.tuples(st.integers(1, 400), VALUES), min_size=1, max_size=200).map(
    lambda gaps: [
        Tick(1_700_000_000 + sum(gap for gap, _ in gaps[: place + 1]), 1.0, {"a": value})
        for place, (_, value) in enumerate(gaps)
    ]
)


@given(TICKS, st.sampled_from([60, 600, 3600]))
def test_roll_up_counts_every_tick_in_one_point(ticks: list[Tick], step: int) -> None:
    points = roll_up(ticks, step)
    assert sum(point.values["a"].weight for point in points) == len(ticks)
    for point in points:
        there = [t.values["a"] for t in ticks if point.time_ms - step * 1000 < t.time * 1000 <= point.time_ms]
        assert point.values["a"].low == min(there)
        assert point.values["a"].high == max(there)
        assert abs(point.values["a"].total - sum(there)) < 1e-5


@given(TICKS)
def test_roll_up_of_minutes_equals_roll_up_of_ticks(ticks: list[Tick]) -> None:
    direct = roll_up(ticks, 3600)
    through = roll_up(roll_up(ticks, 60), 3600)
    assert [(p.time_ms, p.values["a"][1:]) for p in direct] == [
        (p.time_ms, p.values["a"][1:]) for p in through
    ]
    for one, other in zip(direct, through, strict=True):
        assert abs(one.values["a"].total - other.values["a"].total) < 1e-5


def test_point_end_includes_tick_on_boundary() -> None:
    assert point_end_ms(60_000, 60) == 60_000
    assert point_end_ms(60_001, 60) == 120_000


def test_roll_up_counts_only_ticks_that_have_metric() -> None:
    ticks = [Tick(61, 1.0, {"a": 1}), Tick(62, 1.0, {"a": 3, "b": 8}), Tick(63, 1.0, {"b": 2})]
    (point,) = roll_up(ticks, 60)
    assert point.values["a"] == (4, 1, 3, 2)
    assert point.values["b"] == (10, 2, 8, 2)


def test_point_survives_encode_and_decode() -> None:
    (point,) = roll_up([Tick(61, 1.0, {"a": 1.5})], 60)
    assert Point.decode(point.encode()) == point
