"""The mapped tail: a ring that wraps, and that a reader beside a writer always sees whole."""

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
    MAX_RECORD_BYTES,
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


def test_a_new_tail_is_empty_and_private(tail: RingBuffer, path: Path) -> None:
    assert tail.records() == ([], 0, False)
    assert path.stat().st_mode & 0o777 == 0o600
    # Real blocks: a hole could not be filled on a full disk.
    assert path.stat().st_blocks * 512 >= RING_BYTES


def test_each_tail_has_a_life_of_its_own(tmp_path: Path) -> None:
    made = [RingBuffer.create(tmp_path / str(number)) for number in range(5)]
    assert len({each.generation for each in made}) == 5
    for each in made:
        each.close()


@pytest.mark.parametrize("length", [1, 7, 100, 4096, MAX_RECORD_BYTES])
def test_the_ring_keeps_the_newest_whatever_their_length(tail: RingBuffer, length: int) -> None:
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


def test_only_what_is_new_is_read(tail: RingBuffer) -> None:
    tail.append(b"one")
    _, head, _ = tail.records()
    tail.append(b"two")
    assert tail.records(head)[0] == [b"two"]
    assert tail.records(tail.head) == ([], tail.head, False)


def test_a_reader_that_was_lapped_is_told(tail: RingBuffer) -> None:
    tail.append(b"one")
    _, head, _ = tail.records()
    for _ in range(20):
        tail.append(bytes(RING_BYTES // 10))
    records, _, missed = tail.records(head)
    assert missed is True
    assert len(records) in (9, 10)


def test_a_record_that_is_too_large_is_refused_and_costs_nothing(tail: RingBuffer) -> None:
    tail.append(b"one")
    with pytest.raises(ValueError, match="expected at most"):
        tail.append(bytes(MAX_RECORD_BYTES + 1))
    assert tail.records()[0] == [b"one"]


def test_renewing_empties_it_for_every_reader(tail: RingBuffer, path: Path) -> None:
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


def test_what_was_written_survives_its_writer(tail: RingBuffer, path: Path) -> None:
    tail.append(b"one")
    again = RingBuffer(path, write=True)
    again.append(b"two")
    assert tail.records()[0] == [b"one", b"two"]
    again.close()


def test_an_append_that_was_torn_is_as_if_it_had_not_begun(tail: RingBuffer, path: Path) -> None:
    for number in range(100):
        tail.append(b"%d" % number)
    before = tail.records()[0]
    with path.open("r+b") as file:
        # Claimed and half written, the head not moved.
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
def test_a_file_of_another_length_is_no_tail(path: Path, size: int) -> None:
    path.write_bytes(b"dashtl01" + bytes(size)[8:] if size > 8 else bytes(size))
    with pytest.raises(RingBufferError, match="bytes"):
        RingBuffer(path)


def test_a_foreign_file_is_no_tail(path: Path) -> None:
    path.write_bytes(os.urandom(HEADER_BYTES + RING_BYTES))
    for write in (False, True):
        with pytest.raises(RingBufferError, match="not a ring buffer"):
            RingBuffer(path, write=write)


@pytest.mark.parametrize("seed", range(5))
def test_garbage_behind_the_right_beginning_is_not_written_to(path: Path, seed: int) -> None:
    path.write_bytes(b"dashtl01" + os.urandom(HEADER_BYTES + RING_BYTES - 8))
    with pytest.raises(RingBufferError, match="not a ring buffer"):
        RingBuffer(path, write=True)


def test_a_reader_of_garbage_says_so_in_time(path: Path) -> None:
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


def test_a_reader_beside_a_full_speed_writer_misses_nothing(tail: RingBuffer, path: Path) -> None:
    """It reads on from its place, or is told that it was lapped; and a whole reading is never empty."""
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
                head, expected = reader.head, 0  # who is late catches up, or would be late for ever
            turn += 1
    finally:
        stop.set()
        writer.join(PATIENCE_S)
        reader.close()
    assert writer.exitcode == 0
