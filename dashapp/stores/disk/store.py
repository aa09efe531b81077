"""The disk store: a diskcache Deque of JSON rows behind a memory-mapped tail.

A tick goes into the tail first, which cannot fail, then into the Deque, which can. Rows that SQLite or the
disk refuses wait here, in order and bounded, until a write succeeds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from dashapp.model.notices import os_error_reason
from dashapp.model.ticks import Cursor, StoreError, Tick, to_milliseconds
from dashapp.model.top import TopRecord
from dashapp.stores.base import MAX_ROW_CHARS, MeanLevel, Rewind, Store, row_time, row_time_ms
from dashapp.stores.disk.block_reader import newest_values
from dashapp.stores.disk.database import FAILURES, DamagedError, is_corrupt
from dashapp.stores.disk.documents import DocumentFiles, JournalFile
from dashapp.stores.disk.level_storages import LEVEL_NAMES, TOP_NAMES
from dashapp.stores.disk.lock import WriterLock
from dashapp.stores.disk.mmap_tail import RING_BYTES, RingBuffer, RingBufferError, salvage_records
from dashapp.stores.disk.notices import NoticeFile
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.row_log import BATCH_ROWS, PendingRows, RowLog
from dashapp.stores.disk.salvage import DAMAGED_NAME, finish_quarantine, quarantine, salvage_rows
from dashapp.stores.disk.space import NOTICE_NAMES, DiskSpace
from dashapp.stores.disk.startup_space import make_room
from dashapp.stores.document_kind import Document, Value
from dashapp.stores.history.archive import ASIDE, Retention
from dashapp.stores.history.compaction import Compactor
from dashapp.stores.history.rewind import Rewinder
from dashapp.stores.proxy import ReaderProxy

log = logging.getLogger("dashapp")

# Rows to read back into a lost tail.
REFILL_ROWS = 1000


class DiskStore(ReaderProxy, Store):
    """The only writer of a folder. StoreLockedError or StoreError if it cannot write there."""

    def __init__(
        self,
        folder: Path,
        keep: int = 7200,
        retention: Retention | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`now`: the wall time in seconds UTC."""
        self._reader = DiskReader(folder)
        self._documents = DocumentFiles(folder)
        self.dropped = 0
        self._folder = folder
        self._keep = keep
        self._notice = self.notice_sink("store")
        self._space = DiskSpace(folder, retention or Retention(), now)
        self._compactor: Compactor[int] = Compactor(
            self._space.open_archive, self.notice_sink("sealing"), FAILURES
        )
        self._rewinder = Rewinder(JournalFile(folder / "rewind.journal"))
        self._pending = PendingRows()
        self._rows: RowLog | None = None
        self._tail: RingBuffer | None = None
        self._lock: WriterLock | None = None
        self._last = 0
        self._lost_ticks: int | None = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = WriterLock(folder)
            for name in ("store", "history", *LEVEL_NAMES, *TOP_NAMES, ASIDE, *NOTICE_NAMES):
                self.notice_sink(name).clear()
            self._open()
            self._flush()
        except FAILURES as error:
            self._close_files()
            raise StoreError(f"cannot write to {folder}: {error}") from error

    def append(self, tick: Tick) -> bool:
        time_ms = to_milliseconds(tick.time)
        if time_ms <= self._last:
            self.dropped += 1
            return False
        row = tick.encode()
        if len(row) > MAX_ROW_CHARS:
            raise StoreError(f"a tick has {len(row)} characters; expected at most {MAX_ROW_CHARS}")
        self._last = time_ms
        self._pending.append(row)
        is_stored = False
        try:
            self._append_to_tail(row)
            if not self._is_current():
                self._reopen()
                log.warning("%s was removed or replaced; it is created again", self._folder)
            self._apply_rewinds()
            is_stored = self._flush()
        except FAILURES as error:
            self._fail(error)
        self._documents.write()
        if is_stored and self._rows is not None:
            self._compactor.run(self._rows, time_ms)
        self._keep_space()
        return True

    def append_top(self, record: TopRecord) -> None:
        self._compactor.put_top(record)

    def rewind(self, rewind: Rewind) -> None:
        self._compactor.drop_top(rewind.after_ms)
        with suppress(*FAILURES):
            while self._pending and self._flush(closing=True):
                pass
        waiting = _rows_by_time(self._pending)
        self._pending.replace(row for time_ms, row in waiting.items() if time_ms <= rewind.after_ms)
        self._rewinder.add(rewind, [row for time_ms, row in waiting.items() if time_ms > rewind.after_ms])
        self._last = rewind.after_ms
        try:
            # Readers get right times at once, even if the disk refuses all else.
            self._reset_tail([row for row in self._tail_rows() if row_time_ms(row) <= rewind.after_ms])
            self._apply_rewinds()
        except FAILURES as error:
            self._fail(error)

    def _apply_rewinds(self) -> None:
        """Correct the files. Waiting rows come later, so this is done before they are written."""
        if not self._rewinder or self._rows is None:
            return
        try:
            self._compactor.rewind(self._rows, self._rewinder)
        except FAILURES as error:
            if self._rows.is_damaged or not is_corrupt(error):
                raise
            # A level is damaged. The next tick opens a new one, and repeats this.
            log.warning("the history is not corrected yet (%s)", os_error_reason(error))
            return
        rows = self._newest_log_rows()
        self._last = max([self._last, *map(row_time_ms, rows[-1:])])
        self._reset_tail(rows)

    def _reset_tail(self, rows: Iterable[str]) -> None:
        if self._tail is not None:
            self._tail.reset()
            self._tail = self._extend_tail(self._tail, rows)

    def lost_ticks(self) -> int | None:
        return self._lost_ticks

    def newest(self) -> Cursor:
        # The writer knows this itself. A reader would hold the whole decoded tail, a third of this process.
        return self._reader.newest() if self._tail is None else Cursor(self._tail.generation, self._last)

    def reader(self) -> DiskReader:
        return self._reader

    def mean_levels(self) -> tuple[MeanLevel, MeanLevel]:
        return self._reader.mean_levels()

    def write_document(self, document: Document[Value], value: Value) -> None:
        self._documents.put(document, value)

    def notice_sink(self, name: str) -> NoticeFile:
        return NoticeFile(self._folder, name)

    def close(self) -> None:
        """Write the waiting rows, and unlock the folder."""
        with suppress(*FAILURES):
            self._apply_rewinds()
            while self._pending and self._flush(closing=True):
                pass
        self._close_files()
        self._reader.close()

    def _open(self) -> None:
        """Open lock, Deque and tail, and bring each up to date with the others."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        if self._lock is None:
            self._lock = WriterLock(self._folder)
        if deleted := make_room(self._folder):
            self.notice_sink("disk").set(
                f"The disk of {self._folder} was full: {', '.join(deleted)} had to be deleted to open it."
            )
        self._rows = self._open_log()
        self._rewinder.load()
        self._apply_rewinds()
        self._open_tail(next((time for time, _row in self._newest_rows()), 0))

    def _open_log(self) -> RowLog:
        """Open the log. A damaged one is quarantined, and its readable rows are copied."""
        try:
            rows = RowLog(self._folder, self._keep)
        except FAILURES as error:
            if not is_corrupt(error):
                raise
            quarantine(self._folder)
            rows = RowLog(self._folder, self._keep)
        if (self._folder / DAMAGED_NAME).exists():
            self._salvage_log(rows)
        return rows

    def _salvage_log(self, log: RowLog) -> None:
        damaged = self._folder / DAMAGED_NAME
        found: dict[int, str] = {}
        texts = (value for (value,) in salvage_rows(damaged, "value", "raw = 1"))
        found.update(_rows_by_time(text for text in texts if isinstance(text, str)))
        oldest = min(found, default=0)
        # The tail may have the rows of the damaged pages.
        with suppress(OSError):
            tail = salvage_records(self._folder / "tail")
            rows = _rows_by_time(record.decode(errors="replace") for record in tail)
            found |= {time: row for time, row in rows.items() if time >= oldest and time not in found}
        waiting = min(_rows_by_time(self._pending), default=1 << 62)
        rows_to_keep = [found[time] for time in sorted(found) if time < waiting]
        if not log.read(None, 1):
            log.extend(rows_to_keep)
        name = finish_quarantine(damaged)
        result = f"{len(rows_to_keep)} of its ticks were recovered" if found else "a new one has begun"
        self.notice_sink("history").set(f"The history was damaged. It was renamed to {name}, and {result}.")

    def _open_tail(self, stored: int) -> None:
        """Open the tail, or create one. Ticks that only tail or Deque has go into the other."""
        rows = _rows_by_time(self._pending)
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
            with suppress(OSError):
                records = salvage_records(path)
                rows = _rows_by_time(record.decode(errors="replace") for record in records) | rows
            self._tail = RingBuffer.create(path)
        newest = max(rows, default=newest)
        self._pending.replace(rows[time] for time in sorted(rows) if time > stored)
        if newest < stored or self._tail.head == 0:
            # No tail, or an older one (from a backup of the store): fill it from the Deque.
            self._tail.reset()
            self._tail = self._refill(self._tail)
        self._last = max(self._last, newest, stored)

    def _newest_rows(self) -> Iterator[tuple[int, str]]:
        """Yield the ticks of the log, newest first, each with its time in milliseconds."""
        for row in newest_values(self._folder / "cache.db"):
            with suppress(ValueError):  # not written by dashapp
                if isinstance(row, str):
                    yield to_milliseconds(Tick.decode(row).time), row

    def _refill(self, tail: RingBuffer) -> RingBuffer:
        """Add the newest rows of the log, and the waiting ones."""
        return self._extend_tail(tail, self._newest_log_rows())

    def _newest_log_rows(self) -> list[str]:
        """Return the newest rows of the log, and the waiting ones, oldest first."""
        rows, free_bytes = list[str](), RING_BYTES
        for _time, row in self._newest_rows():
            rows.append(row)
            free_bytes -= len(row)
            if free_bytes < 0 or len(rows) >= REFILL_ROWS:
                break
        return [*reversed(rows), *self._pending]

    def _tail_rows(self) -> list[str]:
        if self._tail is None:
            return []
        try:
            return [record.decode(errors="replace") for record in self._tail.records()[0]]
        except RingBufferError:
            return []

    def _extend_tail(self, tail: RingBuffer, rows: Iterable[str]) -> RingBuffer:
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
                self._pending.replace(records)
        self._close_files()
        self._open()
        self._documents.rewrite_all()

    def _close_files(self) -> None:
        for part in (self._rows, self._tail, self._lock):
            if part is not None:
                with suppress(*FAILURES):
                    part.close()
        self._compactor.close()
        self._space.levels.close()
        self._rows = self._tail = self._lock = None

    def _append_to_tail(self, row: str) -> None:
        if self._tail is None:
            return
        try:
            self._tail = self._extend_tail(self._tail, [row])
        except RingBufferError:
            log.warning("the file of the newest ticks was damaged; it is created again")
            self._tail.close()
            self._tail = None  # a failure here opens it again at the next tick
            self._tail = self._refill(RingBuffer.create(self._folder / "tail"))

    def _flush(self, closing: bool = False) -> bool:
        """Move some waiting rows into the Deque, in one transaction; False if they still wait."""
        rows = self._rows
        if rows is None or self._rewinder:
            return False
        if not closing and self._pending and rows.should_defer(len(self._pending)):
            return False
        batch = self._pending.oldest(BATCH_ROWS)
        if not batch:
            return True
        if not rows.extend(batch) and self._tail is not None:
            log.warning("another process emptied the store; a new one begins")
            self._tail.reset()
            self._tail = self._extend_tail(self._tail, self._pending)
        self._pending.remove(len(batch))
        self._lost_ticks = None
        self._notice.clear()
        return True

    def _keep_space(self) -> None:
        """Check the space, and replace the log if it was found to be damaged."""
        with suppress(*FAILURES):
            self._space.step(self._rows)
        if self._rows is not None and self._rows.is_damaged:
            self._fail(DamagedError("the log is damaged"))

    def _fail(self, error: BaseException) -> None:
        if is_corrupt(error):
            with suppress(*FAILURES):
                self._compactor.close()
                if self._rows is not None:
                    self._rows.close()
                self._rows = None
                quarantine(self._folder)
                self._rows = self._open_log()
                self._flush()
            return
        # diskcache raises Timeout, without a reason, if a transaction cannot begin.
        reason = os_error_reason(error) or "it is locked or may not be written"
        self._lost_ticks = self._pending.lost
        lost = f", and the {self._pending.lost} oldest of them are lost" if self._pending.lost else ""
        self._notice.set(f"The history cannot be saved ({reason}): new ticks wait in memory{lost}.")


def _rows_by_time(rows: Iterable[str]) -> dict[int, str]:
    """Return the rows by their time in epoch milliseconds, without those that are no ticks."""
    return {time: row for row in rows if (time := row_time_ms(row))}
