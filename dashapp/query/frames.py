"""History as frames: columns of points for a time range or since a cursor.

Chooses the level that answers in a bounded number of points, and makes the points coarser if they are still
too many. Gaps become holes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashapp.model.columns import Columns, round_significant
from dashapp.model.ticks import GAP_STEPS, Cursor, Tick, to_milliseconds
from dashapp.query.levels import Levels
from dashapp.stores.base import Reader, ticks_since_position

# Maximum points of one metric in a frame.
MAX_POINTS = 2000
# A reader keeps its points if they are at most this many times coarser than necessary: the window may once
# have held closer ticks.
MAX_COARSENING = 100

Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frame:
    """Columns ready to draw, each as long as `t`.

    `t` is in epoch milliseconds and rises strictly. `step` is the seconds from point to point. If a point
    stands for several ticks, `y` is their mean and `low` and `high` are their extremes; otherwise `low` and
    `high` are empty. NaN marks a metric without a value, and a time without any value is part of a gap.
    `newest` is the newest tick of the store.
    """

    cursor: str
    reset: bool
    step: float
    newest: Tick | None
    t: NDArray[np.int64]
    y: Mapping[str, Column]
    low: Mapping[str, Column]
    high: Mapping[str, Column]


def live_frame(
    store: Reader, window: float, cursor: str = "", metrics: Collection[str] | None = None, step: float = 1.0
) -> Frame:
    """Return what a reader at `cursor` lacks of the newest `window` seconds.

    If it cannot continue from there, the frame holds the whole window and has `reset`. The window ends at the
    newest tick. `step` is the step of an empty store.
    """
    newest = store.newest()
    span = to_milliseconds(window)
    levels = Levels(store, step)
    size = levels.size_for(newest.time_ms - span, newest.time_ms, MAX_POINTS)
    position = Cursor.decode(cursor)
    if position is not None and not position.size_ms and _is_ahead_of_store(store, position, newest):
        # Another process has already served that tick, and this one will in a moment.
        newest = newest._replace(time_ms=position.time_ms)
        size, columns = 0, levels.read(position.time_ms, position.time_ms, 0, metrics)
    elif position is not None and _can_continue(store, position, newest, span, size or levels.step_ms, size):
        size = position.size_ms
        columns = levels.read(position.time_ms, _last_whole_point(newest.time_ms, size), size, metrics)
    else:
        position = None
        size, columns = _read_fitting(levels, newest.time_ms - span, newest.time_ms, size, metrics)
    last_ms = newest.time_ms
    if size:
        # The last point that exists, not the last possible one: the next response then shows a gap that goes
        # on.
        previous = position.time_ms if position else _last_whole_point(newest.time_ms, size)
        last_ms = int(columns.t[-1]) if len(columns.t) else previous
    next_cursor = Cursor(
        newest.generation, last_ms, size, span if size else 0, max(0, newest.time_ms - last_ms) if size else 0
    )
    return _build_frame(columns, next_cursor.encode(), size, levels, position)


def past_frame(
    store: Reader, start_ms: int, end_ms: int, metrics: Collection[str] | None = None, step: float = 1.0
) -> Frame:
    """Return the points in (start, end], in epoch milliseconds, at the finest step that fits."""
    newest = store.newest()
    levels = Levels(store, step)
    end_ms = min(end_ms, newest.time_ms)
    size = levels.size_for(start_ms, end_ms, MAX_POINTS)
    size, columns = _read_fitting(levels, start_ms, end_ms, size, metrics)
    return _build_frame(columns, newest.encode(), size, levels, None)


def _read_fitting(
    levels: Levels, start: int, end: int, size: int, metrics: Collection[str] | None
) -> tuple[int, Columns]:
    """Read points of `size`, or coarser ones if older ticks were closer together."""
    columns = levels.read(start, _last_whole_point(end, size), size, metrics)
    if len(columns.t) > MAX_POINTS:
        size = levels.coarser_size(end - start, MAX_POINTS)
        columns = levels.read(start, _last_whole_point(end, size), size, metrics)
    return size, columns


def _can_continue(store: Reader, position: Cursor, newest: Cursor, span: int, unit: int, size: int) -> bool:
    """Whether new points alone, of the size it has, are enough for a reader at `position`."""
    if (
        position.generation != newest.generation
        or not newest.time_ms - span <= position.time_ms <= newest.time_ms
    ):
        return False
    if position.size_ms:
        # The server never gave out such a size. It would be read from a level that is far too fine.
        fits = size <= position.size_ms <= MAX_COARSENING * unit and position.size_ms % unit == 0
        return fits and position.window_ms == span
    return size == 0 and ticks_since_position(store, position, MAX_POINTS) is not None


def _is_ahead_of_store(store: Reader, position: Cursor, newest: Cursor) -> bool:
    """Whether a reader is at a tick that this process has not received yet."""
    lag = store.lag_ms
    # A cleared store has another generation. In this generation, no tick means that none has arrived yet.
    newest_ms = newest.time_ms or position.time_ms - lag
    return position.generation == newest.generation and 0 < position.time_ms - newest_ms <= lag


def _last_whole_point(time_ms: int, size: int) -> int:
    """Return the end of the newest complete point. A single tick is complete."""
    return time_ms // size * size if size else time_ms


def _build_frame(columns: Columns, cursor: str, size: int, levels: Levels, position: Cursor | None) -> Frame:
    t, holes = _with_gaps(columns, (position.time_ms or None) if position else None)

    def spread(matrix: NDArray[np.float64]) -> dict[str, Column]:
        if len(holes):
            matrix = np.insert(matrix, holes, np.nan, axis=1)
        return dict(zip(columns.keys, _rounded(matrix), strict=True))

    return Frame(
        cursor=cursor,
        reset=position is None,
        step=size / 1000 if size else levels.step,
        newest=levels.newest,
        t=t,
        y=spread(columns.mean),
        low=spread(columns.low) if size else {},
        high=spread(columns.high) if size else {},
    )


def _rounded(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to five significant digits, or to three decimals if that is more.

    A millionth of a value is noise, and the characters of its numbers make up the size of a frame.
    """
    short = np.round(matrix, 3)
    small = np.abs(matrix) < 10
    short[small] = round_significant(matrix[small], 5)
    return short


def _with_gaps(columns: Columns, previous_ms: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the times with the ends of each gap added, and the positions of these.

    A gap gets a time one step after the point before it and one a step before the point after it, or a single
    time if the two would meet.
    """
    t, steps = columns.t, columns.step * 1000
    if not len(t):
        return t, np.empty(0, np.int64)
    previous = np.concatenate(([t[0] if previous_ms is None else previous_ms], t[:-1]))
    gaps = np.flatnonzero(t - previous > GAP_STEPS * steps)
    if not len(gaps):
        return t, gaps  # the usual case: the rest is half of the cost of a response
    starts = np.round(previous[gaps] + steps[gaps]).astype(np.int64)
    ends = np.round(t[gaps] - steps[gaps]).astype(np.int64)
    wide = ends > starts
    indexes = np.r_[gaps, gaps[wide]]
    times = np.r_[starts, ends[wide]]
    order = np.lexsort((times, indexes))
    return np.insert(t, indexes[order], times[order]), indexes[order]
