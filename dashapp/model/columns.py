"""Time series as numpy columns: slice, concatenate, align and downsample.

All metrics of a frame share one time axis. Downsampling puts the points on a grid of whole steps and keeps
every extreme. Algorithms such as LTTB do not fit, because they choose other times for each metric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashapp.model.ticks import Tick, to_milliseconds

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Columns:
    """Points of several metrics over one time axis.

    `t` is in epoch milliseconds and strictly rising, `step` in seconds; both have shape (n,). The other
    arrays have shape (metrics, n). If a metric has no value at a point, `total`, `low` and `high` are NaN and
    its count is 0. `counts` is None if each value is that of one tick; `low` and `high` are then `total`.
    """

    t: NDArray[np.int64]
    step: Matrix
    keys: tuple[str, ...]
    total: Matrix
    low: Matrix
    high: Matrix
    counts: Matrix | None = None

    @property
    def count(self) -> Matrix:
        """The number of ticks behind each value."""
        return (~np.isnan(self.total)).astype(float) if self.counts is None else self.counts

    def between(self, start: float, end: float) -> Columns:
        """Return the points in (start, end], in milliseconds."""
        first, last = np.searchsorted(self.t, [start, end], side="right")
        if first == 0 and last == len(self.t):
            return self
        part = slice(first, last)
        return self._take(self.t[part], self.step[part], self.keys, lambda matrix: matrix[:, part])

    def select(self, keys: Sequence[str] | None) -> Columns:
        """Return only metrics that have a value: all, or those of `keys` in this order."""
        if keys is None:
            is_used = has_value(self.total)
            if is_used.all():
                return self
            rows = np.flatnonzero(is_used)
        else:
            row_by_key = {key: row for row, key in enumerate(self.keys)}
            rows = np.array([row_by_key[key] for key in keys if key in row_by_key], np.intp)
            rows = rows[has_value(self.total[rows])]
        names = tuple(self.keys[row] for row in rows)
        return self._take(self.t, self.step, names, lambda matrix: matrix[rows])

    def shifted(self, offset_ms: int, names: Mapping[str, str]) -> Columns:
        """Return the points `offset_ms` milliseconds later, with keys renamed by `names`."""
        keys = tuple(names[key] for key in self.keys)
        return self._take(self.t + offset_ms, self.step, keys, lambda matrix: matrix)

    def mean(self) -> Matrix:
        if self.counts is None:
            return self.total
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.total / self.counts

    def ticks(self) -> list[Tick]:
        """Return the points as ticks; each must be one."""
        points = zip(self.t.tolist(), self.step.tolist(), self.total.T.tolist(), strict=True)
        return [
            Tick(
                time / 1000,
                step,
                {key: number for key, number in zip(self.keys, row, strict=True) if number == number},
            )
            for time, step, row in points
        ]

    def _take(
        self,
        t: NDArray[np.int64],
        step: Matrix,
        keys: tuple[str, ...],
        take: Callable[[Matrix], Matrix],
    ) -> Columns:
        total = take(self.total)
        return Columns(
            t,
            step,
            keys,
            total,
            total if self.low is self.total else take(self.low),
            total if self.high is self.total else take(self.high),
            None if self.counts is None else take(self.counts),
        )


def has_value(matrix: Matrix) -> NDArray[np.bool_]:
    """Return for each row whether it has a number."""
    if not matrix.shape[1]:
        return np.zeros(len(matrix), bool)
    # Nearly every metric has one at the last point.
    is_used = ~np.isnan(matrix[:, -1])
    others = np.flatnonzero(~is_used)
    if len(others):
        is_used[others] = (~np.isnan(matrix[others])).any(axis=1)
    return is_used


def empty_columns(keys: Sequence[str] = ()) -> Columns:
    empty = np.empty((len(keys), 0))
    return Columns(np.empty(0, np.int64), np.empty(0), tuple(keys), empty, empty, empty)


def columns_from_ticks(ticks: Sequence[Tick], requested_keys: Sequence[str] | None = None) -> Columns:
    """Return one point per tick, for all metrics in the ticks or for those in `requested_keys`."""
    keys = present_keys([tick.values for tick in ticks], requested_keys)
    nan = float("nan")
    values = np.array([[tick.values.get(key, nan) for tick in ticks] for key in keys], float)
    values = values.reshape(len(keys), len(ticks))
    return Columns(
        np.array([to_milliseconds(tick.time) for tick in ticks], np.int64),
        np.array([tick.step for tick in ticks], float),
        keys,
        values,
        values,
        values,
    )


def concat(parts: Iterable[Columns]) -> Columns:
    """Join parts in order of time; each part begins after the one before it ends.

    The result has the metrics of all parts.
    """
    non_empty = [part for part in parts if len(part.t)]
    if not non_empty:
        return empty_columns()
    if len(non_empty) == 1:
        return non_empty[0]
    keys = tuple(dict.fromkeys(key for part in non_empty for key in part.keys))
    total = _concat_matrix(non_empty, keys, "total")
    # If each point is one tick, its total is also its lowest and highest value, and one array serves all
    # three.
    is_single = all(part.counts is None for part in non_empty)
    return Columns(
        np.concatenate([part.t for part in non_empty]),
        np.concatenate([part.step for part in non_empty]),
        keys,
        total,
        total if is_single else _concat_matrix(non_empty, keys, "low"),
        total if is_single else _concat_matrix(non_empty, keys, "high"),
        None if is_single else _concat_matrix(non_empty, keys, "count"),
    )


def align(parts: Iterable[Columns]) -> Columns:
    """Merge parts that have different metrics over the union of their times.

    Points with the same time become one point.
    """
    non_empty = [part for part in parts if len(part.t)]
    if len(non_empty) < 2:
        return non_empty[0] if non_empty else empty_columns()
    times = np.unique(np.concatenate([part.t for part in non_empty]))
    keys = tuple(key for part in non_empty for key in part.keys)
    indexes = [np.searchsorted(times, part.t) for part in non_empty]
    step = np.full(len(times), np.inf)
    for part, index in zip(non_empty, indexes, strict=True):
        step[index] = np.minimum(step[index], part.step)

    def merge_matrix(name: str) -> Matrix:
        matrix = np.full((len(keys), len(times)), 0.0 if name == "count" else np.nan)
        row = 0
        for part, index in zip(non_empty, indexes, strict=True):
            matrix[row : row + len(part.keys), index] = getattr(part, name)
            row += len(part.keys)
        return matrix

    total = merge_matrix("total")
    is_single = all(part.counts is None for part in non_empty)
    return Columns(
        times,
        step,
        keys,
        total,
        total if is_single else merge_matrix("low"),
        total if is_single else merge_matrix("high"),
        None if is_single else merge_matrix("count"),
    )


def present_keys(
    rows: Sequence[Mapping[str, object]], requested_keys: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the keys that occur in any row, or those of `requested_keys` that do."""
    if requested_keys is None:
        return tuple(dict.fromkeys(key for row in rows for key in row))
    return tuple(key for key in requested_keys if any(key in row for row in rows))


def _concat_matrix(parts: Sequence[Columns], keys: tuple[str, ...], name: str) -> Matrix:
    return np.concatenate([_expand_rows(part, keys, name) for part in parts], axis=1)


def _expand_rows(part: Columns, keys: tuple[str, ...], name: str) -> Matrix:
    """Return one matrix of `part` with a row for each of `keys`."""
    matrix: Matrix = getattr(part, name)
    if part.keys == keys:
        return matrix
    expanded_matrix = np.full((len(keys), len(part.t)), 0.0 if name == "count" else np.nan)
    row_by_key = {key: row for row, key in enumerate(keys)}
    expanded_matrix[[row_by_key[key] for key in part.keys]] = matrix
    return expanded_matrix


def downsample(columns: Columns, step_ms: int) -> Columns:
    """Return points of `step_ms`, each at the end T of its interval (T - step, T]."""
    if not len(columns.t):
        return columns
    ends = -(-columns.t // step_ms) * step_ms
    # Input points can be longer than `step_ms`. They keep their length; otherwise each would stand between
    # two gaps.
    steps = np.maximum(-(-np.rint(1000 * columns.step) // step_ms), 1) * step_ms / 1000
    start_indexes = np.flatnonzero(np.r_[True, ends[1:] != ends[:-1]])
    if len(start_indexes) == len(ends):
        return Columns(
            ends,
            steps,
            columns.keys,
            columns.total,
            columns.low,
            columns.high,
            columns.counts,
        )
    count = np.add.reduceat(columns.count, start_indexes, axis=1)
    total = np.add.reduceat(np.nan_to_num(columns.total), start_indexes, axis=1)
    return Columns(
        ends[start_indexes],
        np.maximum.reduceat(steps, start_indexes),
        columns.keys,
        np.where(count > 0, total, np.nan),
        np.fmin.reduceat(columns.low, start_indexes, axis=1),
        np.fmax.reduceat(columns.high, start_indexes, axis=1),
        count,
    )
