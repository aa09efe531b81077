"""The disk space of a store: the limit `--size` of its folder, and a reserve of the disk.

`step` does a little between two ticks: it drops the oldest blocks and returns their pages to the disk. Each
part of it can be repeated after a crash.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dashapp.stores.disk.block_storage import DiskBlockStorage
from dashapp.stores.disk.database import Database
from dashapp.stores.disk.level_storages import LEVEL_NAMES, TOP_NAMES, LevelStorages
from dashapp.stores.disk.notices import NoticeFile
from dashapp.stores.history.archive import ASIDE, DAY, HOUR, Archive, Retention
from dashapp.stores.history.size_limit import SizedStorage, drop_oldest_block

# Calls between two measurements while all is well, and seconds of work in a call.
MEASURE_EVERY, STEP_S = 10, 0.02
# Pages to return to the disk at once, which takes some milliseconds.
VACUUM_PAGES = 128
# Begin a little below the limit: files grow between two measurements.
MAX_USAGE = 0.97
# The levels keep these shares of `--size`, even if the rest of the folder or other programs leave less.
MIN_LEVELS_SHARE, MIN_SHARE_ON_FULL_DISK = 0.25, 0.1
# Bytes of the file system to leave free: a share of it. The least is room for SQLite's largest transactions.
RESERVE_SHARE, MIN_RESERVE_BYTES, MAX_RESERVE_BYTES = 0.05, 3_000_000, 50_000_000
# A file to delete on a full disk, because SQLite needs some room even to delete.
BALLAST_NAME, BALLAST_BYTES = "ballast", 512 << 10
# Free pages of a level on a full disk: room for its next blocks.
MIN_FREE_PAGES_BYTES = 1 << 20
# The speakers of the notices about --size and about the disk.
NOTICE_NAMES = ("size", "disk")


class Usage(NamedTuple):
    total: int
    damaged: list[Path]


def directories(folder: Path) -> list[Path]:
    """Return the folders of a store that have a database: its own, and those of the levels."""
    return [folder, *(folder / name for name in (*LEVEL_NAMES, *TOP_NAMES, ASIDE))]


def measure(folder: Path) -> Usage:
    """Return the bytes of all files of a store, and its quarantined files, oldest first."""
    total, damaged = 0, []
    for directory in directories(folder):
        with suppress(OSError):
            for path in directory.iterdir():
                with suppress(OSError):
                    status = path.lstat()
                    total += status.st_size
                    if ".corrupt-" in path.name:
                        damaged.append((status.st_mtime, path))
    return Usage(total, [path for _time, path in sorted(damaged)])


def megabytes(size: float) -> str:
    return f"{size / 1_000_000:.1f} MB" if size < 10_000_000 else f"{size / 1_000_000:.0f} MB"


class DiskSpace:
    """Limits the space of `folder`. Owns the storages of the levels."""

    def __init__(self, folder: Path, retention: Retention, now: Callable[[], float] = time.time) -> None:
        """`now`: the wall time in seconds UTC."""
        self.levels = LevelStorages(folder)
        self._folder = folder
        self._retention = retention
        self._now = now
        self._size_notice, self._disk_notice = (NoticeFile(folder, name) for name in NOTICE_NAMES)
        self._ballast = folder / BALLAST_NAME
        self._calls = 0

    def open_archive(self) -> Archive:
        """Open the archive of the folder, which enforces these limits."""
        return Archive(
            self.levels.open,
            self._retention,
            self,
            has_aside=self.levels.has_aside(),
            has_top=self.levels.has_top(),
            now=self._now,
        )

    def enforce(self, storages: Sequence[SizedStorage], aside: SizedStorage | None) -> None:
        """Do a step now, after blocks were added."""
        self._calls = 0
        self.step()

    def step(self, log: Database | None = None) -> None:
        """Work for a moment, if there is too little space. Raises the errors in FAILURES."""
        self._calls -= 1
        if self._calls > 0:
            return
        self._calls = 0
        end = time.perf_counter() + STEP_S
        while self._work(log):
            if time.perf_counter() > end:
                return
        self._calls = MEASURE_EVERY

    def _work(self, log: Database | None) -> bool:
        """Do one small part; False if nothing is left to do now."""
        usage = measure(self._folder)
        disk = shutil.disk_usage(self._folder)
        reserve = min(MAX_RESERVE_BYTES, max(MIN_RESERVE_BYTES, int(disk.total * RESERVE_SHARE)))
        self._keep_ballast(disk.free, reserve)
        self.levels.has_room = disk.free > reserve
        if self.levels.salvage():
            return True
        max_bytes = self._retention.size
        over_size, missing = usage.total - int(max_bytes * MAX_USAGE), reserve - disk.free
        if max(over_size, missing) <= 0:
            self._size_notice.clear()
            if disk.free > 2 * reserve:
                self._disk_notice.clear()
            return False
        if usage.damaged:
            usage.damaged[0].unlink(missing_ok=True)
            return True
        storages, aside = self.levels.all(), self.levels.aside()
        history = [*storages, *([aside] if aside is not None else [])]
        databases: list[Database] = [*history, *([log] if log is not None else [])]
        # A reader may delay the moment when a file becomes smaller.
        over_size -= sum(database.pending_bytes() for database in databases)
        used, unused = sum(storage.size() for storage in history), [base.free_bytes() for base in databases]
        min_share = MIN_LEVELS_SHARE if over_size > 0 else MIN_SHARE_ON_FULL_DISK
        min_bytes = int(min(max_bytes, disk.total) * min_share)
        if missing > 0:
            self._report_full_disk(disk.free, reserve, storages[0])
        excess = max(over_size, min(missing, usage.total - min_bytes))
        may_give = used > min_bytes
        if over_size > sum(unused) and not may_give:
            self._report_small_size(usage.total - used)
        if missing > 0 and not (may_give and excess > 0):
            return self._reuse_pages(storages)
        if sum(unused) < excess and may_give and drop_oldest_block(storages, aside):
            return True
        largest = unused.index(max(unused))
        return unused[largest] > 0 and databases[largest].vacuum(VACUUM_PAGES, disk.free - reserve)

    def _report_small_size(self, needed: int) -> None:
        size = self._retention.size
        self._size_notice.set(
            f"--size is {megabytes(size)}, but the newest ticks and the fixed files need "
            f"{megabytes(needed)}: only {megabytes(size * MIN_LEVELS_SHARE)} of history are kept; "
            f"set --size to {megabytes(2 * needed)} or more."
        )

    def _report_full_disk(self, free: int, reserve: int, ticks: DiskBlockStorage) -> None:
        oldest, newest = ticks.oldest_block() or 0, ticks.newest_block()
        hours = (newest - oldest) / 1000 / HOUR
        kept = f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
        self._disk_notice.set(
            f"The disk of {self._folder} has {megabytes(free)} left, of which {megabytes(reserve)} are "
            f"reserved: ticks are kept for {kept} instead of {self._retention.ticks / DAY:.0f} days."
        )

    def _reuse_pages(self, storages: Sequence[DiskBlockStorage]) -> bool:
        """Keep room for new blocks inside the files of the levels, because the disk has none."""
        return any(
            storage.free_bytes() < min(MIN_FREE_PAGES_BYTES, storage.size() // 4) and storage.drop_oldest()
            for storage in storages
        )

    def _keep_ballast(self, free: int, reserve: int) -> None:
        with suppress(OSError):
            if free < BALLAST_BYTES:
                self._ballast.unlink(missing_ok=True)
            elif free > reserve + BALLAST_BYTES and not self._ballast.exists():
                self._ballast.write_bytes(bytes(BALLAST_BYTES))
                self._ballast.chmod(0o600)
