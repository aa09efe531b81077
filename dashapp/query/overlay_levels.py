"""The levels of an overlay: each host's points, moved to one clock and aligned."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dashapp.model.columns import Columns, align, downsample
from dashapp.model.ticks import Cursor, Tick, to_milliseconds
from dashapp.query.levels import Levels
from dashapp.query.overlay_sync import HostProgress
from dashapp.stores.base import FOREVER_MS, Level, Reader, Snapshot

if TYPE_CHECKING:
    from dashapp.query.overlay import OverlayReader

# Seconds of a point and of a block: ticks, minutes, hours.
LEVEL_SPANS_S = ((0, 600), (60, 6 * 3600), (3600, 15 * 86_400))
# Seconds for which the start of a long history is cached.
OLDEST_CACHE_TTL_S = 10.0


class OverlayLevel:
    """Points of `step` seconds of all hosts, each read from its best level."""

    def __init__(self, step: float, span: float, overlay: OverlayReader) -> None:
        self.step = step
        self.span_ms = to_milliseconds(span)
        self._overlay = overlay
        self._size = to_milliseconds(step)
        self._oldest: int | None = None
        self._cached_at = float("-inf")

    def oldest(self) -> int | None:
        if self._oldest is None or time.monotonic() - self._cached_at > OLDEST_CACHE_TTL_S:
            failed_reads = self._overlay.failed_reads
            index = [step_s for step_s, _ in LEVEL_SPANS_S].index(int(self.step))
            times = [
                time_ms - offset_ms
                for reader, offset_ms in self._overlay.offsets().values()
                if (time_ms := _oldest_ms(reader, index)) is not None
            ]
            self._oldest = min(times, default=None)
            if self._overlay.failed_reads == failed_reads:
                self._cached_at = time.monotonic()
        return self._oldest

    def newest(self) -> int:
        """Return the end of the last complete point, even if a host's own level is behind."""
        unit = self._size or self.span_ms
        return self._overlay.newest().time_ms // unit * unit

    def columns(self, start: int, end: int, metrics: Sequence[str] | None) -> Columns:
        return overlay_points(self._overlay, self._overlay.progress(), start, end, self._size, metrics)


class OverlaySnapshot(Snapshot):
    """The hosts of an overlay at one moment. Each adds its ticks from its own log and blocks."""

    def __init__(self, cursor: Cursor, overlay: OverlayReader, members: Sequence[HostProgress]) -> None:
        self.cursor = cursor
        self._overlay = overlay
        self._members = members
        newest = overlay_points(overlay, members, cursor.time_ms - 1, cursor.time_ms, 0, None).ticks()
        self.newest: Tick | None = newest[-1] if newest else None

    def ticks(self, start: int, end: int, metrics: Sequence[str] | None) -> tuple[Columns, bool]:
        end = min(end, self.cursor.time_ms)
        columns = overlay_points(self._overlay, self._members, start, end, 0, metrics)
        return columns.between(start, end).select(None), True

    def is_in_memory(self, start: int) -> bool:
        return False

    def levels(self) -> Sequence[Level]:
        return self._overlay.levels()


def overlay_points(
    overlay: OverlayReader,
    members: Sequence[HostProgress],
    start: int,
    end: int,
    size: int,
    metrics: Sequence[str] | None,
) -> Columns:
    """Return the points of `size` milliseconds (0: ticks) of all hosts, by the common clock."""
    parts = []
    for member in members:
        names = overlay.names_of(member.name)
        keys = [key for key, own in names.items() if metrics is None or own in metrics]
        if not keys:
            continue
        offset_ms = member.offset_ms
        points = Levels(member.reader, 1.0, member.snapshot).read(
            start + offset_ms, end + offset_ms, size, keys
        )
        moved = points.shifted(-offset_ms, names)
        # Minutes that were complete by a skewed clock go into the minutes in which they end.
        parts.append(downsample(moved, size) if size and offset_ms % size else moved)
    return align(parts)


def _oldest_ms(reader: Reader, index: int) -> int | None:
    snapshot = reader.snapshot()
    levels = snapshot.levels()
    time_ms = levels[index].oldest() if len(levels) > index else None
    if time_ms is None:
        ticks, _is_complete = snapshot.ticks(-FOREVER_MS, FOREVER_MS, ())
        time_ms = int(ticks.t[0]) if len(ticks.t) else None
    return time_ms
