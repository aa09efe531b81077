"""The disk store alone: pending ticks, rejected ticks, foreign folders, stopped readers."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from processes import holes, stored
from thorough import amount
from tick_pages import last_page
from waiting import PATIENCE_S, wait_for

from dashapp.model.ticks import StoreError, StoreLockedError, Tick
from dashapp.query.levels import Levels
from dashapp.stores.base import MAX_ROW_CHARS
from dashapp.stores.disk import row_log
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore


def tick(second: int) -> Tick:
    return Tick(second, 1, {"cpu.percent": second % 100})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DiskStore]:
    made = DiskStore(tmp_path / "s", keep=50_000)
    yield made
    made.close()


def test_store_folder_is_accessible_to_owner_only(store: DiskStore, tmp_path: Path) -> None:
    store.append(tick(1))
    folder = tmp_path / "s"
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("cache.db", "tail", "writer.lock"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600


def test_store_restricts_permissions_of_existing_folder(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir(mode=0o777)
    DiskStore(tmp_path / "s").close()
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700


def test_second_writer_error_names_process_of_first(store: DiskStore, tmp_path: Path) -> None:
    with pytest.raises(StoreLockedError, match=f"process {os.getpid()}"):
        DiskStore(tmp_path / "s")


def test_close_releases_writer_lock(tmp_path: Path) -> None:
    for _ in range(3):
        DiskStore(tmp_path / "s").close()


@pytest.mark.parametrize("path", ["/proc/nothing", "file/s"])
def test_store_reports_folder_that_cannot_be_created(path: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot write to"):
        DiskStore(tmp_path / path)


def test_readers_see_all_ticks_when_database_is_locked(store: DiskStore, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    store.append(tick(1))
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        for second in range(2, 6):
            assert store.append(tick(second))
        assert [each.time for each in last_page(DiskReader(folder), 10).ticks] == [1, 2, 3, 4, 5]
        assert any(
            "cannot be saved" in notice for notice in DiskReader(folder).notices() or ["cannot be saved"]
        )
        holder.execute("ROLLBACK")
    assert stored(folder) == [1000]
    store.append(tick(6))
    assert stored(folder) == [1000, 2000, 3000, 4000, 5000, 6000]


def test_pending_ticks_of_killed_process_are_stored_by_next(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    store = DiskStore(folder)
    store.append(tick(1))
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        store.append(tick(2))
        store.append(tick(3))
        store._pending.clear()  # as after kill -9
        store.close()
    DiskStore(folder).close()
    assert stored(folder) == [1000, 2000, 3000]


def test_append_rejects_tick_that_is_too_large(store: DiskStore) -> None:
    store.append(tick(1))
    with pytest.raises(StoreError, match="expected at most"):
        store.append(Tick(2, 1, {"x" * MAX_ROW_CHARS: 1}))
    store.append(tick(3))
    assert [each.time for each in last_page(store, 10).ticks] == [1, 3]


STOPPED_READER = """
import sqlite3, sys
connection = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True, isolation_level=None)
connection.execute("BEGIN")
print(len(connection.execute("SELECT key FROM Cache LIMIT 5").fetchall()), flush=True)
sys.stdin.read()
"""


# The log sizes and the number of ticks are divided by this, to test a user's case in less time.
SMALLER = amount(6, 1)


def test_39_write_ahead_log_stays_bounded_when_reader_is_stopped(
    store: DiskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 39: the reader holds a transaction, so SQLite cannot restart its log."""
    for name in ("WAL_BATCH_BYTES", "WAL_STOP_BYTES"):
        monkeypatch.setattr(row_log, name, getattr(row_log, name) // SMALLER)
    folder, last_second = tmp_path / "s", 20_000 // SMALLER
    values = {f"cpu.core{number}.percent": 12.5 for number in range(8)}
    for second in range(1, 11):
        store.append(Tick(second, 1, values))
    reader = subprocess.Popen(
        [sys.executable, "-c", STOPPED_READER, str(folder / "cache.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert reader.stdin
    assert reader.stdout
    try:
        assert reader.stdout.readline() == b"5\n"
        reader.send_signal(signal.SIGSTOP)
        largest = 0
        log = folder / "cache.db-wal"
        for second in range(11, last_second + 1):
            store.append(Tick(second, 1, values))
            largest = max(largest, log.stat().st_size)
        assert row_log.WAL_STOP_BYTES < largest < (16 << 20) // SMALLER
        assert [each.time for each in store.since(last_second - 10, 100)] == [
            *range(last_second - 9, last_second + 1)
        ]
    finally:
        reader.send_signal(signal.SIGCONT)
        reader.stdin.close()
        reader.wait(PATIENCE_S)
        reader.stdout.close()
    for second in range(last_second + 1, last_second + 2 * row_log.BATCH_ROWS + 2):
        store.append(Tick(second, 1, values))
    assert log.stat().st_size < row_log.WAL_BATCH_BYTES, (
        "the log is small again, and each tick is written at once"
    )
    assert stored(folder) == [1000 * second for second in range(1, last_second + 2 * row_log.BATCH_ROWS + 2)]


WRITER = """
import sys
from pathlib import Path
from dashapp.model.ticks import Tick
from dashapp.stores.disk.store import DiskStore
store = DiskStore(Path(sys.argv[1]), keep=1000000)
second = store.newest().time_ms // 1000
print("ready", flush=True)
while True:
    second += 1
    store.append(Tick(second, 1, {"cpu.percent": second % 100}))
    print(second, flush=True)
"""


def writer(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE)


def test_15_store_keeps_acknowledged_ticks_after_kill_during_append(tmp_path: Path) -> None:
    """Fault 15: after many kills every acknowledged tick is stored, exactly once."""
    folder = tmp_path / "s"
    for turn in range(amount(6, 20)):
        process = writer(folder)
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        lines = [process.stdout.readline() for _ in range(20 + 23 * turn)]
        process.kill()
        lines += process.stdout.readlines()
        process.stdout.close()
        process.wait()
        acknowledged = max(int(line) for line in lines if line.endswith(b"\n"))
        newest = DiskReader(folder).newest().time_ms // 1000
        assert acknowledged <= newest <= acknowledged + 1
    DiskStore(folder, keep=1_000_000).close()
    times = stored(folder)
    assert times[0] == 1000
    assert holes(times, 1000) == []
    assert times[-1] >= 1000 * acknowledged


def test_16_reader_gets_consistent_window_during_writes(tmp_path: Path) -> None:
    """Fault 16: many reads from tail and database during writes at full speed."""
    folder = tmp_path / "s"
    DiskStore(folder).close()
    filled = row_log.RowLog(folder, 1_000_000)
    filled.extend([tick(second).encode() for second in range(1, 5001)])
    filled.close()
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER.replace("print(second, flush=True)", "pass"), str(folder)],
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    try:
        assert process.stdout.readline() == b"ready\n"
        reader = DiskReader(folder)
        wait_for(lambda: reader.newest().time_ms > 5_000_000)
        before = 0.0
        for number in range(amount(500, 2000)):
            # Some reads reach further back than the tail and the log.
            count = 6000 if number % 25 == 0 else 300
            newest = reader.newest().time_ms
            if count > 300:
                found = Levels(reader, 1.0).read(newest - 1000 * count, newest, 0, None)
                times = [int(each) / 1000 for each in found.t]
            else:
                ticks = reader.since(newest / 1000 - count, 10_000)
                times = [each.time for each in ticks]
                assert all(each.values["cpu.percent"] == each.time % 100 for each in ticks[::50])
            assert len(times) >= min(count, times[-1])
            assert times == [times[0] + place for place in range(len(times))]
            assert times[-1] >= before
            before = times[-1]
        reader.close()
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
