"""Reads the disk store: the newest ticks from the mapped tail, older ones from SQLite.

It never writes, never unpickles and keeps no SQLite handle between reads. So a lock, a checkpoint or a
replaced file of the writer never makes a request wait or see half a window.
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dashapp.model.notices import PublicNotice
from dashapp.model.ticks import Cursor, Tick, to_milliseconds
from dashapp.stores.cached_reader import NO_GENERATION, CachedReader
from dashapp.stores.disk.block_reader import MAX_KEY, DiskBlockReader, newest_values, select_rows
from dashapp.stores.disk.documents import DocumentFile
from dashapp.stores.disk.mmap_tail import RingBuffer, RingBufferError
from dashapp.stores.disk.notices import read_notices
from dashapp.stores.document_kind import Document, Value
from dashapp.stores.documents import DOCUMENTS
from dashapp.stores.failed_reads import FailedReads
from dashapp.stores.history.archive import BlockReader

# Seconds between two checks whether the files were replaced.
CHECK_INTERVAL_S = 0.5
NO_STORE_NOTICE = PublicNotice("There is no data yet: no collector has written to this store.")


class DiskReader(CachedReader):
    """One per process, for any number of threads."""

    lag_ms = 0

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._tail: RingBuffer | None = None
        self._head = -1
        self._checked = float("-inf")
        self._notices: list[str] = []
        self._documents = {document: DocumentFile(folder, document) for document in DOCUMENTS}
        self._failed_reads = FailedReads()

    @property
    def failed_reads(self) -> int:
        return self._failed_reads.count

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
        return self.newest_cursor

    def read_document(self, document: Document[Value]) -> Value:
        value: Value = self._documents[document].read()
        return value

    def block_reader(self, level: str, span_ms: int) -> BlockReader:
        return DiskBlockReader(self._folder / level, span_ms, self._failed_reads)

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
                    self._read_newest_row()

    def _decode_new(self, tail: RingBuffer) -> None:
        """Decode the new records of the tail."""
        generation = tail.generation
        reload = self._head < 0 or generation != self.newest_cursor.generation
        records, head, missed = tail.records(0 if reload else self._head)
        if missed and not reload:
            records, head, missed = tail.records()
            reload = True
        if tail.generation != generation:
            return  # reset during the read: the next call sees one generation only
        ticks = [Tick.decode(record) for record in records]
        if reload:
            self._cache.replace(ticks, is_whole=False)
        else:
            self._cache.extend(ticks)
        self._set_cursor(generation)
        self._head = head

    def _read_newest_row(self) -> None:
        """Read the newest tick from the log, because there is no tail."""
        ticks = self.read_ticks(float("-inf"), float("inf"), 1)
        if ticks[-1:] != [self._cache.newest]:
            self._cache.replace(ticks, is_whole=False)
        self._set_cursor(NO_GENERATION)

    def _set_cursor(self, generation: str) -> None:
        newest = self._cache.newest
        self.newest_cursor = Cursor(generation, to_milliseconds(newest.time) if newest else 0)

    def newest_rows(self) -> Iterator[object]:
        return newest_values(self._folder / "cache.db", self._failed_reads)

    def oldest_row(self) -> object:
        statement = "SELECT value FROM Cache WHERE raw = 1 AND key < ? ORDER BY key LIMIT 1"
        rows = select_rows(self._folder / "cache.db", self._failed_reads, statement, MAX_KEY)
        return rows[0][0] if rows else None
