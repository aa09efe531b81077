"""Time series as numpy columns: slice, concatenate, align and downsample.

All metrics of a frame share one time axis. Downsampling puts the points on a grid of whole steps and keeps
every extreme. Algorithms such as LTTB do not fit, because they choose other times for each metric.
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
    """Points of several metrics over one time axis.

    `t` is in epoch milliseconds and strictly rising, `step` in seconds; both have shape (n,). The other
    arrays have shape (metrics, n). If a metric has no value at a point, `total`, `low` and `high` are NaN and
    `count` is 0.
    """

    t: NDArray[np.int64]
    step: Matrix
    keys: tuple[str, ...]
    total: Matrix
    low: Matrix
    high: Matrix
    count: Matrix

    def between(self, start: float, end: float) -> Columns:
        """Return the points in (start, end], in milliseconds."""
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
        """Return the same points, `by` milliseconds later, with keys from the mapping `named`."""
        keys = tuple(named[key] for key in self.keys)
        return Columns(self.t + by, self.step, keys, self.total, self.low, self.high, self.count)

    def mean(self) -> Matrix:
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.total / self.count


def empty_columns(keys: Sequence[str] = ()) -> Columns:
    nothing = np.empty((len(keys), 0))
    return Columns(np.empty(0, np.int64), np.empty(0), tuple(keys), nothing, nothing, nothing, nothing)


def columns_from_ticks(ticks: Sequence[Tick], wanted: Sequence[str] | None = None) -> Columns:
    """Return one point per tick, for all metrics in the ticks or for those in `wanted`."""
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
    """Join parts in order of time; each part begins after the one before it ends.

    The result has the metrics of all parts.
    """
    some = [part for part in parts if len(part.t)]
    if not some:
        return empty_columns()
    if len(some) == 1:
        return some[0]
    keys = tuple(dict.fromkeys(key for part in some for key in part.keys))
    total = _concat_matrix(some, keys, "total")
    # If each point is one tick, its total is also its lowest and highest value, and one array serves all
    # three.
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
    """Merge parts that have different metrics over the union of their times.

    Points with the same time become one point.
    """
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
    """Return the keys that occur in any row, or those of `wanted` that do."""
    if wanted is None:
        return tuple(dict.fromkeys(key for row in rows for key in row))
    return tuple(key for key in wanted if any(key in row for row in rows))


def _concat_matrix(parts: Sequence[Columns], keys: tuple[str, ...], name: str) -> Matrix:
    return np.concatenate([_expand_rows(part, keys, name) for part in parts], axis=1)


def _expand_rows(part: Columns, keys: tuple[str, ...], name: str) -> Matrix:
    """Return one matrix of `part` with a row for each of `keys`."""
    matrix: Matrix = getattr(part, name)
    if part.keys == keys:
        return matrix
    spread = np.full((len(keys), len(part.t)), 0.0 if name == "count" else np.nan)
    place = {key: row for row, key in enumerate(keys)}
    spread[[place[key] for key in part.keys]] = matrix
    return spread


def downsample(columns: Columns, step_ms: int) -> Columns:
    """Return points of `step_ms`, each at the end T of its interval (T - step, T]."""
    if not len(columns.t):
        return columns
    ends = -(-columns.t // step_ms) * step_ms
    # Input points can be longer than `step_ms`. They keep their length; otherwise each would stand between
    # two gaps.
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
