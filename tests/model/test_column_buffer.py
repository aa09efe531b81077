"""The buffer of columns holds the same ticks as a list, and what it returned never changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.model import column_buffer
from dashapp.model.column_buffer import ColumnBuffer
from dashapp.model.columns import Columns, columns_from_ticks
from dashapp.model.ticks import Tick

VALUES = st.dictionaries(st.sampled_from("abcdefg"), st.floats(-1e300, 1e300), max_size=5)
BATCHES = st.lists(st.lists(VALUES, max_size=6), max_size=12)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the buffer grow and drop ticks after a few."""
    monkeypatch.setattr(column_buffer, "MIN_CAPACITY", 2)
    monkeypatch.setattr(column_buffer, "MIN_TICKS", 3)


def ticks_of(batches: list[list[dict[str, float]]], first: int) -> list[list[Tick]]:
    numbers = iter(range(first, first + 1000))
    return [[Tick(next(numbers), 1.0, values) for values in batch] for batch in batches]


def copy_of(columns: Columns) -> tuple[bytes, bytes, tuple[str, ...], bytes]:
    return columns.t.tobytes(), columns.step.tobytes(), columns.keys, columns.mean.tobytes()


@given(BATCHES, st.integers(1, 20))
def test_column_buffer_holds_newest_ticks_and_returns_constant_columns(
    batches: list[list[dict[str, float]]], max_ticks: int
) -> None:
    buffer, expected = ColumnBuffer(max_ticks, float("inf")), list[Tick]()
    returned = []
    for batch in ticks_of(batches, 1):
        buffer.append(batch)
        expected += batch
        columns = buffer.columns()
        assert columns.ticks() == expected[-max_ticks:]
        returned.append((columns, copy_of(columns)))
    assert buffer.removed == max(0, len(expected) - max_ticks)
    for columns, copy in returned:
        assert copy_of(columns) == copy


@given(BATCHES, BATCHES, st.integers(1, 40))
def test_column_buffer_prepends_newest_ticks_that_fit(
    older: list[list[dict[str, float]]], newer: list[list[dict[str, float]]], max_ticks: int
) -> None:
    buffer = ColumnBuffer(max_ticks, float("inf"))
    before = [tick for batch in ticks_of(older, 1) for tick in batch]
    after = [tick for batch in ticks_of(newer, 500) for tick in batch]
    buffer.append(after)
    columns = buffer.columns()
    copy = copy_of(columns)
    fitting = buffer.prepend(before)
    assert buffer.columns().ticks() == (before + after)[-max_ticks:]
    assert fitting == min(len(before), max(0, max_ticks - len(after)))
    assert copy_of(columns) == copy
    (more,) = ticks_of([[{"a": 1.0}, {"z": 2.0}]], 900)
    buffer.append(more)
    assert buffer.columns().ticks() == (before + after + more)[-max_ticks:]


@pytest.mark.parametrize("metrics", [1, 10, 100])
def test_column_buffer_limits_values(metrics: int) -> None:
    buffer = ColumnBuffer(1000, 500)
    for second in range(1, 600):
        buffer.append([Tick(second, 1.0, {f"m{number}": 1.0 for number in range(metrics)})])
    assert len(buffer.columns().t) == max(500 // metrics, column_buffer.MIN_TICKS)


def test_column_buffer_forgets_keys_without_values() -> None:
    """Names of processes can change with every tick."""
    buffer = ColumnBuffer(10, float("inf"))
    for second in range(1, 500):
        buffer.append([Tick(second, 1.0, {"same": 1.0, f"m{second}": 2.0})])
    columns = buffer.columns()
    assert len(columns.keys) <= 40
    assert len(columns.select(None).keys) == 11


@given(
    st.lists(VALUES, max_size=8), st.integers(-1, 9), st.integers(-1, 9), st.sets(st.sampled_from("abcxyz"))
)
def test_columns_select_and_between_equal_columns_of_those_ticks(
    rows: list[dict[str, float]], start: int, end: int, keys: set[str]
) -> None:
    ticks = [Tick(second, 1.0, values) for second, values in enumerate(rows)]
    buffer = ColumnBuffer(100, float("inf"))
    buffer.append(ticks)
    part = buffer.columns().between(1000 * start, 1000 * end)
    for requested in (None, sorted(keys)):
        expected = columns_from_ticks([tick for tick in ticks if start < tick.time <= end], requested)
        selected = part.select(requested)
        assert set(selected.keys) == set(expected.keys)
        assert requested is None or selected.keys == expected.keys
        assert selected.ticks() == expected.ticks()
        assert np.array_equal((selected.weight > 0).sum(axis=1), (~np.isnan(selected.mean)).sum(axis=1))
