"""Sealing: takes whole spans of ticks out of the newest rows and hands them to the long memory.

At most one span a tick, so that catching up (an older store, a long outage) never holds a tick up.
"""

from __future__ import annotations

import logging
from pathlib import Path

from dashapp.model import Tick, milliseconds
from dashapp.notices import Notice
from dashapp.rollup import as_point, end_of
from dashapp.stores.long_memory import LongMemory, Retention
from dashapp.stores.rows import FAILURES, Rows

log = logging.getLogger("dashapp")

# Rows that stay beside what was sealed: what nearly every reader asks for, and what a copy of the log is for.
KEPT_MS = 600_000
# How long to leave a disk alone that has just refused.
RETRY_MS = 10_000
# Some hundred ticks a span, whatever the interval: few enough to seal between two ticks.
SPAN, SHORT_SPAN, FAST = 600, 60, 0.5


class Sealing:
    """Moves what is old enough. Its failures are told and tried again; the rows wait meanwhile."""

    def __init__(self, folder: Path, retention: Retention) -> None:
        self._folder = folder
        self._retention = retention
        self._notice = Notice(folder, "sealing")
        self._memory: LongMemory | None = None
        self._due = 0  # no span can be whole before a tick of this time, in epoch milliseconds

    def turn(self, rows: Rows, newest: int) -> None:
        """Seal one span where there is a whole one that ended long enough before `newest` (ms)."""
        if newest < self._due:
            return
        try:
            self._seal(rows, newest)
            self._notice.clear()
        except FAILURES as error:
            self.close()
            self._due = newest + RETRY_MS
            self._notice.say(f"The long history cannot be written ({error}); the newest ticks wait.")

    def _seal(self, rows: Rows, newest: int) -> None:
        first = rows.oldest(1)
        if not first:
            return
        oldest = _tick(first[0])
        if oldest is None:
            rows.drop(1)  # no row of ours: nobody reads it, and it must not stand in the way
            return
        span = SHORT_SPAN if oldest.step < FAST else SPAN
        end = end_of(milliseconds(oldest.time), span)
        self._due = end + KEPT_MS
        if newest < self._due:
            return
        if self._memory is None:
            self._memory = LongMemory(self._folder, self._retention)
        found = rows.oldest_until(lambda row: _is_later(row, end), at_first=span)
        ticks = [tick for tick in map(_tick, found) if tick is not None]
        if end > self._memory.sealed:
            self._memory.take([as_point(tick) for tick in ticks], end)
        rows.drop(len(found))
        self._due = 0

    def clear(self) -> None:
        """Forget all that was ever sealed."""
        memory = self._memory or LongMemory(self._folder, self._retention)
        self._memory = memory
        memory.clear()
        self._due = 0

    def close(self) -> None:
        self._due = 0
        if self._memory is not None:
            self._memory.close()
            self._memory = None


def _tick(row: object) -> Tick | None:
    try:
        return Tick.decode(row) if isinstance(row, str) else None
    except ValueError:
        return None


def _is_later(row: object, end: int) -> bool:
    tick = _tick(row)
    return tick is not None and milliseconds(tick.time) > end
