"""Makes room on a full disk before the store opens.

SQLite needs some bytes even to read a database. Without this module, a disk that the store filled itself
would stop the collector until somebody deletes a file.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from dashapp.stores.disk.salvage import DAMAGED_NAME
from dashapp.stores.disk.space import BALLAST_BYTES, BALLAST_NAME, directories, measure
from dashapp.stores.history.archive import ASIDE

# Bytes without which SQLite opens no database: its shared memory, and the first pages of its log.
MIN_OPEN_BYTES = 96 << 10


def make_room(folder: Path) -> list[str]:
    """Delete files of a closed store if its disk is full, and return their names.

    The least useful files go first, and only until there is room: the ballast and copies of damaged files.
    Points with wrong times, and damaged files with rows to copy, go only if the store could not open. The
    ballast is not in the result.
    """
    deleted = []
    with suppress(OSError):
        if _free_bytes(folder) < BALLAST_BYTES:
            (folder / BALLAST_NAME).unlink(missing_ok=True)
        if _free_bytes(folder) < MIN_OPEN_BYTES:
            _write_logs(folder)
        for files, needed_bytes in ((_copies, BALLAST_BYTES), (_last_resort, MIN_OPEN_BYTES)):
            for path in files(folder):
                if _free_bytes(folder) < needed_bytes:
                    # SQLite must never find a log without its database.
                    for suffix in ("-wal", "-shm", ""):
                        Path(f"{path}{suffix}").unlink(missing_ok=True)
                    deleted.append(str(path.relative_to(folder)))
    return deleted


def is_full(folder: Path) -> bool:
    """Return whether the disk has no room to open the store."""
    existing = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    with suppress(OSError):
        usage = shutil.disk_usage(existing)
        return usage.free < MIN_OPEN_BYTES < usage.total  # /proc has no bytes at all
    return False


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _write_logs(folder: Path) -> None:
    """Write SQLite's logs to their databases: most of their pages replace others.

    A connection with the only access needs no file of shared memory, for which there may be no room.
    """
    for directory in directories(folder):
        if not (directory / "cache.db-wal").exists():
            continue
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(directory / "cache.db", timeout=0.5)) as connection,
        ):
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copies(folder: Path) -> list[Path]:
    return measure(folder).damaged


def _last_resort(folder: Path) -> list[Path]:
    damaged = [each / DAMAGED_NAME for each in reversed(directories(folder))]
    return [path for path in (folder / ASIDE / "cache.db", *damaged) if path.exists()]
