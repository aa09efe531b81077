"""Frames: gaps for missing ticks, and the same result whole or streamed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tick_pages import cursor_start

from dashapp.model.ticks import Tick
from dashapp.query import frames
from dashapp.stores.memory import MemoryStore


def store_of(times: list[float], step: float = 1.0, keep: int = 100_000) -> MemoryStore:
    store = MemoryStore(keep)
    for time in times:
        assert store.append(Tick(time, step, {"a": time, **({"b": -time} if round(time) % 2 else {})}))
    return store


@dataclass(frozen=True)
class Lists:
    """A frame as plain lists, None for no value."""

    cursor: str
    reset: bool
    step: float
    t: list[int]
    y: dict[str, list[float | None]]


def frame(
    store: MemoryStore, window: float, cursor: str = "", metrics: set[str] | None = None, step: float = 1.0
) -> Lists:
    found = frames.live_frame(store, window, cursor, metrics, step)
    columns = {
        key: [None if math.isnan(value) else value for value in column.tolist()]
        for key, column in found.y.items()
    }
    return Lists(found.cursor, found.reset, found.step, found.t.tolist(), columns)


def seconds(found: Lists) -> list[float]:
    return [time / 1000 for time in found.t]


def test_frame_has_columns_of_equal_length() -> None:
    found = frame(store_of([1, 2, 3]), 100)
    assert found.t == [1000, 2000, 3000]
    assert found.y == {"a": [1, 2, 3], "b": [-1, None, -3]}
    assert (found.reset, found.step) == (True, 1.0)


def test_frame_of_empty_store_is_empty() -> None:
    store = MemoryStore()
    found = frame(store, 100, step=7)
    assert (found.t, found.y, found.reset, found.step) == ([], {}, True, 7)
    store.append(Tick(5, 1, {"a": 5}))
    assert frame(store, 100, found.cursor).t == [5000]


@pytest.mark.parametrize(("window", "count"), [(10, 10), (10.5, 11), (99, 99), (100, 100), (7200, 100)])
def test_window_ends_at_newest_tick(window: float, count: int) -> None:
    found = frame(store_of([float(n) for n in range(1, 101)]), window)
    assert seconds(found) == list(range(101 - count, 101))


def test_frame_contains_only_requested_metrics() -> None:
    store = store_of([1, 2])
    assert set(frame(store, 100, metrics={"b", "nothing"}).y) == {"b"}
    assert frame(store, 100, metrics={"nothing"}).t == [1000, 2000]


@pytest.mark.parametrize(
    ("times", "step", "holes"),
    [
        ([1, 2, 3], 1, []),
        ([1, 2, 3.5], 1, []),
        ([1, 2, 4], 1, [3]),
        ([1, 2, 100], 1, [3, 99]),
        ([1, 2, 5], 1, [3, 4]),
        ([0.1, 0.2, 0.3, 0.5], 0.1, [0.4]),
        ([60, 120, 240], 60, [180]),
        ([1, 3, 5], 1, [2, 4]),
    ],
)
def test_gap_has_empty_point_one_step_from_each_edge(
    times: list[float], step: float, holes: list[float]
) -> None:
    found = frame(store_of(times, step), 1000)
    empty = [time for time, value in zip(seconds(found), found.y["a"], strict=True) if value is None]
    assert empty == holes
    assert seconds(found) == sorted({*times, *holes})


def test_frame_has_no_gap_after_interval_increases() -> None:
    store = store_of([1, 2, 3])
    for time in (60.0, 120.0):
        store.append(Tick(time, 60, {"a": 1}))
    assert None not in frame(store, 1000).y["a"]


@pytest.mark.parametrize("slow", [3, 5, 10, 60])
def test_coarse_frame_shows_only_real_gaps_of_slower_past(slow: int) -> None:
    store = MemoryStore(100_000)
    out = range(1200, 1200 + 20 * slow)
    for second in (second for second in range(slow, 2401, slow) if second not in out):
        assert store.append(Tick(second, float(slow), {"a": 1}))
    for second in range(2401, 3601):
        assert store.append(Tick(second, 1.0, {"a": 1}))
    found = frame(store, 3600)
    holes = [time for time, value in zip(seconds(found), found.y["a"], strict=True) if value is None]
    assert found.step == 2
    assert len(holes) == 2
    assert out.start - slow < holes[0] < holes[1] < out.stop + slow


def test_streamed_frame_contains_gap_before_new_tick() -> None:
    store = store_of([1, 2])
    cursor = frame(store, 100).cursor
    store.append(Tick(10, 1, {"a": 10}))
    found = frame(store, 100, cursor)
    assert (seconds(found), found.y["a"], found.reset) == ([3, 9, 10], [None, None, 10], False)


@pytest.mark.parametrize("cursor", ["", "x", f"{'A' * 11}.1000", "LIFE.9000", "LIFE.1500", "LIFE.0"])
def test_frame_resets_when_cursor_is_unknown(cursor: str) -> None:
    store = store_of([1, 2, 3])
    found = frame(store, 100, cursor.replace("LIFE", cursor_start(store)))
    assert (seconds(found), found.reset) == ([1, 2, 3], True)


def test_frame_resets_when_cursor_is_older_than_window() -> None:
    store = store_of([float(n) for n in range(1, 51)])
    life = cursor_start(store)
    assert frame(store, 10, f"{life}.40000").reset is False
    assert frame(store, 10, f"{life}.39000").reset is True


def test_frame_resets_when_tick_of_cursor_has_expired() -> None:
    store = store_of([float(n) for n in range(1, 51)], keep=20)
    life = cursor_start(store)
    assert frame(store, 100, f"{life}.31000").reset is False
    found = frame(store, 100, f"{life}.30000")
    assert (found.reset, len(found.t)) == (True, 20)


@given(
    gaps=st.lists(st.sampled_from([1, 1, 1, 1, 2, 3, 50]), min_size=1, max_size=60),
    reads=st.sets(st.integers(0, 60)),
)
def test_streamed_frames_equal_whole_frame(gaps: list[int], reads: set[int]) -> None:
    store = MemoryStore()
    cursor, t, a = "", list[int](), list[float | None]()
    time = 1000.0
    for number, gap in enumerate([*gaps, 1]):
        if number in reads or number == len(gaps):
            found = frame(store, 1e6, cursor)
            assert found.reset is (not t)
            cursor = found.cursor
            t += found.t
            a += found.y.get("a", [])
        time += gap
        store.append(Tick(time, 1, {"a": number}))
    found = frame(store, 1e6, cursor)
    whole = frame(store, 1e6)
    assert t + found.t == whole.t
    assert a + found.y["a"] == whole.y["a"]
    assert all(old < new for old, new in pairwise(whole.t))


def test_frame_keeps_significant_digits_of_small_values() -> None:
    store = MemoryStore()
    values = {"rate": 1.04312, "tiny": 0.000123456, "least": 3e-14, "share": 12.3456, "large": 123456.789012}
    store.append(Tick(1000.0, 1.0, values | {"nought": 0.0, "below": -0.00098765}))
    found = frame(store, 100).y
    assert found == {
        "rate": [1.0431],
        "tiny": [0.00012346],
        "least": [3e-14],
        "share": [12.346],
        "large": [123456.789],
        "nought": [0.0],
        "below": [-0.00098765],
    }


@pytest.mark.parametrize("points", [10, 400, 2000])
def test_coarse_frames_have_at_most_requested_points(points: int) -> None:
    store = store_of([float(time) for time in range(1, 5001)])
    # Ticks stay ticks, however many are requested.
    assert len(frames.live_frame(store, 1500, max_points=points).t) == 1500
    for found in (
        frames.live_frame(store, 5000, max_points=points),
        frames.past_frame(store, 0, 5_000_000, max_points=points),
    ):
        assert found.is_coarse
        assert 0.4 * points < len(found.t) <= points
        assert (min(found.low["a"]), max(found.high["a"])) == (1, found.t[-1] / 1000)
    # A reader that follows keeps its points.
    first = frames.live_frame(store, 5000, max_points=points)
    assert not frames.live_frame(store, 5000, first.cursor, max_points=points).reset
