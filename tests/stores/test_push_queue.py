"""The push queue: each record is taken once, with killed processes and parallel writers."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from processes import ROOT
from thorough import amount
from waiting import PATIENCE_S

from dashapp.model.ticks import PushQueueError
from dashapp.process.file_lock import lock_file as take_lock
from dashapp.stores.disk.push_queue import HEADER_BYTES, DiskPushQueue
from dashapp.stores.push_queue import COLLECTOR_AWAY_S, MAX_RECORD_BYTES, MemoryPushQueue

PushQueue = MemoryPushQueue | DiskPushQueue


@pytest.fixture(params=["memory", "disk"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., PushQueue]:
    def build(**more: float) -> PushQueue:
        if request.param == "memory":
            return MemoryPushQueue(**more)  # type: ignore[arg-type]
        return DiskPushQueue(tmp_path, **more)  # type: ignore[arg-type]

    return build


class Collector:
    """Takes records into ticks as a sampler does; `records` holds the stored ones."""

    def __init__(self, queue: PushQueue, newest: int = 0) -> None:
        self.queue = queue
        self.newest = newest
        self.records: list[bytes] = []

    def read(self, most: int = 1000) -> list[bytes]:
        found: list[bytes] = []

        def accept(record: bytes) -> bool:
            if len(found) == most:
                return False
            found.append(record)
            return True

        self.queue.take(self.newest, accept)
        return found

    def tick(self, most: int = 1000) -> list[bytes]:
        found = self.read(most)
        self.newest += 1000
        self.records += found
        return found


def test_push_queue_returns_records_once_and_in_order(make: Callable[..., PushQueue]) -> None:
    queue = make()
    collector = Collector(queue)
    assert collector.tick() == []
    for number in range(10):
        queue.put(b"%d" % number)
    assert collector.tick(4) == [b"0", b"1", b"2", b"3"]
    queue.put(b"10")
    while collector.tick(4):
        pass
    assert collector.records == [b"%d" % number for number in range(11)]
    assert collector.tick() == []


def test_push_queue_rejects_records_when_full_until_emptied(make: Callable[..., PushQueue]) -> None:
    queue = make(max_bytes=1000)
    collector = Collector(queue)
    for _ in range(9):
        queue.put(b"x" * 90)
    with pytest.raises(PushQueueError, match="1000 bytes"):
        queue.put(b"x" * 200)
    assert len(collector.tick()) == 9
    queue.put(b"again")
    assert collector.tick() == [b"again"]


def test_push_queue_rejects_records_when_no_collector_reads(
    make: Callable[..., PushQueue], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    queue = make()
    now += COLLECTOR_AWAY_S - 1
    queue.put(b"while it starts")
    now += 2
    with pytest.raises(PushQueueError, match="no collector has read the push queue for 61 seconds"):
        queue.put(b"in vain")


def test_push_queue_rejects_records_when_last_read_is_in_future(
    make: Callable[..., PushQueue], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was set back, and no collector has read the queue since then."""
    now = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: now)
    queue = make()
    Collector(queue).tick()
    for read in tmp_path.glob("push.lock"):
        os.utime(read, (now, now))
    queue.put(b"while it reads")
    now -= 3600
    with pytest.raises(PushQueueError, match="no collector has read the push queue for 3600 seconds"):
        queue.put(b"in vain")


def test_push_queue_returns_records_once_when_clock_is_set_back(make: Callable[..., PushQueue]) -> None:
    queue = make()
    collector = Collector(queue, newest=5_000_000)
    queue.put(b"a")
    assert collector.tick() == [b"a"]
    collector.newest = 2_000_000
    assert collector.tick() == []
    queue.put(b"b")
    assert collector.tick() == [b"b"]
    assert collector.tick() == []


def test_push_queue_accepts_records_after_collector_read_empty_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read counts even if the queue is empty."""
    queue = DiskPushQueue(tmp_path)
    late = time.time() + COLLECTOR_AWAY_S / 2
    monkeypatch.setattr(time, "time", lambda: late)
    Collector(queue).tick()
    queue._heartbeat.last_read = 0.0
    queue.put(b"a")


def test_push_queue_waits_longer_for_collector_with_long_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "time", lambda: now)
    queue = MemoryPushQueue(interval=60)
    now += 175
    queue.put(b"a")


def test_push_queue_repeats_records_when_collector_dies_before_store(tmp_path: Path) -> None:
    queue = DiskPushQueue(tmp_path)
    first = Collector(queue, newest=5000)
    for number in range(6):
        queue.put(b"%d" % number)
    first.tick(2)
    assert first.read(2) == [b"2", b"3"], "and killed"
    second = Collector(DiskPushQueue(tmp_path), newest=first.newest)
    assert second.read(3) == [b"2", b"3", b"4"], "and killed again"
    third = Collector(DiskPushQueue(tmp_path), newest=first.newest)
    assert third.tick() == [b"2", b"3", b"4", b"5"]


def test_push_queue_repeats_no_record_when_collector_dies_after_store(tmp_path: Path) -> None:
    queue = DiskPushQueue(tmp_path)
    first = Collector(queue, newest=5000)
    for number in range(4):
        queue.put(b"%d" % number)
    assert first.tick(2) == [b"0", b"1"]
    second = Collector(DiskPushQueue(tmp_path), newest=first.newest)
    assert second.tick(1) == [b"2"]
    queue.put(b"4")
    third = Collector(DiskPushQueue(tmp_path), newest=second.newest)
    assert third.tick() == [b"3"]
    assert third.tick() == [b"4"]


@pytest.mark.parametrize("torn", [b"\n", b"\n[", b'\n{"a": 1', b"\n" + b"x" * 5000])
def test_push_queue_keeps_other_records_after_partial_write(tmp_path: Path, torn: bytes) -> None:
    queue = DiskPushQueue(tmp_path)
    queue.put(b"before")
    with (tmp_path / "push.spool").open("ab") as file:
        file.write(torn)
    queue.put(b"after")
    found = Collector(queue).tick()
    assert found[0] == b"before"
    assert found[-1] == b"after"


@pytest.mark.parametrize("size", [0, 1, HEADER_BYTES - 1])
def test_push_queue_ignores_file_with_partial_header(tmp_path: Path, size: int) -> None:
    (tmp_path / "push.spool").write_bytes(b" " * size)
    queue = DiskPushQueue(tmp_path)
    queue.put(b"after")
    assert Collector(queue).tick() == [b"after"]


@pytest.mark.parametrize(
    "header",
    [
        b"x" * HEADER_BYTES,
        b"9" * HEADER_BYTES,
        b"1 2".ljust(HEADER_BYTES),
        b"-5 -7 0".ljust(HEADER_BYTES),
        b"\xff" * HEADER_BYTES,
    ],
)
def test_push_queue_keeps_records_when_header_is_invalid(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "push.taken").write_bytes(header + b"\na\nb")
    assert Collector(DiskPushQueue(tmp_path)).tick() == [b"a", b"b"]


def test_push_queue_splits_record_that_exceeds_maximum(tmp_path: Path) -> None:
    (tmp_path / "push.taken").write_bytes(b" " * HEADER_BYTES + b"\n" + b"x" * (3 * MAX_RECORD_BYTES))
    assert max(map(len, Collector(DiskPushQueue(tmp_path)).tick())) <= MAX_RECORD_BYTES + 1


def test_push_queue_reports_missing_folder_and_recovers(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    queue = DiskPushQueue(folder)
    with pytest.raises(PushQueueError, match="No such file") as caught:
        queue.put(b"a")
    assert str(tmp_path) not in str(caught.value)
    assert Collector(queue).tick() == []
    folder.mkdir()
    queue.put(b"b")
    assert Collector(queue).tick() == [b"b"]


def test_push_queue_reports_full_disk_and_keeps_records(tmp_path: Path) -> None:
    """A limit on this process's file size stands for a full disk: half of the record fits."""
    code = (
        "import sys, resource\nfrom pathlib import Path\nfrom dashapp.model.ticks import PushQueueError\n"
        "from dashapp.stores.disk.push_queue import DiskPushQueue\nspool = DiskPushQueue(Path(sys.argv[1]))\n"
        "spool.put(b'a' * 100)\nresource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))\n"
        "try:\n    spool.put(b'b' * 100)\nexcept PushQueueError as error:\n    print(error)\n"
        "spool.put(b'c' * 20)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("the push queue cannot be written (")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    collector = Collector(DiskPushQueue(tmp_path))
    try:
        # The mark in the header takes no more space.
        resource.setrlimit(resource.RLIMIT_FSIZE, (HEADER_BYTES, hard))
        assert collector.tick() == [b"a" * 100, b"c" * 20]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert collector.tick() == []


def test_push_queue_does_not_block_when_writer_stops_with_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = DiskPushQueue(tmp_path)
    queue.put(b"a")
    monkeypatch.setattr("dashapp.stores.disk.push_queue.LOCK_TIMEOUT_S", 0.02)
    with (tmp_path / "push.lock").open("rb+") as file:
        take_lock(file.fileno())
        assert Collector(queue).tick() == []
        with pytest.raises(PushQueueError, match="another process"):
            queue.put(b"b")
    assert Collector(queue).tick() == [b"a"]


def test_push_queue_loses_nothing_with_parallel_writers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashapp.stores.disk.push_queue.LOCK_TIMEOUT_S", PATIENCE_S)
    each = amount(100, 300)

    def write(name: int) -> None:
        queue = DiskPushQueue(tmp_path)
        for number in range(each):
            queue.put(b"%d.%d" % (name, number))

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, name) for name in range(4)]
        collector = Collector(DiskPushQueue(tmp_path))
        while not all(writer.done() for writer in writing):
            collector.tick(50)
        for writer in writing:
            writer.result()
    while collector.tick() or (tmp_path / "push.spool").exists():
        pass
    assert len(collector.records) == 4 * each
    for name in range(4):
        own = [record for record in collector.records if record.startswith(b"%d." % name)]
        assert own == [b"%d.%d" % (name, number) for number in range(each)]
