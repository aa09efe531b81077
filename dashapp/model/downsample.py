"""Downsampling: columns into coarser ones on a grid of whole steps, with every extreme kept. Pure.

Not a selection such as LTTB, which picks other times for each metric: a frame has one time for all,
and a point here says mean, lowest and highest of what it stands for.
"""

from __future__ import annotations

import numpy as np

from dashapp.model.columns import Columns


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
