"""The memory-mapped tail: a ring buffer that a reader always sees whole during writes."""

from __future__ import annotations

import multiprocessing
import os
import struct
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from thorough import amount
from waiting import PATIENCE_S, wait_for

from dashapp.stores.disk.mmap_tail import (
    HEADER_BYTES,
    RECORDS_PER_RING,
    RING_BYTES,
    RingBuffer,
    RingBufferError,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tail"


@pytest.fixture
def tail(path: Path) -> Iterator[RingBuffer]:
    made = RingBuffer.create(path)
    yield made
    made.close()


def test_new_tail_is_empty_and_accessible_to_owner_only(tail: RingBuffer, path: Path) -> None:
    assert tail.records() == ([], 0, False)
    assert path.stat().st_mode & 0o777 == 0o600
    # Real blocks, because a full disk could not fill a hole.
    assert path.stat().st_blocks * 512 >= RING_BYTES


def test_each_tail_has_unique_generation(tmp_path: Path) -> None:
    made = [RingBuffer.create(tmp_path / str(number)) for number in range(5)]
    assert len({each.generation for each in made}) == 5
    for each in made:
        each.close()


@pytest.mark.parametrize("length", [1, 7, 100, 4096, RING_BYTES // RECORDS_PER_RING])
def test_tail_keeps_newest_records_of_any_length(tail: RingBuffer, length: int) -> None:
    total = 3 * RING_BYTES // length + 10
    total = min(total, 60_000) if length < 50 else total
    for number in range(total):
        tail.append(str(number).encode().ljust(length, b"."))
    records, head, missed = tail.records()
    newest = [int(record.rstrip(b".")) for record in records]
    assert head == tail.head
    assert newest == list(range(total - len(newest), total))
    assert missed is (len(newest) < total)
    kept = sum(len(record) + 8 for record in records)
    assert missed is False or RING_BYTES - kept <= length + 16


def test_records_returns_only_new_records_after_position(tail: RingBuffer) -> None:
    tail.append(b"one")
    _, head, _ = tail.records()
    tail.append(b"two")
    assert tail.records(head)[0] == [b"two"]
    assert tail.records(tail.head) == ([], tail.head, False)


def test_records_reports_missed_records_when_overwritten(tail: RingBuffer) -> None:
    tail.append(b"one")
    _, head, _ = tail.records()
    for _ in range(20):
        tail.append(bytes(RING_BYTES // 10))
    records, _, missed = tail.records(head)
    assert missed is True
    assert len(records) in (9, 10)


def test_append_rejects_record_that_is_too_large(tail: RingBuffer) -> None:
    tail.append(b"one")
    with pytest.raises(ValueError, match="expected at most"):
        tail.append(bytes(RING_BYTES // RECORDS_PER_RING + 1))
    assert tail.records()[0] == [b"one"]


def test_reset_empties_tail_for_all_readers(tail: RingBuffer, path: Path) -> None:
    tail.append(b"one")
    reader = RingBuffer(path)
    life, (_, head, _) = reader.generation, reader.records()
    tail.reset()
    assert reader.generation != life
    assert reader.head != head
    assert reader.records(head)[0] == []
    tail.append(b"two")
    assert reader.records(head)[0] == [b"two"]
    assert reader.records()[0] == [b"two"]
    reader.close()


def test_tail_keeps_records_when_writer_reopens(tail: RingBuffer, path: Path) -> None:
    tail.append(b"one")
    again = RingBuffer(path, write=True)
    again.append(b"two")
    assert tail.records()[0] == [b"one", b"two"]
    again.close()


def test_tail_discards_partial_append(tail: RingBuffer, path: Path) -> None:
    for number in range(100):
        tail.append(b"%d" % number)
    before = tail.records()[0]
    with path.open("r+b") as file:
        # The space is claimed and half written, but the head has not moved.
        file.seek(16)
        file.write(struct.pack("<Q", tail.head + 200))
        file.seek(HEADER_BYTES + tail.head)
        file.write(os.urandom(100))
    again = RingBuffer(path, write=True)
    assert again.records()[0] == before
    again.append(b"next")
    assert tail.records()[0] == [*before, b"next"]
    again.close()


@pytest.mark.parametrize(
    "size", [0, 1, HEADER_BYTES, HEADER_BYTES + RING_BYTES // 2, HEADER_BYTES + RING_BYTES + 1]
)
def test_open_rejects_file_of_wrong_length(path: Path, size: int) -> None:
    path.write_bytes(b"dashtl01" + bytes(size)[8:] if size > 8 else bytes(size))
    with pytest.raises(RingBufferError, match="bytes"):
        RingBuffer(path)


def test_open_rejects_foreign_file(path: Path) -> None:
    path.write_bytes(os.urandom(HEADER_BYTES + RING_BYTES))
    for write in (False, True):
        with pytest.raises(RingBufferError, match="not a ring buffer"):
            RingBuffer(path, write=write)


@pytest.mark.parametrize("seed", range(5))
def test_open_for_writing_rejects_garbage_with_valid_magic(path: Path, seed: int) -> None:
    path.write_bytes(b"dashtl01" + os.urandom(HEADER_BYTES + RING_BYTES - 8))
    with pytest.raises(RingBufferError, match="not a ring buffer"):
        RingBuffer(path, write=True)


def test_records_reports_garbage_without_hanging(path: Path) -> None:
    path.write_bytes(
        b"dashtl01" + os.urandom(8) + struct.pack("<QQQ", 0, RING_BYTES, 0) + os.urandom(RING_BYTES + 24)
    )
    reader = RingBuffer(path)
    with pytest.raises(RingBufferError, match="incomplete"):
        reader.records()
    reader.close()


def _write(path: Path, stop: Event) -> None:
    tail = RingBuffer(path, write=True)
    number = 0
    while not stop.is_set():
        for _ in range(1000):
            number += 1
            tail.append(b"%d:" % number + b"x" * (number % 200))


def test_reader_misses_no_record_while_writer_appends(tail: RingBuffer, path: Path) -> None:
    """A reader continues at its position or reports missed records; a whole read is never empty."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    writer = context.Process(target=_write, args=(path, stop))
    writer.start()
    reader = RingBuffer(path)
    try:
        wait_for(lambda: reader.head >= 2 * RING_BYTES)
        head, expected, followed, turn = reader.head, 0, 0, 0
        while followed < amount(100, 2000):
            whole = turn % 50 == 0
            records, head, missed = reader.records(0 if whole else head)
            numbers = [int(record.partition(b":")[0]) for record in records]
            assert numbers or not (missed or whole)
            assert not numbers or numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            if numbers and not missed and expected:
                assert numbers[0] == expected
                followed += 1
            expected = numbers[-1] + 1 if numbers else expected
            if missed and not whole:
                head, expected = reader.head, 0  # a late reader skips ahead, or it would stay late
            turn += 1
    finally:
        stop.set()
        writer.join(PATIENCE_S)
        reader.close()
    assert writer.exitcode == 0
