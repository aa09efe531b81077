"""`--size` is what the folder uses, and a disk that is full or small stops no tick."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from spans import append_span
from thorough import amount
from waiting import PATIENCE_S

from dashapp.model.ticks import Tick
from dashapp.stores.disk import space
from dashapp.stores.disk.notices import read_notices
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.row_log import PendingRows
from dashapp.stores.disk.space import DiskSpace
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import Archive, Retention

BEGIN = 1_795_176_000
SPAN = 600


@pytest.fixture(autouse=True)
def whole_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step ends when its work is done, however slow the machine is."""
    monkeypatch.setattr(space, "STEP_S", PATIENCE_S)


def used_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def feed(archive: Archive, first: int, count: int, metrics: int, chance: Random) -> Iterator[int]:
    """Add spans of sixty ticks; yield the number of each."""
    for span in range(first, first + count):
        start = BEGIN + SPAN * span
        ticks = [
            Tick(start + second, 10, {f"m{number}": chance.random() for number in range(metrics)})
            for second in range(10, SPAN + 1, 10)
        ]
        append_span(archive, ticks, 1000 * (start + SPAN))
        yield span


def spans_of_levels(folder: Path) -> list[float]:
    """Return the hours that each level reaches back."""
    levels = DiskReader(folder).levels()
    return [(level.newest() - (level.oldest() or level.newest())) / 3_600_000 for level in levels]


def test_folder_stays_below_size_and_shrinks_when_it_is_lowered(tmp_path: Path) -> None:
    chance, size, spans = Random(1), amount(6_000_000, 10_000_000), amount(240, 400)
    archive = DiskSpace(tmp_path, Retention(size=size)).open_archive()
    for _ in feed(archive, 0, spans, 40, chance):
        assert used_bytes(tmp_path) <= 1.1 * size
    archive.close()
    assert used_bytes(tmp_path) >= 0.8 * size
    ticks, minutes, hours = spans_of_levels(tmp_path)
    all_hours = spans * SPAN / 3600
    assert all_hours / 7 < ticks < all_hours
    assert minutes > all_hours / 7
    assert hours > 0.8 * all_hours
    lowered = DiskSpace(tmp_path, Retention(size=size // 2)).open_archive()
    for _ in feed(lowered, spans, 100, 40, chance):
        if used_bytes(tmp_path) <= 1.1 * size // 2:
            break
    else:
        pytest.fail(f"{used_bytes(tmp_path)} bytes are in use")
    lowered.close()
    assert min(spans_of_levels(tmp_path)) > all_hours / 22


def test_size_of_database_without_vacuum_of_older_version_can_be_lowered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(2)
    archive = DiskSpace(tmp_path, Retention()).open_archive()
    for _ in feed(archive, 0, 150, 40, chance):
        pass
    archive.close()
    for name in ("seconds", "minutes", "hours"):
        with closing(sqlite3.connect(tmp_path / name / "cache.db")) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA auto_vacuum = 0")
            connection.execute("VACUUM")
            assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    assert used_bytes(tmp_path) > 4_000_000
    lowered = DiskSpace(tmp_path, Retention(size=3_500_000)).open_archive()
    for _ in feed(lowered, 150, 60, 40, chance):
        if used_bytes(tmp_path) <= 3_850_000:
            break
    else:
        pytest.fail(f"{used_bytes(tmp_path)} bytes are in use")
    lowered.close()
    assert min(spans_of_levels(tmp_path)) > 1


def test_store_reports_size_that_is_too_small_for_newest_ticks(tmp_path: Path) -> None:
    with closing(DiskStore(tmp_path, retention=Retention(size=1_000_000))) as store:
        for second in range(2000):
            store.append(Tick(BEGIN + second, 1, {f"m{number}": second / 7 for number in range(20)}))
        notices = read_notices(tmp_path)
    assert any("--size is 1.0 MB" in notice and "set --size to" in notice for notice in notices), notices


def test_quarantined_file_is_deleted_first(tmp_path: Path) -> None:
    chance, size = Random(3), 3_000_000
    archive = DiskSpace(tmp_path, Retention(size=size)).open_archive()
    spans = feed(archive, 0, 200, 20, chance)
    for _ in range(40):
        next(spans)
    quarantined = tmp_path / "seconds" / "cache.db.corrupt-20260101T000000"
    quarantined.write_bytes(bytes(2_500_000))
    before = spans_of_levels(tmp_path)
    next(spans)
    assert not quarantined.exists()
    assert spans_of_levels(tmp_path)[0] >= before[0]
    archive.close()


def test_pending_rows_are_limited_by_their_characters() -> None:
    rows = PendingRows(max_chars=100)
    for number in range(50):
        rows.append(f"{number:010}")
    assert [*rows] == [f"{number:010}" for number in range(40, 50)]
    assert rows.lost == 40
    rows.append("x" * 1000)
    assert [*rows] == ["x" * 1000]
    rows.remove(1)
    assert (len(rows), rows.lost) == (0, 0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 14 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("this system has no tmpfs")
    command = ["mount", "-t", "tmpfs", "-o", "size=14m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"tmpfs cannot be mounted: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class Feed:
    """Appends ticks of twenty metrics, one every ten seconds."""

    def __init__(self, store: DiskStore) -> None:
        self.store = store
        self.second = BEGIN
        self._chance = Random(4)

    def append(self, count: int) -> None:
        for _ in range(count):
            self.second += 10
            values = {f"m{number}": self._chance.random() for number in range(40)}
            assert self.store.append(Tick(self.second, 10, values))


def newest_ticks(folder: Path, since: int) -> set[int]:
    """Return the seconds of the ticks that are in the files of the store, without the tail."""
    with closing(DiskReader(folder)) as reader:
        found = {int(t) // 1000 for t in reader.levels()[0].columns(0, 1 << 60, ["m0"]).t}
        (folder / "tail").unlink()
        found |= {int(tick.time) for tick in reader.read_ticks(0, float("inf"), 10_000)}
    return {second for second in found if second > since}


def fill_disk(path: Path, leave: int = 0) -> None:
    with path.open("wb", buffering=0) as file:
        while (free := shutil.disk_usage(path).free - leave) > 0:
            try:
                file.write(bytes(min(free, 1 << 16)))
            except OSError:
                return


def test_small_disk_keeps_newest_ticks_and_a_reserve(small_disk: Path) -> None:
    with closing(DiskStore(small_disk / "s")) as store:
        feed = Feed(store)
        fill_disk(small_disk / "other", leave=8_000_000)
        feed.append(9000)
        first = feed.second
        feed.append(1500)
        assert any("are reserved" in notice for notice in read_notices(small_disk / "s"))
        assert shutil.disk_usage(small_disk).free > 1_500_000
    assert newest_ticks(small_disk / "s", first) == {*range(first + 10, feed.second + 1, 10)}
    assert min(spans_of_levels(small_disk / "s")) > 1


def test_disk_filled_by_another_program_loses_no_tick(small_disk: Path) -> None:
    other = small_disk / "other"
    with closing(DiskStore(small_disk / "s")) as store:
        feed = Feed(store)
        feed.append(1500)
        first = feed.second
        fill_disk(other)
        feed.append(300)
        fill_disk(other.with_name("more"))
        feed.append(300)
        other.unlink()
        other.with_name("more").unlink()
        feed.append(500)
        assert not len(store._pending)
        assert not [notice for notice in read_notices(small_disk / "s") if "cannot be" in notice]
    assert newest_ticks(small_disk / "s", first) == {*range(first + 10, feed.second + 1, 10)}


def test_store_opens_on_full_disk(small_disk: Path) -> None:
    with closing(DiskStore(small_disk / "s")) as store:
        feed = Feed(store)
        feed.append(1000)
    fill_disk(small_disk / "other")
    assert shutil.disk_usage(small_disk).free == 0
    with closing(DiskStore(small_disk / "s")) as store:
        feed.store = store
        first = feed.second
        feed.append(300)
        (small_disk / "other").unlink()
        feed.append(10)
        assert not len(store._pending)
    assert newest_ticks(small_disk / "s", first) == {*range(first + 10, feed.second + 1, 10)}


def assert_collects(folder: Path, feed: Feed) -> None:
    """Assert that a store opens in a folder, and that its files have each tick that follows."""
    with closing(DiskStore(folder)) as store:
        feed.store = store
        first = feed.second
        feed.append(300)
        assert not len(store._pending)
    assert newest_ticks(folder, first) == {*range(first + 10, feed.second + 1, 10)}


@pytest.mark.parametrize("name", ["cache.db.corrupt-20260101T000000", "aside/cache.db", "cache.db.damaged"])
def test_store_opens_on_disk_that_it_filled_itself(small_disk: Path, name: str) -> None:
    """Copies of damaged files and points with wrong times make room."""
    with closing(DiskStore(small_disk / "s")) as store:
        feed = Feed(store)
        feed.append(1000)
    (small_disk / "s" / "ballast").unlink(missing_ok=True)
    filled = small_disk / "s" / name
    filled.parent.mkdir(exist_ok=True)
    fill_disk(filled)
    assert shutil.disk_usage(small_disk).free == 0
    assert_collects(small_disk / "s", feed)


KILLED_IN_TRANSACTION = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA wal_autocheckpoint = 0")
try:
    while True:
        connection.execute("UPDATE Cache SET value = value || ' ' WHERE rowid % 2 = 0")
except sqlite3.OperationalError:
    os._exit(0)
"""


def test_store_opens_after_kill_with_log_that_fills_the_disk(small_disk: Path) -> None:
    with closing(DiskStore(small_disk / "s")) as store:
        feed = Feed(store)
        feed.append(1000)
    (small_disk / "s" / "ballast").unlink(missing_ok=True)
    database = small_disk / "s" / "cache.db"
    subprocess.run([sys.executable, "-c", KILLED_IN_TRANSACTION, str(database)], check=True)
    database.with_name("cache.db-shm").unlink()
    fill_disk(small_disk / "other")
    assert database.with_name("cache.db-wal").stat().st_size > 4_000_000
    assert_collects(small_disk / "s", feed)
