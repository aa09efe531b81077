"""Reading the disk store: the newest ticks from the mapped tail, older ones by one read-only SELECT.

Never writes, never unpickles, and holds no SQLite handle between reads, so that nothing of the writer's
(a lock, a checkpoint, a replaced file) can make a request wait or see half a window.
"""

from __future__ import annotations

import sqlite3
import time as clock
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote

from dashapp.model.notices import damage_notice
from dashapp.model.thresholds import AlertChange, AlertState
from dashapp.model.ticks import Cursor, Curves, Metric, Tick, to_milliseconds
from dashapp.stores import documents
from dashapp.stores.disk.documents import CHANGES, CURVES, LOOKS, METRICS, SENT, THRESHOLDS, DocumentFile
from dashapp.stores.disk.mmap_tail import RingBuffer, RingBufferError
from dashapp.stores.disk.notices import read_notices

if TYPE_CHECKING:
    from dashapp.stores.archive_reader import ArchiveLevelReader

# Decoded ticks held for all viewers; what is older is read again when somebody asks.
MAX_CACHED_TICKS = 2048
# How often to look whether somebody replaced the files under us, in seconds.
CHECK_INTERVAL_S = 0.5
NO_GENERATION = "0" * 16
NO_STORE_NOTICE = "There is no store where this page looks for one: no collector has written to it yet."


class DiskReader:
    """One for a process; any number of threads ask it."""

    lag_ms = 0

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._tail: RingBuffer | None = None
        self._head = -1
        self._ticks: list[Tick] = []
        self._mark = Cursor(NO_GENERATION, 0)
        self._looked = float("-inf")
        self._notices: list[str] = []
        self._metrics = DocumentFile(folder / METRICS, documents.decode_metrics)
        self._looks = DocumentFile(folder / LOOKS, documents.decode_panel_kinds)
        self._thresholds = DocumentFile(folder / THRESHOLDS, documents.decode_thresholds)
        self._curves = DocumentFile(folder / CURVES, documents.decode_curves)
        self._changes = DocumentFile(folder / CHANGES, documents.decode_changes)
        self._sent = DocumentFile(folder / SENT, documents.decode_sent)
        self._levels: Sequence[ArchiveLevelReader] | None = None

    def newest(self) -> Cursor:
        if clock.monotonic() - self._looked > CHECK_INTERVAL_S:
            self._refresh()
        tail = self._tail
        if tail is not None and tail.head != self._head:
            with self._lock:
                # Another thread may have put a new file in its place, or have taken what is new.
                if self._tail is not None and self._tail.head != self._head:
                    with suppress(RingBufferError):
                        self._decode_new(self._tail)
        return self._mark

    def since(self, time: float, limit: int) -> list[Tick]:
        self.newest()
        ticks = self._ticks
        start = bisect_right(ticks, time, key=lambda tick: tick.time)
        if start > 0 or len(ticks) >= limit:
            return ticks[max(start, len(ticks) - limit) :]
        before = ticks[0].time if ticks else float("inf")
        return self.rows(time, before, limit - len(ticks)) + ticks

    def levels(self) -> Sequence[ArchiveLevelReader]:
        if self._levels is None:
            # Only those who read history need it, and the collector has no room for numpy.
            from dashapp.stores.disk.archive import open_levels

            self._levels = open_levels(self._folder)
        return self._levels

    def metrics(self) -> list[Metric]:
        return self._metrics.read()

    def panel_kinds(self) -> Mapping[str, str]:
        return self._looks.read()

    def curves(self) -> Mapping[str, Curves]:
        return self._curves.read()

    def thresholds(self) -> list[AlertState]:
        return self._thresholds.read()

    def changes(self) -> list[AlertChange]:
        return self._changes.read()

    def deliveries(self) -> Mapping[str, int]:
        return self._sent.read()

    def notices(self) -> list[str]:
        damaged = sum(level.damaged for level in self._levels or ())
        if not damaged:
            return self._notices
        return [*self._notices, damage_notice(damaged)]

    def close(self) -> None:
        if self._tail is not None:
            self._tail.close()
            self._tail = None

    def _refresh(self) -> None:
        """Follow the files where they were replaced: the folder deleted, the store set aside."""
        with self._lock:
            self._looked = clock.monotonic()
            self._notices = read_notices(self._folder) if self._folder.is_dir() else [NO_STORE_NOTICE]
            path = self._folder / "tail"
            try:
                if self._tail is None or path.stat().st_ino != self._tail.inode:
                    self._tail = RingBuffer(path)
                    self._head = -1
            except (OSError, RingBufferError):
                if self._tail is None:
                    self._mark = self._newest_row()

    def _decode_new(self, tail: RingBuffer) -> None:
        """Decode what is new in the tail."""
        life = tail.generation
        again = self._head < 0 or life != self._mark.generation
        records, head, missed = tail.records(0 if again else self._head)
        if missed and not again:
            records, head, missed = tail.records()
            again = True
        if tail.generation != life:
            return  # renewed while we read: the next call sees one life only
        ticks = [Tick.decode(record) for record in records]
        self._ticks = (ticks if again else self._ticks + ticks)[-MAX_CACHED_TICKS:]
        self._mark = Cursor(life, to_milliseconds(self._ticks[-1].time) if self._ticks else 0)
        self._head = head

    def rows(self, time: float, before: float, limit: int) -> list[Tick]:
        """The newest `limit` ticks between `time` and `before`, oldest first, from SQLite."""
        found: list[Tick] = []
        for (value,) in self._select(limit + MAX_CACHED_TICKS):
            if not isinstance(value, str):
                continue
            try:
                at = float(value[1 : value.index(",")])
                if at <= time or len(found) >= limit:
                    break
                if at < before:
                    found.append(Tick.decode(value))
            except ValueError:
                continue  # no row of ours
        found.reverse()
        return found

    def _newest_row(self) -> Cursor:
        newest = self.rows(float("-inf"), float("inf"), 1)
        return Cursor(NO_GENERATION, to_milliseconds(newest[-1].time) if newest else 0)

    def _select(self, limit: int) -> list[tuple[object]]:
        """The newest rows, newest first; none where the file is absent, locked or damaged.

        Fetched whole: an open statement would keep the writer from resetting its log.
        """
        uri = f"file:{quote(str(self._folder / 'cache.db'))}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=0.5)) as connection:
                return connection.execute(
                    "SELECT value FROM Cache WHERE raw = 1 ORDER BY key DESC LIMIT ?", (limit,)
                ).fetchall()
        except sqlite3.Error:
            return []
