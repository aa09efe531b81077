"""Disk faults while dashapp runs: full, read-only, deleted, corrupt, locked, cleared."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import diskcache
import pytest
from processes import Dashapp, collector, dashapp, on_grid, stored
from waiting import wait_for

from dashapp.stores.disk.notices import read_notices
from dashapp.stores.disk.reader import DiskReader


@contextmanager
def write_lock(folder: Path) -> Iterator[None]:
    """Hold a write transaction of another connection."""
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    """A server that recovers from what these tests do to its store."""
    with dashapp(tmp_path_factory.mktemp("app"), "--interval", "0.1") as process:
        yield process.serving()


def all_stored(app: Dashapp, since: int) -> None:
    """Assert that each tick of the page is in the database exactly once."""
    shown = app.shown(since)
    wait_for(lambda: stored(app.store)[-1:] >= shown[-1:])
    times = stored(app.store)
    assert on_grid(times, 100)
    assert set(shown) <= set(times)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="sets another process's limit")
def test_11_full_disk_stops_no_tick_and_loses_no_data(app: Dashapp) -> None:
    app.moves()
    pid, logged = app.child("collector").pid, app.said.count("cannot be saved")
    first = app.newest()
    # Neither database nor log may grow, but existing bytes may be overwritten.
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    wait_for(lambda: "cannot be saved" in app.notices())
    for _ in range(5):
        app.moves()
    during = app.shown(first)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_for(lambda: "cannot be saved" not in app.notices())
    assert app.child("collector").pid == pid
    all_stored(app, first)
    assert set(during) <= set(stored(app.store))
    # The log has one line, or none soon after another test's.
    assert 1 <= app.said.count("cannot be saved") <= logged + 1


def ticks_pass(folder: Path, count: int) -> None:
    """Wait until readers see `count` more ticks, which may be before they are saved."""
    with closing(DiskReader(folder)) as reader:
        first = reader.newest().time_ms
        wait_for(lambda: len(reader.since(first / 1000, 1000)) >= count)


@pytest.mark.skipif(sys.platform != "linux", reason="takes root's power by a call of Linux's")
def test_12_read_only_store_does_not_flood_log_and_recovers(tmp_path: Path) -> None:
    store = tmp_path / "s"
    flags = ("--store", "s", "--interval", "0.1")
    with collector(tmp_path, *flags, powerless=True) as running:
        wait_for(lambda: len(stored(store)) > 3)
        files = [store / "cache.db", store / "cache.db-wal", store / "cache.db-shm"]
        with write_lock(store):
            # Open files can still be written: the collector opens them again only after a failed write.
            for file in files:
                file.chmod(0o444)
            store.chmod(0o555)
            # The other transaction blocks the writes: the collector closes the files and opens them again
            # later.
            ticks_pass(store, 5)
        lines = len(running.lines)
        ticks_pass(store, 20)
        assert len(running.lines) - lines <= 1
        assert "Traceback" not in running.said
        count = len(stored(store))
        store.chmod(0o700)
        for file in files:
            if file.exists():
                file.chmod(0o600)
        wait_for(lambda: len(stored(store)) > count + 25)
        with closing(DiskReader(store)) as reader:
            kept = [round(1000 * tick.time) for tick in reader.since(float("-inf"), 1000)]
        wait_for(lambda: stored(store)[-1] >= kept[-1])
        assert set(kept) <= set(stored(store))
        assert on_grid(stored(store), 100)
        assert running.popen.poll() is None


def test_13_deleted_store_folder_is_recreated(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--interval", "0.2") as app:
        app.serving().moves()
        pid, shown = app.child("collector").pid, app.shown()
        for count in (1, 2):
            # The collector may recreate and fill the folder while this call deletes it.
            shutil.rmtree(app.store, ignore_errors=True)
            wait_for(lambda count=count: app.said.count("created again") >= count)  # type: ignore[misc]
            wait_for(lambda: stored(app.store))
            app.moves()
        assert app.child("collector").pid == pid
        assert app.store.stat().st_mode & 0o777 == 0o700
        wait_for(lambda: app.get("/api/metrics")[1] != b"[]")
        wait_for(lambda: set(shown) <= set(app.shown()))  # the page still shows its earlier ticks


def random_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(4096))


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096 + 100)


def random_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that a collector has written and closed."""
    folder = tmp_path_factory.mktemp("sound")
    with collector(folder, "--store", "data", "--interval", "0.1") as process:
        wait_for(lambda: len(stored(folder / "data")) > 20)
        process.popen.terminate()
        assert process.wait() == 0
    (folder / "data" / "cache.db-wal").unlink(missing_ok=True)
    return folder / "data"


@pytest.mark.parametrize(
    ("damage", "tail"),
    [*((damage, "tail there") for damage in (random_header, half, random_middle)), (half, "tail gone")],
)
def test_14_corrupt_store_is_quarantined_with_notice(
    tmp_path: Path, sound: Path, damage: Callable[[Path], None], tail: str
) -> None:
    store = tmp_path / "data"
    shutil.copytree(sound, store)
    old = stored(store)
    damage(store / "cache.db")
    if tail == "tail gone":
        (store / "tail").unlink()
    with collector(tmp_path, "--store", "data", "--interval", "0.1") as process:
        wait_for(lambda: list(store.glob("cache.db.corrupt-*")))
        wait_for(lambda: stored(store)[-1] > old[-1])
        assert "renamed to cache.db.corrupt-" in " ".join(read_notices(store))
        wait_for(lambda: "renamed to cache.db.corrupt-" in process.said)
        assert "Traceback" not in process.said
        if tail == "tail there":
            assert set(old) <= set(stored(store)), "what the tail still knew is kept"


def test_14_empty_database_is_filled_again(tmp_path: Path, sound: Path) -> None:
    shutil.copytree(sound, tmp_path / "data")
    empty(tmp_path / "data" / "cache.db")
    with dashapp(tmp_path, "--interval", "0.1") as app:
        app.serving().moves()
        wait_for(lambda: stored(app.store))
        assert "Traceback" not in app.said


def corrupt_database(app: Dashapp) -> bool:
    """Corrupt the database under its collector, and return whether that worked.

    An empty write-ahead log forces the collector to read the file again. The collector is suspended
    meanwhile, so that it cannot read and cache pages before.
    """
    collecting, path = app.child("collector"), app.store / "cache.db"
    collecting.suspend()
    try:
        if not path.with_name("cache.db-wal").stat().st_size:
            return False
        with closing(sqlite3.connect(path, timeout=0.1)) as connection:
            ((busy, *_),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if not busy:
            random_header(path)
        return not busy
    finally:
        collecting.resume()


def test_14_store_corrupted_at_runtime_is_quarantined(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--interval", "0.1") as app:
        app.serving().moves()
        wait_for(lambda: len(stored(app.store)) > 10)
        wait_for(lambda: corrupt_database(app))
        wait_for(lambda: list(app.store.glob("cache.db.corrupt-*")))
        app.moves()
        wait_for(lambda: "renamed to" in app.notices())
        assert "Traceback" not in app.said


def test_17_locked_store_delays_no_tick_and_no_request(app: Dashapp) -> None:
    app.moves()
    first = app.newest()
    with write_lock(app.store):
        for _ in range(10):
            app.moves()
            for path in ("/api/ticks?window=7200", "/", "/healthz"):
                assert app.get(path)[0] == 200
    all_stored(app, first)


def test_18_store_cleared_from_outside_resets_page(app: Dashapp) -> None:
    app.moves()
    cursor, newest = app.ticks()["cursor"], app.newest()
    with diskcache.Cache(str(app.store)) as cache:
        cache.clear()
    wait_for(lambda: app.ticks(after=cursor)["reset"])
    app.moves()
    assert min(app.ticks()["t"]) > newest
    assert app.ticks(after=app.ticks()["cursor"])["reset"] is False
