"""The newest ticks as columns: a frame is a slice of one matrix, which grows at its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dashapp.model.columns import Columns, Matrix, has_value
from dashapp.model.ticks import Tick, to_milliseconds

# Ticks and metrics for which the first matrix has room.
MIN_CAPACITY = 128
# Ticks that the buffer keeps however many values each has.
MIN_TICKS = 16


class ColumnBuffer:
    """At most `max_ticks` ticks, and fewer if they have more than `max_values` values.

    Columns that it returned never change, because it writes only after their end. Not thread-safe.
    """

    def __init__(self, max_ticks: int, max_values: float) -> None:
        self._max_ticks = max_ticks
        self._max_values = max_values
        # The number of ticks that were removed to make room.
        self.removed = 0
        self._clear()

    def _clear(self) -> None:
        self._row_by_key: dict[str, int] = {}
        self._keys: tuple[str, ...] = ()
        self._first = self._end = 0
        self._t: NDArray[np.int64] = np.empty(0, np.int64)
        self._step: Matrix = np.empty(0)
        # A row for each metric and a column for each tick, with room for more of both.
        self._values: Matrix = np.empty((0, 0))

    def columns(self) -> Columns:
        """Return all ticks, each as a point. Some keys may have no value."""
        part = slice(self._first, self._end)
        values = self._values[: len(self._keys), part]
        return Columns(self._t[part], self._step[part], self._keys, values, values, values)

    def append(self, ticks: Iterable[Tick]) -> None:
        """Add ticks that are newer than all others."""
        for tick in ticks:
            self._append(tick)

    def prepend(self, ticks: Sequence[Tick]) -> int:
        """Add ticks that come directly before the others. Return how many fitted, the newest ones."""
        newer = self.columns()
        missing = len(set().union(*(tick.values for tick in ticks)) - self._row_by_key.keys())
        fitting = max(0, self._limit(len(self._keys) + missing) - len(newer.t))
        older = ticks[-fitting:] if fitting else []
        if older:
            self._clear()
            self.append(older)
            self._append_columns(newer)
        return len(older)

    def _append(self, tick: Tick) -> None:
        values = tick.values
        has_same_keys = tuple(values) == self._keys
        if not has_same_keys or self._end == len(self._t):
            self._make_room(values, 1)
            has_same_keys = tuple(values) == self._keys
        end = self._end
        self._t[end] = to_milliseconds(tick.time)
        self._step[end] = tick.step
        numbers = np.fromiter(values.values(), float, len(values))
        if has_same_keys:
            self._values[: len(numbers), end] = numbers
        else:
            self._values[: len(self._keys), end] = np.nan
            self._values[[self._row_by_key[key] for key in values], end] = numbers
        self._end += 1
        excess = self._end - self._first - self._limit(len(self._keys))
        if excess > 0:
            self._first += excess
            self.removed += excess

    def _append_columns(self, columns: Columns) -> None:
        self._make_room(columns.keys, len(columns.t))
        part = slice(self._end, self._end + len(columns.t))
        self._t[part], self._step[part] = columns.t, columns.step
        self._values[: len(self._keys), part] = np.nan
        self._values[[self._row_by_key[key] for key in columns.keys], part] = columns.mean
        self._end = part.stop

    def _make_room(self, keys: Iterable[str], ticks: int) -> None:
        """Make room for more ticks, which have these keys."""
        new_keys = [key for key in keys if key not in self._row_by_key]
        has_rows = len(self._keys) + len(new_keys) <= len(self._values)
        if not has_rows or self._end + ticks > len(self._t):
            new_keys = self._reallocate(keys, ticks)
        if new_keys:
            count = len(self._keys)
            self._set_keys((*self._keys, *new_keys))
            self._values[count : len(self._keys), : self._end] = np.nan

    def _set_keys(self, keys: tuple[str, ...]) -> None:
        self._keys = keys
        self._row_by_key = {key: row for row, key in enumerate(keys)}

    def _limit(self, metrics: int) -> int:
        """Return the maximum number of ticks of that many metrics."""
        ticks = min(self._max_ticks, self._max_values // max(1, metrics))
        return max(int(ticks), min(self._max_ticks, MIN_TICKS))

    def _reallocate(self, keys: Iterable[str], ticks: int) -> list[str]:
        """Copy what has values into larger arrays. Return those of `keys` that are new."""
        old = self.columns()
        is_used = has_value(old.mean)
        self._set_keys(tuple(key for key, used in zip(old.keys, is_used, strict=True) if used))
        new_keys = [key for key in keys if key not in self._row_by_key]
        metrics, count = len(self._keys) + len(new_keys), len(old.t) + ticks
        limit = self._limit(metrics)
        capacity = max(count, min(2 * count, limit + limit // 4), MIN_CAPACITY)
        values = np.empty((max(metrics + metrics // 4, MIN_CAPACITY), capacity))
        values[: len(self._keys), : len(old.t)] = old.mean[is_used]
        t, step = np.empty(capacity, np.int64), np.empty(capacity)
        t[: len(old.t)], step[: len(old.t)] = old.t, old.step
        self._t, self._step, self._values = t, step, values
        self._first, self._end = 0, len(old.t)
        return new_keys
