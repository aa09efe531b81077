"""A file lock between processes; the system releases it when the holder dies.

It uses the standard library. The `filelock` package imports asyncio, a third of the collector's memory.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def lock_file(descriptor: int, *, wait: bool = False) -> None:
        """Lock the file until its descriptor is closed. OSError if another process holds it."""
        msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)

    def unlock_file(descriptor: int) -> None:
        """Release the lock."""
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def lock_file(descriptor: int, *, wait: bool = False) -> None:
        """Lock the file until its descriptor is closed. OSError if another process holds it."""
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)

    def unlock_file(descriptor: int) -> None:
        """Release the lock, which forked processes share: closing the descriptor here is not enough."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path, timeout: float) -> Iterator[None]:
    """Keep other processes and threads out of the block, with a file that is only the lock.

    TimeoutError if one holds the lock for `timeout` seconds, OSError if the file cannot be created.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end = time.monotonic() + timeout
        while True:
            try:
                lock_file(descriptor)
                break
            except OSError:
                if time.monotonic() >= end:
                    raise TimeoutError from None
                time.sleep(0.001)
        yield
    finally:
        os.close(descriptor)
