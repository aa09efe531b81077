"""Points and extremes of a range, for answers of a bounded size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashapp.mcp.hosts import UNREADABLE
from dashapp.model.columns import Columns, round_significant
from dashapp.model.ticks import GAP_STEPS, BusyError
from dashapp.query.levels import Levels
from dashapp.stores.base import Reader

# Points from which an extreme is searched in one step; its point is then read again in finer ones.
SEARCH_POINTS, MAX_REFINEMENTS = 2000, 6
DIGITS = 5


@dataclass(frozen=True)
class Points:
    """Points in (start, end]. `step_ms` is 0 if each is one tick, else the length of a point."""

    columns: Columns
    step_ms: int

    def gaps(self) -> list[tuple[int, int]]:
        """Return the times between which there is no point."""
        t, steps = self.columns.t, 1000 * self.columns.step
        wide = np.flatnonzero(np.diff(t) > GAP_STEPS * steps[1:])
        return [(int(t[index]), int(t[index + 1])) for index in wide]


@dataclass(frozen=True)
class Extreme:
    """A value at `time_ms`, the end of the `within_ms` in which it was; 0 if at that time."""

    value: float
    time_ms: int
    within_ms: int


def read_points(reader: Reader, start: int, end: int, keys: Sequence[str], max_points: int) -> Points:
    """Return at most about `max_points` points of (start, end], epoch milliseconds.

    The last point may lack its newest part. BusyError if the store does not answer.
    """
    levels = Levels(reader, 1.0)
    end = min(end, levels.snapshot.cursor.time_ms)
    size = levels.size_for(start, end, max_points)
    last = -(-end // size) * size if size else end
    columns = levels.read(start, last, size, keys)
    if not size and len(columns.t) > max_points:
        # Older ticks were closer together.
        size = levels.coarser_size(0, len(columns.t) / max_points)
        columns = levels.read(start, -(-end // size) * size, size, keys)
    if not levels.is_complete:
        raise BusyError(UNREADABLE)
    return Points(columns, size)


def mean_of_range(reader: Reader, start: int, end: int, key: str) -> float | None:
    """Return the mean of a metric, weighted by the length of points; None without values.

    A point that is only partly in the range does not count.
    """
    points = read_points(reader, start, end, [key], SEARCH_POINTS)
    columns = points.columns.between(start + max(points.step_ms - 1, 0), end).select([key])
    if not columns.keys:
        return None
    weights = columns.weight[0]
    return float(np.nansum(columns.mean[0] * weights)) / float(np.sum(weights))


def find_extreme(
    reader: Reader, start: int, end: int, key: str, sign: int, steps: int = MAX_REFINEMENTS
) -> Extreme | None:
    """Return the highest (`sign` 1) or lowest (-1) value in (start, end]; None without values.

    A point that begins before the range, or ends after it, is read again in finer points. If there are none,
    it does not count, since its extreme may be outside.
    """
    if start >= end or steps == 0:
        return None
    levels = Levels(reader, 1.0)
    end = min(end, levels.snapshot.cursor.time_ms)
    size = levels.size_for(start, end, SEARCH_POINTS)
    first, last = (-(-start // size) * size, end // size * size) if size else (start, end)
    found: list[Extreme] = []
    if first < last:
        columns = levels.read(first, last, size, [key]).select([key])
        if not levels.is_complete:
            raise BusyError(UNREADABLE)
        if len(columns.keys):
            found.append(_extreme_of(columns, sign, size))
    if size:
        edges = [(start, min(first, end)), (max(last, start), end)] if first <= last else [(start, end)]
        for edge_start, edge_end in edges:
            # Its points must be finer than these.
            if 0 < edge_end - edge_start < size:
                edge = find_extreme(reader, edge_start, edge_end, key, sign, steps - 1)
                found += [edge] if edge else []
    best = max(found, key=lambda extreme: (sign * extreme.value, -extreme.time_ms), default=None)
    is_final = best is None or best.within_ms != size or not size
    if best is None or is_final or (start, end) == (best.time_ms - size, best.time_ms):
        return best
    finer = find_extreme(reader, best.time_ms - size, best.time_ms, key, sign, steps - 1)
    return finer if finer is not None and math.isclose(finer.value, best.value, rel_tol=1e-9) else best


def _extreme_of(columns: Columns, sign: int, size: int) -> Extreme:
    values = (columns.high if sign > 0 else columns.low)[0]
    index = int(np.nanargmax(sign * values))
    return Extreme(float(values[index]), int(columns.t[index]), size)


def rounded(value: float) -> float | int:
    """Return a number of five digits, whole if it is; null cannot be a number of JSON."""
    number = float(round_significant(np.array([[value]]), DIGITS)[0, 0])
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def cell(value: Any) -> float | int | None:
    """Return a number for a row; None for a point without a value."""
    return None if value != value else rounded(value)
