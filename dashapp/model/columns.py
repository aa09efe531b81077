"""Columns of numbers in numpy: one shared time, and for each metric total, lowest, highest and count.

Columns are joined, aligned and downsampled to a grid of whole steps, with every extreme kept. LTTB and the
like do not fit: they pick other times for each metric, but a frame has one time for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashapp.model.ticks import Tick, to_milliseconds

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Columns:
    """`t` epoch milliseconds, strictly rising, and `step` seconds, both (n,); the rest (metrics, n).

    NaN in `total`, `low` and `high`, and 0 in `count`, where a metric has no value.
    """

    t: NDArray[np.int64]
    step: Matrix
    keys: tuple[str, ...]
    total: Matrix
    low: Matrix
    high: Matrix
    count: Matrix

    def between(self, start: float, end: float) -> Columns:
        """Only the points in (start, end], in milliseconds."""
        first, last = np.searchsorted(self.t, [start, end], side="right")
        if first == 0 and last == len(self.t):
            return self
        part = slice(first, last)
        total = self.total[:, part]
        return Columns(
            self.t[part],
            self.step[part],
            self.keys,
            total,
            total if self.low is self.total else self.low[:, part],
            total if self.high is self.total else self.high[:, part],
            self.count[:, part],
        )

    def shifted(self, by: int, named: Mapping[str, str]) -> Columns:
        """The same points `by` milliseconds later, their metrics `named` anew."""
        keys = tuple(named[key] for key in self.keys)
        return Columns(self.t + by, self.step, keys, self.total, self.low, self.high, self.count)

    def mean(self) -> Matrix:
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.total / self.count


def empty_columns(keys: Sequence[str] = ()) -> Columns:
    nothing = np.empty((len(keys), 0))
    return Columns(np.empty(0, np.int64), np.empty(0), tuple(keys), nothing, nothing, nothing, nothing)


def columns_from_ticks(ticks: Sequence[Tick], wanted: Sequence[str] | None = None) -> Columns:
    """One point a tick; all metrics that any of them has, or those `wanted` of them."""
    keys = present_keys([tick.values for tick in ticks], wanted)
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
        (~np.isnan(values)).astype(float),
    )


def concat(parts: Iterable[Columns]) -> Columns:
    """Parts one after the other, each later than the one before, with the metrics of them all."""
    some = [part for part in parts if len(part.t)]
    if not some:
        return empty_columns()
    if len(some) == 1:
        return some[0]
    keys = tuple(dict.fromkeys(key for part in some for key in part.keys))
    total = _concat_matrix(some, keys, "total")
    # Where each point is one tick, its total is its extremes too: one copy serves.
    single = all(part.low is part.total and part.high is part.total for part in some)
    return Columns(
        np.concatenate([part.t for part in some]),
        np.concatenate([part.step for part in some]),
        keys,
        total,
        total if single else _concat_matrix(some, keys, "low"),
        total if single else _concat_matrix(some, keys, "high"),
        _concat_matrix(some, keys, "count"),
    )


def align(parts: Iterable[Columns]) -> Columns:
    """Parts of other metrics each, over the times of them all; where two have the same time, one point."""
    some = [part for part in parts if len(part.t)]
    if len(some) < 2:
        return some[0] if some else empty_columns()
    times = np.unique(np.concatenate([part.t for part in some]))
    keys = tuple(key for part in some for key in part.keys)
    places = [np.searchsorted(times, part.t) for part in some]
    step = np.full(len(times), np.inf)
    for part, place in zip(some, places, strict=True):
        step[place] = np.minimum(step[place], part.step)

    def over(name: str) -> Matrix:
        whole = np.full((len(keys), len(times)), 0.0 if name == "count" else np.nan)
        row = 0
        for part, place in zip(some, places, strict=True):
            whole[row : row + len(part.keys), place] = getattr(part, name)
            row += len(part.keys)
        return whole

    total = over("total")
    single = all(part.low is part.total and part.high is part.total for part in some)
    return Columns(
        times,
        step,
        keys,
        total,
        total if single else over("low"),
        total if single else over("high"),
        over("count"),
    )


def present_keys(rows: Sequence[Mapping[str, object]], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The keys that any row has, or those `wanted` of them."""
    if wanted is None:
        return tuple(dict.fromkeys(key for row in rows for key in row))
    return tuple(key for key in wanted if any(key in row for row in rows))


def _concat_matrix(parts: Sequence[Columns], keys: tuple[str, ...], name: str) -> Matrix:
    return np.concatenate([_expand_rows(part, keys, name) for part in parts], axis=1)


def _expand_rows(part: Columns, keys: tuple[str, ...], name: str) -> Matrix:
    """One matrix of a part with a row for each of `keys`."""
    matrix: Matrix = getattr(part, name)
    if part.keys == keys:
        return matrix
    spread = np.full((len(keys), len(part.t)), 0.0 if name == "count" else np.nan)
    place = {key: row for row, key in enumerate(keys)}
    spread[[place[key] for key in part.keys]] = matrix
    return spread


def downsample(columns: Columns, step_ms: int) -> Columns:
    """Points of `step_ms`, each at the end of what it stands for: the points in (T - step, T]."""
    if not len(columns.t):
        return columns
    ends = -(-columns.t // step_ms) * step_ms
    # Of points that come less often than these are long: else each would stand between two gaps.
    steps = np.maximum(-(-np.rint(1000 * columns.step) // step_ms), 1) * step_ms / 1000
    firsts = np.flatnonzero(np.r_[True, ends[1:] != ends[:-1]])
    if len(firsts) == len(ends):
        return Columns(
            ends,
            steps,
            columns.keys,
            columns.total,
            columns.low,
            columns.high,
            columns.count,
        )
    count = np.add.reduceat(columns.count, firsts, axis=1)
    total = np.add.reduceat(np.nan_to_num(columns.total), firsts, axis=1)
    return Columns(
        ends[firsts],
        np.maximum.reduceat(steps, firsts),
        columns.keys,
        np.where(count > 0, total, np.nan),
        np.fmin.reduceat(columns.low, firsts, axis=1),
        np.fmax.reduceat(columns.high, firsts, axis=1),
        count,
    )
