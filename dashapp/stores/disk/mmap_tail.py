"""The newest ticks in a small memory-mapped file: one process writes, any number read without a lock.

It keeps the live view moving whatever SQLite or the disk does, because its space is allocated when
it is made, and it tells a reader in well under a microsecond whether there is anything new. A ring of
records, each `length, crc32, text`; three counters of bytes ever written say which are whole: the start
moves before what it gives up is written over, so what a reader copied is whole from the start it sees after.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import secrets
import struct
import zlib
from pathlib import Path

MAGIC = b"dashtl01"
HEADER_BYTES = 64
RING_BYTES = 1 << 20
MAX_RECORD_BYTES = RING_BYTES // 4
_RECORD = struct.Struct("<II")
# Places in the header, counted in 64-bit words: a claim runs ahead of a write, the head follows it.
_MAGIC, _LIFE, _CLAIM, _HEAD, _START = range(5)


class RingBufferError(Exception):
    """The file is not a tail, or not a whole one."""


class RingBuffer:
    """The mapped file. `inode` tells whether the path still names the same file."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        descriptor = os.open(path, os.O_RDWR if write else os.O_RDONLY)
        try:
            status = os.fstat(descriptor)
            self.inode = status.st_ino
            if status.st_size != HEADER_BYTES + RING_BYTES:
                raise RingBufferError(f"{path.name} has {status.st_size} bytes")
            access = mmap.ACCESS_WRITE if write else mmap.ACCESS_READ
            self._map = mmap.mmap(descriptor, HEADER_BYTES + RING_BYTES, access=access)
        finally:
            os.close(descriptor)
        self._view = memoryview(self._map)
        # A cast view moves eight bytes at once; struct's "<Q" would move them one by one.
        self._words = self._view[:HEADER_BYTES].cast("Q")
        self._body = self._view[HEADER_BYTES:]
        if bytes(self._view[:8]) != MAGIC or (write and not self._is_consistent()):
            self.close()
            raise RingBufferError(f"{path.name} is not a tail")

    @staticmethod
    def create(path: Path) -> RingBuffer:
        """A new, empty tail with a life of its own, put in place whole. OSError where it cannot be."""
        fresh = path.with_suffix(".new")
        # Real zeros, not a hole: a page that the full disk cannot back would be a SIGBUS later.
        fresh.write_bytes(MAGIC + secrets.token_bytes(8) + bytes(HEADER_BYTES - 16 + RING_BYTES))
        fresh.chmod(0o600)
        fresh.replace(path)
        return RingBuffer(path, write=True)

    @property
    def generation(self) -> str:
        return bytes(self._view[8:16]).hex()

    @property
    def head(self) -> int:
        """How many bytes were ever written: it moves when, and only when, there is something new."""
        return int(self._words[_HEAD])

    def append(self, record: bytes) -> None:
        """Add a record, over the oldest where the ring is full. ValueError past LARGEST bytes."""
        data = _RECORD.pack(len(record), zlib.crc32(record)) + record
        if len(record) > MAX_RECORD_BYTES:
            raise ValueError(f"a tick of {len(record)} bytes is more than the tail takes")
        head = self.head
        claim = head + len(data)
        start = self._words[_START]
        while claim - start > RING_BYTES:
            (length, _crc) = _RECORD.unpack(self._read(start, _RECORD.size))
            start += _RECORD.size + length
        self._words[_START] = start
        self._words[_CLAIM] = claim
        place = head % RING_BYTES
        first = data[: RING_BYTES - place]
        self._body[place : place + len(first)] = first
        self._body[: len(data) - len(first)] = data[len(first) :]
        self._words[_HEAD] = claim

    def reset(self) -> None:
        """Empty it and begin another life."""
        # As if a whole ring had been written: every reader sees that all it has is gone.
        head = self.head + RING_BYTES
        self._words[_START] = head
        self._view[8:16] = secrets.token_bytes(8)
        self._words[_CLAIM] = head
        self._words[_HEAD] = head

    def records(self, after: int = 0) -> tuple[list[bytes], int, bool]:
        """The whole records past byte `after`, the head they reach, and whether some were missed.

        Missed are those that were overwritten before they were read. TailError where none can be read.
        """
        for _attempt in range(50):
            place = max(after, int(self._words[_START]))
            head = self.head
            data = self._read(place, head - place)
            start = int(self._words[_START])
            if start > head or start == head > place:
                continue  # lapped while copying
            found = _split_records(data[max(0, start - place) :])
            if found is not None:
                return found, head, after < start
        raise RingBufferError("the records are not whole")

    def _is_consistent(self) -> bool:
        """Whether the counters and every record make sense: asked before writing by them."""
        start, head, claim = (int(self._words[word]) for word in (_START, _HEAD, _CLAIM))
        if not (start <= head <= claim <= start + RING_BYTES):
            return False
        return _split_records(self._read(start, head - start)) is not None

    def close(self) -> None:
        # Another thread may be reading; the map goes with the last of them then.
        with contextlib.suppress(BufferError):
            self._words.release()
            self._body.release()
            self._view.release()
            self._map.close()

    def _read(self, place: int, length: int) -> bytes:
        length = max(0, min(length, RING_BYTES))
        offset = place % RING_BYTES
        first = bytes(self._body[offset : offset + length])
        return first + bytes(self._body[: length - len(first)])


def _split_records(data: bytes) -> list[bytes] | None:
    """The records in `data`, None where they are not whole."""
    found = []
    place = 0
    while place < len(data):
        if place + _RECORD.size > len(data):
            return None
        length, crc = _RECORD.unpack_from(data, place)
        record = data[place + _RECORD.size : place + _RECORD.size + length]
        if len(record) != length or zlib.crc32(record) != crc:
            return None
        found.append(record)
        place += _RECORD.size + length
    return found
