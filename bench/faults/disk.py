"""A store in a folder, if possible on a small disk of its own, and the faults of its files."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random

import psutil

from bench.faults.processes import Processes
from bench.faults.store_contents import tick_counts
from dashapp.stores.disk.block_reader import newest_values
from dashapp.stores.disk.reader import DiskReader

PAGE_BYTES = 4096
# The size of the small disk, less than an hour of ticks needs.
DISK_BYTES = 64_000_000
FILES = ("cache.db", "seconds/cache.db", "minutes/cache.db", "hours/cache.db", "tail")
# In a namespace of its own, a program without rights may mount a disk, which only its children see.
_UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
_IN_NAMESPACE = "SOAK_NAMESPACE"


def enter_namespace() -> None:
    """Run this program again in a namespace of its own, if that is allowed."""
    if os.environ.get(_IN_NAMESPACE) or shutil.which("unshare") is None:
        return
    if subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode == 0:
        argv = [*_UNSHARE, sys.executable, "-m", "bench.faults", *sys.argv[1:]]
        os.execvpe(argv[0], argv, {**os.environ, _IN_NAMESPACE: "1"})


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a small disk at a folder. Return False if that is not possible here."""
    folder.mkdir()
    if not os.environ.get(_IN_NAMESPACE):
        yield False
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], check=True)
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class FolderFaults:
    """The store in `folder`. `unreadable` has the times of the ticks that a damaged page hid."""

    def __init__(self, folder: Path, is_small: bool, random: Random) -> None:
        self.url = str(folder)
        self.unreadable: set[int] = set()
        self._folder = folder
        self._is_small = is_small
        self._random = random

    def kinds(self, processes: Processes) -> dict[str, Callable[[], None]]:
        return {
            "disk full": lambda: self._fill_disk(processes, killed=False),
            "disk full, collector killed": lambda: self._fill_disk(processes, killed=True),
            "database locked": self._lock,
            "page damaged": lambda: self._damage(processes),
        }

    def reader(self) -> DiskReader:
        return DiskReader(self._folder)

    def tick_counts(self) -> Counter[int]:
        with closing(self.reader()) as reader:
            return tick_counts(newest_values(self._folder / "cache.db"), reader)

    def close(self) -> None: ...

    def _fill_disk(self, processes: Processes, killed: bool) -> None:
        with self._small_disk_full() if self._is_small else _file_size_limit(processes):
            time.sleep(self._random.uniform(2.0, 12.0))
            if killed:
                processes.kill("dashapp.collector")

    @contextmanager
    def _small_disk_full(self) -> Iterator[None]:
        """Use all space of the disk, as another program might."""
        path = self._folder.parent / "other"
        try:
            with path.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(PAGE_BYTES))
            yield
        finally:
            path.unlink(missing_ok=True)

    def _lock(self) -> None:
        """Hold a write transaction, as another program could."""
        connection = sqlite3.connect(self._folder / "cache.db", isolation_level=None, timeout=5)
        with closing(connection), suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(self._random.uniform(0.5, 5.0))
            connection.execute("ROLLBACK")

    def _damage(self, processes: Processes) -> None:
        """Overwrite a page of a file while nothing runs."""
        processes.stop()
        before = set(self.tick_counts())
        path = self._folder / self._random.choice(FILES)
        with suppress(FileNotFoundError), path.open("r+b") as file:
            pages = max(1, path.stat().st_size // PAGE_BYTES)
            file.seek(PAGE_BYTES * self._random.randrange(pages))
            file.write(self._random.randbytes(PAGE_BYTES))
        self.unreadable |= before - set(self.tick_counts())
        processes.start()


@contextmanager
def _file_size_limit(processes: Processes) -> Iterator[None]:
    """Limit the collector's files, so that its kernel fails a write as a full disk would."""
    pid = processes.part("dashapp.collector")[0].pid
    unlimited = resource.RLIM_INFINITY
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (PAGE_BYTES, unlimited))
    yield
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
