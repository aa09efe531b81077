"""The disk store: a diskcache Deque of JSON rows behind a memory-mapped tail.

A tick goes into the tail first, which cannot fail, then into the Deque, which can. Rows that SQLite or the
disk refuses wait here, in order and bounded, until a write succeeds.
"""

from __future__ import annotations

import logging
from collections import deque
from contextlib import suppress
from functools import partial
from pathlib import Path

from dashapp.model.notices import os_error_reason
from dashapp.model.ticks import Cursor, StoreError, Tick, to_milliseconds
from dashapp.stores.archive import Retention
from dashapp.stores.base import MAX_ROW_CHARS, Store, row_time
from dashapp.stores.compaction import Compactor
from dashapp.stores.disk.archive import open_archive
from dashapp.stores.disk.documents import DocumentFiles
from dashapp.stores.disk.lock import WriterLock
from dashapp.stores.disk.mmap_tail import RING_BYTES, RingBuffer, RingBufferError
from dashapp.stores.disk.notices import NoticeFile
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.row_log import FAILURES, RowLog, is_corrupt, quarantine
from dashapp.stores.documents import Document, Value
from dashapp.stores.proxy import ReaderProxy

log = logging.getLogger("dashapp")

# Rows to read back into a lost tail.
REFILL_ROWS = 1000


class DiskStore(ReaderProxy, Store):
    """The only writer of a folder. StoreLockedError or StoreError if it cannot write there."""

    def __init__(self, folder: Path, keep: int = 7200, retention: Retention | None = None) -> None:
        self._reader = DiskReader(folder)
        self._documents = DocumentFiles(folder)
        self.dropped = 0
        self._folder = folder
        self._keep = keep
        self._notice = self.notice_sink("store")
        open_store_archive = partial(open_archive, folder, retention or Retention())
        self._compactor: Compactor[int] = Compactor(open_store_archive, self.notice_sink("sealing"), FAILURES)
        self._pending: deque[str] = deque(maxlen=keep)
        self._rows: RowLog | None = None
        self._tail: RingBuffer | None = None
        self._lock: WriterLock | None = None
        self._last = 0
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = WriterLock(folder)
            self._notice.clear()
            self.notice_sink("history").clear()
            self._open()
            self._flush()
        except FAILURES as error:
            self._close_files()
            raise StoreError(f"cannot write to {folder}: {error}") from error

    def append(self, tick: Tick) -> bool:
        time = to_milliseconds(tick.time)
        if time <= self._last:
            self.dropped += 1
            return False
        row = tick.encode()
        if len(row) > MAX_ROW_CHARS:
            raise StoreError(f"a tick has {len(row)} characters; expected at most {MAX_ROW_CHARS}")
        self._last = time
        self._pending.append(row)
        try:
            if self._tail is not None:
                self._tail = self._append_to_tail(self._tail, row)
            if not self._is_current():
                self._reopen()
                log.warning("%s was removed or replaced; it is created again", self._folder)
            self._flush()
        except FAILURES as error:
            self._fail(error)
        self._documents.write()
        if self._rows is not None and not self._pending:
            self._compactor.run(self._rows, time)
        return True

    def newest(self) -> Cursor:
        # The writer knows this itself. A reader would hold the whole decoded tail, a third of this process.
        return self._reader.newest() if self._tail is None else Cursor(self._tail.generation, self._last)

    def reader(self) -> DiskReader:
        return self._reader

    def write_document(self, document: Document[Value], value: Value) -> None:
        self._documents.put(document, value)

    def notice_sink(self, name: str) -> NoticeFile:
        return NoticeFile(self._folder, name)

    def close(self) -> None:
        """Write the waiting rows, and unlock the folder."""
        with suppress(*FAILURES):
            self._flush(closing=True)
        self._close_files()
        self._reader.close()

    def _open(self) -> None:
        """Open lock, Deque and tail, and bring each up to date with the others."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        if self._lock is None:
            self._lock = WriterLock(self._folder)
        try:
            self._rows = RowLog(self._folder, self._keep)
        except FAILURES as error:
            if not is_corrupt(error):
                raise
            self._quarantine()
            self._rows = RowLog(self._folder, self._keep)
        self._open_tail(self._rows, next((time for time, _row in self._rows.newest()), 0))

    def _open_tail(self, log_rows: RowLog, stored: int) -> None:
        """Open the tail, or create one. Ticks that only tail or Deque has go into the other."""
        rows = {to_milliseconds(row_time(row)): row for row in self._pending}
        path = self._folder / "tail"
        newest = 0
        try:
            self._tail = RingBuffer(path, write=True)
            for record in self._tail.records()[0]:
                row = record.decode()
                newest = max(newest, time := to_milliseconds(row_time(row)))
                if time > stored:
                    rows.setdefault(time, row)
        except (OSError, RingBufferError, ValueError):
            self._tail = RingBuffer.create(path)
        newest = max(rows, default=newest)
        self._pending.clear()
        self._pending.extend(rows[time] for time in sorted(rows) if time > stored)
        if newest < stored or self._tail.head == 0:
            # No tail, or an older one (from a backup of the store): fill it from the Deque.
            self._tail.reset()
            refill, free_bytes = list[str](), RING_BYTES
            for _time, row in log_rows.newest():
                refill.append(row)
                free_bytes -= len(row)
                if free_bytes < 0 or len(refill) >= REFILL_ROWS:
                    break
            self._tail = self._append_to_tail(self._tail, *reversed(refill), *self._pending)
        self._last = max(self._last, newest, stored)

    def _append_to_tail(self, tail: RingBuffer, *rows: str) -> RingBuffer:
        """Add rows. Return the tail, which is a larger one if they are too long for it."""
        for row in rows:
            record = row.encode()
            if len(record) > tail.max_record_bytes:
                previous = tail
                # The generation stays, because all readers can go on in it.
                tail = RingBuffer.create(self._folder / "tail", len(record), previous.generation)
                for earlier in previous.records()[0]:
                    tail.append(earlier)
                previous.close()
            tail.append(record)
        return tail

    def _is_current(self) -> bool:
        try:
            return (
                self._rows is not None
                and self._tail is not None
                and self._rows.is_current()
                and (self._folder / "tail").stat().st_ino == self._tail.inode
            )
        except OSError:
            return False

    def _reopen(self) -> None:
        """Begin again after the folder is gone, with the ticks of the old tail."""
        if self._tail is not None:
            with suppress(RingBufferError):
                records = [record.decode() for record in self._tail.records()[0]]
                self._pending.clear()
                self._pending.extend(records)
        self._close_files()
        self._open()
        self._documents.rewrite_all()

    def _close_files(self) -> None:
        for part in (self._rows, self._tail, self._lock):
            if part is not None:
                with suppress(*FAILURES):
                    part.close()
        self._compactor.close()
        self._rows = self._tail = self._lock = None

    def _flush(self, closing: bool = False) -> None:
        """Move the waiting rows into the Deque, in one transaction."""
        rows = self._rows
        if rows is None or not self._pending or (not closing and rows.should_defer(len(self._pending))):
            return
        if not rows.extend(self._pending) and self._tail is not None:
            log.warning("another process emptied the store; a new one begins")
            self._tail.reset()
            self._tail = self._append_to_tail(self._tail, *self._pending)
        self._pending.clear()
        self._notice.clear()

    def _fail(self, error: BaseException) -> None:
        if is_corrupt(error):
            with suppress(*FAILURES):
                self._quarantine()
                self._reopen()
                self._flush()
            return
        # diskcache raises Timeout, without a reason, if a transaction cannot begin.
        reason = os_error_reason(error) or "it is locked or may not be written"
        self._notice.set(f"The history cannot be saved ({reason}): new ticks wait in memory.")

    def _quarantine(self) -> None:
        if self._rows is not None:
            self._rows.close()
        name = quarantine(self._folder)
        sentence = f"The history was damaged. It was renamed to {name}, and a new one has begun."
        self.notice_sink("history").set(sentence)
