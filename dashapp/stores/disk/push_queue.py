"""The push queue in files of the store's folder: the web processes append, one collector takes.

A record is written before its push is answered, so that a killed process takes none along. How far a tick got
is marked before the tick is appended, together with the tick before it: the store's newest tick then shows,
even after a crash, which records are still to come, and each record is in exactly one tick.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dashapp.model.ticks import PushQueueError
from dashapp.process.file_lock import lock_file
from dashapp.stores.push_queue import (
    MAX_QUEUED_BYTES,
    MAX_RECORD_BYTES,
    AcceptRecord,
    CollectorHeartbeat,
    queue_full_error,
)

# The mark's place at the head of a file, written over in place: that takes no room on a full disk.
HEADER_BYTES = 64
# Seconds to wait for another process that writes; a tick waits less, and takes the records next time.
LOCK_TIMEOUT_S, TICK_LOCK_TIMEOUT_S = 0.5, 0.05


class DiskPushQueue:
    """`push.spool` grows by what is put; renamed to `push.taken` it is read by the collector, and removed."""

    def __init__(self, folder: Path, interval: float = 1.0, most: int = MAX_QUEUED_BYTES) -> None:
        self._looked = CollectorHeartbeat(interval)
        self._most = most
        self._path = folder / "push.spool"
        self._taken = folder / "push.taken"
        self._lock = folder / "push.lock"

    def put(self, record: bytes) -> None:
        try:
            # The collector touches it whenever it looks.
            looked = self._lock.stat().st_mtime if self._lock.exists() else 0.0
            self._looked.check(looked)
            with self._locked(LOCK_TIMEOUT_S):
                self._append(record)
        except TimeoutError:
            raise PushQueueError("another process writes what was pushed; try again") from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise PushQueueError(f"what was pushed cannot be kept ({reason}); try again later") from error

    def take(self, newest: int, accept: AcceptRecord) -> None:
        """One that was torn when its writer was killed, and so never answered, is handed over as it is."""
        with suppress(OSError):  # the folder may be gone: the store makes it anew
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
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            # The line break comes first: what a killed writer left unfinished spoils no record after it.
            data = b"\n" + record
            if size < HEADER_BYTES:
                os.ftruncate(descriptor, size := 0)
                data = b" " * HEADER_BYTES + data
            if size + len(data) > self._most:
                raise queue_full_error(self._most)
            try:
                if os.write(descriptor, data) < len(data):
                    raise OSError(None, "the disk is full")
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)

    def _open_waiting(self, newest: int) -> BinaryIO | None:
        """The file to read, at the first record that is in no tick; None where nothing waits."""
        with suppress(FileNotFoundError):
            file = self._open(newest)
            if file is not None:
                return file
            self._taken.unlink()
        if not self._path.exists():
            return None
        try:
            with self._locked(TICK_LOCK_TIMEOUT_S):
                self._path.replace(self._taken)
        except TimeoutError:
            return None
        return self._open(newest)

    def _open(self, newest: int) -> BinaryIO | None:
        """None where all of what was taken is stored."""
        file = self._taken.open("r+b")
        start, end, before = _decode_mark(file.read(HEADER_BYTES))
        # A tick came after the one that the mark names: it holds what lies up to the end.
        place = end if newest > before else start
        if place >= os.fstat(file.fileno()).st_size:
            file.close()
            return None
        file.seek(place)
        return file

    @contextmanager
    def _locked(self, patience: float) -> Iterator[None]:
        """While no other process or thread has the spool open. TimeoutError where one has it for too long."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            end = time.monotonic() + patience
            while True:
                try:
                    lock_file(descriptor)
                    break
                except OSError:
                    if time.monotonic() >= end:
                        raise TimeoutError from None
                    time.sleep(0.001)
            yield
        finally:
            os.close(descriptor)


def _encode_mark(file: BinaryIO, start: int, end: int, newest: int) -> None:
    file.seek(0)
    file.write(f"{start} {end} {newest}".ljust(HEADER_BYTES).encode())
    file.flush()


def _decode_mark(header: bytes) -> tuple[int, int, int]:
    """The start and end of what was last taken, and the tick before it; nothing where nothing is marked."""
    try:
        start, end, newest = map(int, header.split())
    except ValueError:
        return HEADER_BYTES, HEADER_BYTES, 0
    return max(start, HEADER_BYTES), max(end, HEADER_BYTES), newest
