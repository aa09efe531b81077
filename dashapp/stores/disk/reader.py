"""Reads the disk store: the newest ticks from the mapped tail, older ones from SQLite.

It never writes, never unpickles and keeps no SQLite handle between reads. So a lock, a checkpoint or a
replaced file of the writer never makes a request wait or see half a window.
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from dashapp.model.ticks import Cursor, Tick, to_milliseconds
from dashapp.stores.archive import BlockReader
from dashapp.stores.cached_reader import MAX_CACHED_TICKS, NO_GENERATION, CachedReader
from dashapp.stores.disk.block_reader import DiskBlockReader, newest_values
from dashapp.stores.disk.documents import DocumentFile
from dashapp.stores.disk.mmap_tail import RingBuffer, RingBufferError
from dashapp.stores.disk.notices import read_notices
from dashapp.stores.documents import DOCUMENTS, Document, Value

# Seconds between two checks whether the files were replaced.
CHECK_INTERVAL_S = 0.5
NO_STORE_NOTICE = "There is no data yet: no collector has written to this store."


class DiskReader(CachedReader):
    """One per process, for any number of threads."""

    lag_ms = 0

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._lock = Lock()
        self._tail: RingBuffer | None = None
        self._head = -1
        self._newest = Cursor(NO_GENERATION, 0)
        self._checked = float("-inf")
        self._notices: list[str] = []
        self._documents = {document: DocumentFile(folder, document) for document in DOCUMENTS}

    def newest(self) -> Cursor:
        if clock.monotonic() - self._checked > CHECK_INTERVAL_S:
            self._refresh()
        tail = self._tail
        if tail is not None and tail.head != self._head:
            with self._lock:
                # Another thread may have replaced the file, or decoded the new records.
                if self._tail is not None and self._tail.head != self._head:
                    with suppress(RingBufferError):
                        self._decode_new(self._tail)
        return self._newest

    def read_document(self, document: Document[Value]) -> Value:
        value: Value = self._documents[document].read()
        return value

    def block_reader(self, level: str, span_ms: int) -> BlockReader:
        return DiskBlockReader(self._folder / level, span_ms)

    def notices(self) -> list[str]:
        return self._notices + self.damage_notices()

    def close(self) -> None:
        if self._tail is not None:
            self._tail.close()
            self._tail = None

    def _refresh(self) -> None:
        """Follow files that were replaced, after the folder was deleted or quarantined."""
        with self._lock:
            self._checked = clock.monotonic()
            self._notices = read_notices(self._folder) if self._folder.is_dir() else [NO_STORE_NOTICE]
            path = self._folder / "tail"
            try:
                if self._tail is None or path.stat().st_ino != self._tail.inode:
                    self._tail = RingBuffer(path)
                    self._head = -1
            except (OSError, RingBufferError):
                if self._tail is None:
                    self._newest = self._newest_row()

    def _decode_new(self, tail: RingBuffer) -> None:
        """Decode the new records of the tail."""
        generation = tail.generation
        reload = self._head < 0 or generation != self._newest.generation
        records, head, missed = tail.records(0 if reload else self._head)
        if missed and not reload:
            records, head, missed = tail.records()
            reload = True
        if tail.generation != generation:
            return  # reset during the read: the next call sees one generation only
        ticks = [Tick.decode(record) for record in records]
        self._ticks = (ticks if reload else self._ticks + ticks)[-MAX_CACHED_TICKS:]
        self._newest = Cursor(generation, to_milliseconds(self._ticks[-1].time) if self._ticks else 0)
        self._head = head

    def _newest_row(self) -> Cursor:
        newest = self.read_ticks(float("-inf"), float("inf"), 1)
        return Cursor(NO_GENERATION, to_milliseconds(newest[-1].time) if newest else 0)

    def newest_rows(self, limit: int) -> Iterable[object]:
        return newest_values(self._folder / "cache.db", limit)
