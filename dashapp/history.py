"""History: "window W, since cursor C, these metrics" -> a frame of columns, with gaps as holes.

Pure reading: knows stores and time in seconds, nothing of HTTP or drawing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dashapp.model import Cursor, Tick, milliseconds
from dashapp.stores import Reader, since_place

# A tick that comes later than this many steps after the one before leaves a hole.
GAP = 1.5
# No window holds more ticks than this: two hours at ten a second.
MOST = 80_000

Column = list[float | None]


@dataclass(frozen=True, slots=True)
class Frame:
    """Columns ready to draw: `t` in epoch milliseconds, strictly rising; each of `y` as long as `t`.

    None stands where a metric has no value; a time at which none has any is a hole's.
    """

    cursor: str
    reset: bool
    step: float
    t: list[int]
    y: dict[str, Column]


def frame(
    store: Reader,
    window: float,
    cursor: str = "",
    metrics: Collection[str] | None = None,
    step: float = 1.0,
) -> Frame:
    """What a reader at `cursor` lacks of the newest `window` seconds; all of it, with `reset`, where it must.

    The window ends at the newest tick. `step` is what an empty store is said to have.
    """
    mark = store.newest()
    place = Cursor.decode(cursor) if cursor else None
    start = mark.time_ms - milliseconds(window)
    if place is None or place.life != mark.life or place.time_ms > mark.time_ms or place.time_ms < start:
        place = None
    lacking = since_place(store, place, MOST) if place else None
    if lacking is None:
        place = None
        lacking = store.since(start / 1000, MOST)
    ticks = _upto(lacking, mark.time_ms)
    before = place.time_ms if place else None
    times, rows = _with_holes(ticks, before or None)
    if ticks:
        step = ticks[-1].step
    elif place is not None and (newest := store.since(float("-inf"), 1)):
        step = newest[-1].step
    return Frame(
        cursor=mark.encode(),
        reset=place is None,
        step=step,
        t=times,
        y=_columns(rows, metrics),
    )


def _upto(ticks: list[Tick], time_ms: int) -> list[Tick]:
    """Without what came after the cursor was taken, so that the next answer brings it."""
    while ticks and milliseconds(ticks[-1].time) > time_ms:
        ticks = ticks[:-1]
    return ticks


def _with_holes(ticks: Sequence[Tick], before: int | None) -> tuple[list[int], list[Tick | None]]:
    """Times and ticks, with one empty time a step after the last tick before each gap."""
    times: list[int] = []
    rows: list[Tick | None] = []
    for tick in ticks:
        time = milliseconds(tick.time)
        step = milliseconds(tick.step)
        if before is not None and time - before > GAP * step:
            times.append(before + step)
            rows.append(None)
        times.append(time)
        rows.append(tick)
        before = time
    return times, rows


def _columns(rows: Sequence[Tick | None], metrics: Collection[str] | None) -> dict[str, Column]:
    keys = dict.fromkeys(key for row in rows if row is not None for key in row.values)
    return {
        key: [None if row is None else row.values.get(key) for row in rows]
        for key in keys
        if metrics is None or key in metrics
    }
