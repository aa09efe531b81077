"""The newest ticks in a small memory-mapped file, which one process writes.

Any number of processes read it without a lock. It keeps the live view moving whatever SQLite or the disk
does, because its space is allocated when it is created. A reader sees in well under a microsecond whether
there is anything new.

The file is a ring of records, each `length, crc32, text`. Three counters of bytes ever written show which
records are complete. The start moves before the writer overwrites what it gives up. So everything from the
start that a reader sees after copying is complete.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

MAGIC = b"dashtl01"
HEADER_BYTES = 64
# The usual size of a ring, and its size for ticks of thousands of metrics: it holds at least four records.
RING_BYTES, MAX_RING_BYTES = 1 << 20, 16 << 20
RECORDS_PER_RING = 4
# Bytes to read in search of records, which garbage that resembles many records would multiply.
MAX_SEARCH_BYTES = 32 << 20
_RECORD = struct.Struct("<II")
# Positions in the header, in 64-bit words: the claim runs ahead of a write, the head follows it.
_MAGIC, _GENERATION, _CLAIM, _HEAD, _START = range(5)


class RingBufferError(Exception):
    """The file is not a ring buffer, or it is damaged."""


class RingBuffer:
    """The mapped file. Compare `inode` to see whether the path still names it."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        descriptor = os.open(path, os.O_RDWR if write else os.O_RDONLY)
        try:
            status = os.fstat(descriptor)
            self.inode = status.st_ino
            self._size = status.st_size - HEADER_BYTES
            if not (RING_BYTES <= self._size <= MAX_RING_BYTES and self._size % RING_BYTES == 0):
                raise RingBufferError(f"{path.name} has {status.st_size} bytes")
            access = mmap.ACCESS_WRITE if write else mmap.ACCESS_READ
            self._map = mmap.mmap(descriptor, HEADER_BYTES + self._size, access=access)
        finally:
            os.close(descriptor)
        self._view = memoryview(self._map)
        # A cast view moves eight bytes at once; struct's "<Q" would move them one by one.
        self._counters = self._view[:HEADER_BYTES].cast("Q")
        self._body = self._view[HEADER_BYTES:]
        if bytes(self._view[:8]) != MAGIC or (write and not self._is_consistent()):
            self.close()
            raise RingBufferError(f"{path.name} is not a ring buffer")
        self._header = bytes(self._view[:HEADER_BYTES])

    @staticmethod
    def create(path: Path, record_bytes: int = 0, generation: str = "") -> RingBuffer:
        """Create an empty ring buffer for records of `record_bytes`. OSError if that fails.

        It has a new generation, unless one is given.
        """
        temporary = path.with_suffix(".new")
        rings = max(1, -(-record_bytes * RECORDS_PER_RING // RING_BYTES))
        header = MAGIC + (bytes.fromhex(generation) or os.urandom(8))
        # Real zeros, not a sparse file: a page that a full disk cannot back would raise SIGBUS later.
        temporary.write_bytes(header.ljust(HEADER_BYTES, b"\0") + bytes(rings * RING_BYTES))
        temporary.chmod(0o600)
        temporary.replace(path)
        return RingBuffer(path, write=True)

    @property
    def generation(self) -> str:
        return bytes(self._view[8:16]).hex()

    @property
    def head(self) -> int:
        """The number of bytes ever written. It changes only with new records."""
        return int(self._counters[_HEAD])

    @property
    def max_record_bytes(self) -> int:
        return self._size // RECORDS_PER_RING

    def append(self, record: bytes) -> None:
        """Add a record over the oldest ones. ValueError for more than `max_record_bytes`.

        RingBufferError if another program has damaged the file.
        """
        data = _RECORD.pack(len(record), zlib.crc32(record)) + record
        if len(record) > self.max_record_bytes:
            raise ValueError(f"a tick has {len(record)} bytes; expected at most {self.max_record_bytes}")
        if bytes(self._view[:HEADER_BYTES]) != self._header:
            raise RingBufferError("the header was overwritten")
        head = self.head
        claim = head + len(data)
        start = self._counters[_START]
        while claim - start > self._size:
            (length, _crc) = _RECORD.unpack(self._read(start, _RECORD.size))
            start += _RECORD.size + length
            if start > head:
                raise RingBufferError("a record was overwritten")
        self._counters[_START] = start
        self._counters[_CLAIM] = claim
        offset = head % self._size
        first = data[: self._size - offset]
        self._body[offset : offset + len(first)] = first
        self._body[: len(data) - len(first)] = data[len(first) :]
        self._counters[_HEAD] = claim
        self._header = bytes(self._view[:HEADER_BYTES])

    def reset(self) -> None:
        """Delete all records and begin a new generation."""
        # Move by a whole ring: every reader then sees that all its records are gone.
        head = self.head + self._size
        self._counters[_START] = head
        self._view[8:16] = os.urandom(8)
        self._counters[_CLAIM] = head
        self._counters[_HEAD] = head
        self._header = bytes(self._view[:HEADER_BYTES])

    def records(self, after: int = 0) -> tuple[list[bytes], int, bool]:
        """Return the complete records after byte `after`, their head, and whether some were missed.

        Records are missed if they were overwritten before this call read them. RingBufferError if it can read
        none. Without damaged records.
        """
        data = b""
        for _attempt in range(50):
            position = max(after, int(self._counters[_START]))
            head = self.head
            data = self._read(position, head - position)
            start = int(self._counters[_START])
            if start > head or start == head > position:
                continue  # the writer overtook the copy
            records = _split_records(data[max(0, start - position) :])
            if records is not None:
                return records, head, after < start
        if records := list(find_records(data)):
            return records, head, True
        raise RingBufferError("the records are incomplete")

    def _is_consistent(self) -> bool:
        """Whether the counters and all records are valid; a writer checks this first."""
        start, head, claim = (int(self._counters[counter]) for counter in (_START, _HEAD, _CLAIM))
        if not (start <= head <= claim <= start + self._size):
            return False
        return _split_records(self._read(start, head - start)) is not None

    def close(self) -> None:
        # Another thread may be reading; the map then closes with the last reader.
        with contextlib.suppress(BufferError):
            self._counters.release()
            self._body.release()
            self._view.release()
            self._map.close()

    def _read(self, position: int, length: int) -> bytes:
        length = max(0, min(length, self._size))
        offset = position % self._size
        first = bytes(self._body[offset : offset + length])
        return first + bytes(self._body[: length - len(first)])


def _split_records(data: bytes) -> list[bytes] | None:
    """Return the records in `data`; None if they are incomplete."""
    records = []
    position = 0
    while position < len(data):
        if position + _RECORD.size > len(data):
            return None
        length, crc = _RECORD.unpack_from(data, position)
        record = data[position + _RECORD.size : position + _RECORD.size + length]
        if len(record) != length or zlib.crc32(record) != crc:
            return None
        records.append(record)
        position += _RECORD.size + length
    return records


def find_records(data: bytes) -> Iterator[bytes]:
    """Yield the records whose checksum is right, wherever they begin."""
    position, remaining = 0, MAX_SEARCH_BYTES
    while position + _RECORD.size <= len(data) and remaining > 0:
        length, crc = _RECORD.unpack_from(data, position)
        start = position + _RECORD.size
        position += 1
        if 0 < length <= min(MAX_RING_BYTES // RECORDS_PER_RING, len(data) - start):
            record = data[start : start + length]
            remaining -= length
            if zlib.crc32(record) == crc:
                yield record
                position = start + length


def salvage_records(path: Path) -> list[bytes]:
    """Return the records of a damaged file, in no order. OSError if it cannot be read."""
    body = path.read_bytes()[HEADER_BYTES : HEADER_BYTES + MAX_RING_BYTES]
    # The newest record may continue at the beginning.
    return list(find_records(body + body[: len(body) // RECORDS_PER_RING + _RECORD.size]))
