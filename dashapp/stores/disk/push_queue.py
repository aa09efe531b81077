"""The push queue in files of the store's folder: web processes append, one collector takes.

A push gets its response after its record is in the file, so that a killed process loses none.

Before each tick the collector marks how far that tick reads, together with the tick before it. Even after a
crash, the store's newest tick then shows which records are still to come, and each record is in exactly one
tick.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from dashapp.model.ticks import PushQueueError
from dashapp.process.file_lock import locked
from dashapp.stores.push_queue import (
    MAX_QUEUED_BYTES,
    MAX_RECORD_BYTES,
    AcceptRecord,
    CollectorHeartbeat,
    queue_full_error,
    unwritable_error,
)

# Bytes for the mark at the head of a file. It is overwritten in place, which needs no room on a full disk.
HEADER_BYTES = 64
# Seconds to wait for another process that writes. A tick waits less, and takes the records next time.
LOCK_TIMEOUT_S, TICK_LOCK_TIMEOUT_S = 0.5, 0.05
# Without this, Windows writes a carriage return before each line feed.
_BINARY = getattr(os, "O_BINARY", 0)


class DiskPushQueue:
    """Web processes append to `push.spool`. The collector renames, reads and removes it."""

    def __init__(self, folder: Path, interval: float = 1.0, max_bytes: int = MAX_QUEUED_BYTES) -> None:
        self._heartbeat = CollectorHeartbeat(interval)
        self._max_bytes = max_bytes
        self._path = folder / "push.spool"
        self._taken_path = folder / "push.taken"
        self._lock = folder / "push.lock"

    def put(self, record: bytes) -> None:
        try:
            # The collector touches this file at each read.
            last_read = self._lock.stat().st_mtime if self._lock.exists() else 0.0
            self._heartbeat.check(last_read)
            with locked(self._lock, LOCK_TIMEOUT_S):
                self._append(record)
        except TimeoutError:
            raise PushQueueError("another process holds the push queue; try again") from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise unwritable_error(reason) from error

    def take(self, newest: int, accept: AcceptRecord) -> None:
        """Pass the waiting records on. An incomplete one, of a killed writer, goes as it is."""
        with suppress(OSError):  # the folder may be gone: the store creates it again
            self._lock.touch(mode=0o600)
        file = self._open_waiting(newest)
        if file is None:
            return
        with file:
            start = end = file.tell()
            while line := file.readline(MAX_RECORD_BYTES + 1):
                record = line.rstrip(b"\n")
                if record and not accept(record):
                    break
                end += len(line)
            if end > start:
                _encode_mark(file, start, end, newest)

    def _append(self, record: bytes) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _BINARY, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            # The line break comes first, so that an incomplete record of a killed writer spoils no record
            # after it.
            data = b"\n" + record
            if size < HEADER_BYTES:
                os.ftruncate(descriptor, size := 0)
                data = b" " * HEADER_BYTES + data
            if size + len(data) > self._max_bytes:
                raise queue_full_error(self._max_bytes)
            try:
                if os.write(descriptor, data) < len(data):
                    raise OSError(None, "the disk is full")
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)

    def _open_waiting(self, newest: int) -> BinaryIO | None:
        """Open the file at the first record that is in no tick; None if none waits."""
        with suppress(FileNotFoundError):
            file = self._open(newest)
            if file is not None:
                return file
            self._taken_path.unlink()
        if not self._path.exists():
            return None
        try:
            with locked(self._lock, TICK_LOCK_TIMEOUT_S):
                self._path.replace(self._taken_path)
        except TimeoutError:
            return None
        return self._open(newest)

    def _open(self, newest: int) -> BinaryIO | None:
        """Open `push.taken`; None if all of its records are stored."""
        file = self._taken_path.open("r+b")
        start, end, before = _decode_mark(file.read(HEADER_BYTES))
        # If the marked tick is no longer the newest, a tick holds the records up to the end. Its time can be
        # the earlier one, if the clock was set back.
        position = end if newest != before else start
        if position >= os.fstat(file.fileno()).st_size:
            file.close()
            return None
        file.seek(position)
        return file


def _encode_mark(file: BinaryIO, start: int, end: int, newest: int) -> None:
    file.seek(0)
    file.write(f"{start} {end} {newest}".ljust(HEADER_BYTES).encode())
    file.flush()


def _decode_mark(header: bytes) -> tuple[int, int, int]:
    """Return start and end of the records last taken, and the tick before them; else none."""
    try:
        start, end, newest = map(int, header.split())
    except ValueError:
        return HEADER_BYTES, HEADER_BYTES, 0
    return max(start, HEADER_BYTES), max(end, HEADER_BYTES), newest
