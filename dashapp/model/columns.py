"""Time series as numpy columns: slice, concatenate, align and downsample.

All metrics of a frame share one time axis. Downsampling puts the points on a grid of whole steps and keeps
every extreme. Algorithms such as LTTB do not fit, because they choose other times for each metric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashapp.model.ticks import MAX_WEIGHT_S, MIN_WEIGHT_S, Tick, to_milliseconds

# Larger powers of ten are not exact in a double.
MAX_EXACT_EXPONENT = 22

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Columns:
    """Points of several metrics over one time axis.

    `t` is in epoch milliseconds and strictly rising, `step` in seconds; both have shape (n,). The other
    arrays have shape (metrics, n). If a metric has no value at a point, `mean`, `low` and `high` are NaN and
    its weight is 0. If each point is one tick, its mean is also its lowest and highest value, and one array
    serves all three. `weights` is None if each value weighs as much as the `step` of its point.
    """

    t: NDArray[np.int64]
    step: Matrix
    keys: tuple[str, ...]
    mean: Matrix
    low: Matrix
    high: Matrix
    weights: Matrix | None = None

    @property
    def weight(self) -> Matrix:
        """The seconds that each mean stands for."""
        return tick_weights(self.mean, self.step) if self.weights is None else self.weights

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
            is_used = has_value(self.mean)
            if is_used.all():
                return self
            rows = np.flatnonzero(is_used)
        else:
            row_by_key = {key: row for row, key in enumerate(self.keys)}
            rows = np.array([row_by_key[key] for key in keys if key in row_by_key], np.intp)
            rows = rows[has_value(self.mean[rows])]
        names = tuple(self.keys[row] for row in rows)
        return self._take(self.t, self.step, names, lambda matrix: matrix[rows])

    def shifted(self, offset_ms: int, names: Mapping[str, str]) -> Columns:
        """Return the points `offset_ms` milliseconds later, with keys renamed by `names`."""
        keys = tuple(names[key] for key in self.keys)
        return self._take(self.t + offset_ms, self.step, keys, lambda matrix: matrix)

    def ticks(self) -> list[Tick]:
        """Return the points as ticks; each must be one."""
        points = zip(self.t.tolist(), self.step.tolist(), self.mean.T.tolist(), strict=True)
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
        mean = take(self.mean)
        return Columns(
            t,
            step,
            keys,
            mean,
            mean if self.low is self.mean else take(self.low),
            mean if self.high is self.mean else take(self.high),
            None if self.weights is None else take(self.weights),
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
    row_by_key = {key: row for row, key in enumerate(keys)}
    values = np.full((len(keys), len(ticks)), np.nan)
    for column, tick in enumerate(ticks):
        found = tick.values if requested_keys is None else row_by_key.keys() & tick.values.keys()
        values[[row_by_key[key] for key in found], column] = [tick.values[key] for key in found]
    return Columns(
        np.array([to_milliseconds(tick.time) for tick in ticks], np.int64),
        np.array([tick.step for tick in ticks], float),
        keys,
        values,
        values,
        values,
    )


def tick_weights(values: Matrix, steps: Matrix) -> Matrix:
    """Return the weights of ticks: their step, and 0 for a metric without a value."""
    return np.where(np.isnan(values), 0.0, np.clip(steps, MIN_WEIGHT_S, MAX_WEIGHT_S))


def mean_of(total: Matrix, weight: Matrix, low: Matrix, high: Matrix) -> Matrix:
    """Return total over weight. A rounded total must not put the mean outside of the extremes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip(total / weight, low, high)


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
    mean = _concat_matrix(non_empty, keys, "mean")
    is_single = all(part.low is part.mean and part.high is part.mean for part in non_empty)
    has_plain_weights = all(part.weights is None for part in non_empty)
    return Columns(
        np.concatenate([part.t for part in non_empty]),
        np.concatenate([part.step for part in non_empty]),
        keys,
        mean,
        mean if is_single else _concat_matrix(non_empty, keys, "low"),
        mean if is_single else _concat_matrix(non_empty, keys, "high"),
        None if has_plain_weights else _concat_matrix(non_empty, keys, "weight"),
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
        matrix = np.full((len(keys), len(times)), 0.0 if name == "weight" else np.nan)
        row = 0
        for part, index in zip(non_empty, indexes, strict=True):
            matrix[row : row + len(part.keys), index] = getattr(part, name)
            row += len(part.keys)
        return matrix

    # A slower host's value weighs more than the common step.
    has_plain_weights = all(
        part.weights is None and np.array_equal(part.step, step[index])
        for part, index in zip(non_empty, indexes, strict=True)
    )
    mean = merge_matrix("mean")
    is_single = all(part.low is part.mean and part.high is part.mean for part in non_empty)
    return Columns(
        times,
        step,
        keys,
        mean,
        mean if is_single else merge_matrix("low"),
        mean if is_single else merge_matrix("high"),
        None if has_plain_weights else merge_matrix("weight"),
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
    expanded_matrix = np.full((len(keys), len(part.t)), 0.0 if name == "weight" else np.nan)
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
            columns.mean,
            columns.low,
            columns.high,
            columns.weights if np.array_equal(steps, columns.step) else columns.weight,
        )
    weight = np.add.reduceat(columns.weight, start_indexes, axis=1)
    total = np.add.reduceat(np.nan_to_num(columns.mean) * columns.weight, start_indexes, axis=1)
    low = np.fmin.reduceat(columns.low, start_indexes, axis=1)
    high = np.fmax.reduceat(columns.high, start_indexes, axis=1)
    return Columns(
        ends[start_indexes],
        np.maximum.reduceat(steps, start_indexes),
        columns.keys,
        mean_of(total, weight, low, high),
        low,
        high,
        weight,
    )


def round_significant(matrix: Matrix, digits: int) -> Matrix:
    """Round to significant digits. A larger number never becomes the smaller one."""
    with np.errstate(divide="ignore"):
        exponents = digits - 1 - np.floor(np.log10(np.abs(matrix)))
    rounded = matrix.copy()
    usual = np.abs(exponents) <= MAX_EXACT_EXPONENT
    up = 10.0 ** np.maximum(exponents[usual], 0)
    down = 10.0 ** np.maximum(-exponents[usual], 0)
    rounded[usual] = np.round(matrix[usual] * up / down) / up * down
    extreme = ~usual & np.isfinite(exponents)
    rounded[extreme] = [float(f"{number:.{digits}g}") for number in matrix[extreme]]
    return rounded
