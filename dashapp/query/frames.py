"""History as frames: columns of points for a time range or since a cursor.

Chooses the level that answers in a bounded number of points, and makes the points coarser if they are still
too many. Gaps become holes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from dashapp.model.columns import Columns, empty_columns, round_significant
from dashapp.model.ticks import GAP_STEPS, BadRequestError, Cursor, Tick, to_milliseconds
from dashapp.query.levels import Levels
from dashapp.stores.base import Reader, Snapshot

# Maximum points of one metric in a frame, and the minimum if many metrics make the points coarser.
MAX_POINTS, MIN_POINTS = 2000, 10
# Maximum numbers in a frame, about 7 MB of JSON. Two hundred metrics, all that one query can name, have room
# for every point.
MAX_VALUES = 1_200_000
# A reader keeps its points if they are at most this many times coarser than necessary: the window may once
# have held closer ticks.
MAX_COARSENING = 100

# The cursor of a frame that may lack points. It is none of a store, so its reader gets the window again.
INCOMPLETE_CURSOR = "incomplete"

Column = NDArray[np.float64]
# Adds columns to the points of a frame, which have no extremes, and may remove others.
Extend = Callable[[Columns], Columns]


@dataclass(frozen=True, slots=True)
class Frame:
    """Columns ready to draw, each as long as `t`.

    `t` is in epoch milliseconds and rises strictly. `step` is the seconds from point to point. If
    `is_coarse`, a point stands for several ticks: `y` is their mean, and `low` and `high` are their
    extremes. Otherwise `low` and `high` are empty. NaN marks a metric without a value, and a time without
    any value is part of a gap. `newest` is the newest tick of the store. Unless `is_complete`, points may be
    missing, because the store could not answer all reads.
    """

    cursor: str
    reset: bool
    step: float
    is_coarse: bool
    newest: Tick | None
    t: NDArray[np.int64]
    y: Mapping[str, Column]
    low: Mapping[str, Column]
    high: Mapping[str, Column]
    is_complete: bool = True


def live_frame(
    store: Reader,
    window: float,
    cursor: str = "",
    metrics: Collection[str] | None = None,
    step: float = 1.0,
    *,
    snapshot: Snapshot | None = None,
    max_values: int = MAX_VALUES,
    max_points: int = MAX_POINTS,
    extend: Extend | None = None,
) -> Frame:
    """Return what a reader at `cursor` lacks of the newest `window` seconds.

    If it cannot continue from there, the frame holds the whole window and has `reset`. The window ends at the
    newest tick. `step` is the step of an empty store. `snapshot`: the moment to show instead of now.
    `max_points`: of points that stand for several ticks. `extend` changes the columns before rounding.
    BadRequestError if more than `max_values` numbers are necessary.

    If the store cannot answer all reads, a reader that can continue gets no points and the same cursor.
    Another one gets the points that were read, and a cursor with which it gets the window again.
    """
    levels = Levels(store, step, snapshot)
    newest = levels.snapshot.cursor
    span = to_milliseconds(window)
    limits = _Limits(max_values, max_points, levels, metrics)
    size = limits.size_for(newest.time_ms - span, newest.time_ms)
    position = Cursor.decode(cursor)
    columns = None
    if position is not None:
        if not position.size_ms and _is_ahead_of_store(store.lag_ms, position, newest):
            # Another process has already served that tick, and this one will in a moment.
            newest = newest._replace(time_ms=position.time_ms)
            columns = empty_columns()
        else:
            columns = _newer_points(levels, position, newest, span, size, metrics)
        if columns is not None and not limits.allow(columns, position.size_ms):
            columns = None
    held = position if position is not None and _can_continue(position, newest, span) else None
    if position is not None and columns is not None:
        size = position.size_ms
    else:
        position = None
        size, columns = _read_fitting(levels, newest.time_ms - span, newest.time_ms, size, metrics, limits)
    if not levels.is_complete:
        if held is not None:
            # Points that cannot be read now come with a later response, and those on the screen stay.
            size, columns, next_text = held.size_ms, empty_columns(), cursor
        else:
            next_text = INCOMPLETE_CURSOR
        return _build_frame(columns, next_text, size, levels, held, extend, is_complete=False)
    last_ms = newest.time_ms
    if size:
        # The last point that exists, not the last possible one: the next response then shows a gap that goes
        # on.
        previous = position.time_ms if position else _last_whole_point(newest.time_ms, size)
        last_ms = int(columns.t[-1]) if len(columns.t) else previous
    next_cursor = Cursor(
        newest.generation, last_ms, size, span if size else 0, max(0, newest.time_ms - last_ms) if size else 0
    )
    return _build_frame(columns, next_cursor.encode(), size, levels, position, extend)


def past_frame(
    store: Reader,
    start_ms: int,
    end_ms: int,
    metrics: Collection[str] | None = None,
    step: float = 1.0,
    *,
    snapshot: Snapshot | None = None,
    max_values: int = MAX_VALUES,
    max_points: int = MAX_POINTS,
    extend: Extend | None = None,
) -> Frame:
    """Return the points in (start, end], in epoch milliseconds, at the finest step that fits.

    `max_points` and `extend`: as of `live_frame`. The caller checks whether the frame is complete.
    """
    levels = Levels(store, step, snapshot)
    newest = levels.snapshot.cursor
    limits = _Limits(max_values, max_points, levels, metrics)
    end_ms = min(end_ms, newest.time_ms)
    size = limits.size_for(start_ms, end_ms)
    size, columns = _read_fitting(levels, start_ms, end_ms, size, metrics, limits)
    return _build_frame(columns, newest.encode(), size, levels, None, extend, is_complete=levels.is_complete)


class _Limits:
    """The points and the numbers in a frame of some metrics."""

    def __init__(
        self, max_values: int, max_points: int, levels: Levels, metrics: Collection[str] | None
    ) -> None:
        self._max_values = max_values
        self._max_points = max_points
        self._levels = levels
        # The metrics of the newest tick, as an estimate: older ticks may have others.
        values = levels.newest.values if levels.newest else ()
        self._metrics = len(values if metrics is None else set(metrics).intersection(values))

    def size_for(self, start: int, end: int) -> int:
        """Return the milliseconds of a point for (start, end]; 0 if each tick is a point."""
        size = self._levels.size_for(start, end, self._points(self._metrics, 0))
        return self._levels.size_for(start, end, self._points(self._metrics, size)) if size else 0

    def allow(self, columns: Columns, size: int) -> bool:
        return len(columns.t) <= self._points(len(columns.keys), size)

    def coarser_size(self, columns: Columns, size: int) -> int:
        """Return a larger size than that of `columns`, to make them fit; or BadRequestError."""
        points = self._points(len(columns.keys), size or 1)
        return self._levels.coarser_size(size, len(columns.t) / points)

    def _points(self, metrics: int, size: int) -> int:
        """Return the maximum number of points of that many metrics."""
        # A point of several ticks has a mean, a minimum and a maximum.
        numbers = max(1, metrics) * (3 if size else 1)
        if size and numbers * MIN_POINTS > self._max_values:
            raise BadRequestError(
                f"{metrics:,} metrics in {MIN_POINTS} points are {numbers * MIN_POINTS:,} numbers; "
                f"expected at most {self._max_values:,}: request fewer with metrics="
            )
        return min(self._max_points if size else MAX_POINTS, self._max_values // numbers)


def _read_fitting(
    levels: Levels, start: int, end: int, size: int, metrics: Collection[str] | None, limits: _Limits
) -> tuple[int, Columns]:
    """Read points of `size`, or coarser ones if they do not fit.

    Older ticks may have been closer together, or had more metrics.
    """
    columns = levels.read(start, _last_whole_point(end, size), size, metrics)
    while not limits.allow(columns, size):
        size = limits.coarser_size(columns, size)
        columns = levels.read(start, _last_whole_point(end, size), size, metrics)
    return size, columns


def _newer_points(
    levels: Levels, position: Cursor, newest: Cursor, span: int, size: int, metrics: Collection[str] | None
) -> Columns | None:
    """Return the points after `position`; None if its reader needs the whole window.

    `size` is the size that a frame of the whole window has.
    """
    if not _can_continue(position, newest, span):
        return None
    unit = size or levels.step_ms
    if position.size_ms:
        # The server never gave out such a size. It would be read from a level that is far too fine.
        fits = size <= position.size_ms <= MAX_COARSENING * unit and position.size_ms % unit == 0
        if not fits or position.window_ms != span:
            return None
        end = _last_whole_point(newest.time_ms, position.size_ms)
        return levels.read(position.time_ms, end, position.size_ms, metrics)
    return None if size else levels.ticks_after(position.time_ms, metrics)


def _can_continue(position: Cursor, newest: Cursor, span: int) -> bool:
    """Whether a position is in this generation and in the newest `span` milliseconds."""
    is_in_window = newest.time_ms - span <= position.time_ms <= newest.time_ms
    return position.generation == newest.generation and is_in_window


def _is_ahead_of_store(lag: int, position: Cursor, newest: Cursor) -> bool:
    """Whether a reader is at a tick that this process has not received yet.

    `lag`: milliseconds that it can be behind other processes.
    """
    # A cleared store has another generation. In this generation, no tick means that none has arrived yet.
    newest_ms = newest.time_ms or position.time_ms - lag
    return position.generation == newest.generation and 0 < position.time_ms - newest_ms <= lag


def _last_whole_point(time_ms: int, size: int) -> int:
    """Return the end of the newest complete point. A single tick is complete."""
    return time_ms // size * size if size else time_ms


def _build_frame(
    columns: Columns,
    cursor: str,
    size: int,
    levels: Levels,
    position: Cursor | None,
    extend: Extend | None,
    *,
    is_complete: bool = True,
) -> Frame:
    measured = columns.keys
    columns = extend(columns) if extend else columns
    t, holes = _with_gaps(columns, (position.time_ms or None) if position else None)

    def spread(matrix: NDArray[np.float64], keys: Collection[str] = columns.keys) -> dict[str, Column]:
        if len(holes):
            matrix = np.insert(matrix, holes, np.nan, axis=1)
        # In order of the keys: every process then builds the same bytes.
        rows = zip(columns.keys, _rounded(matrix), strict=True)
        return dict(sorted(((key, row) for key, row in rows if key in keys), key=itemgetter(0)))

    return Frame(
        cursor=cursor,
        reset=position is None,
        step=size / 1000 if size else levels.step,
        is_coarse=size > 0,
        newest=levels.newest,
        t=t,
        y=spread(columns.mean),
        low=spread(columns.low, measured) if size else {},
        high=spread(columns.high, measured) if size else {},
        is_complete=is_complete,
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
