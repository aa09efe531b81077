"""The limit of login attempts, for all threads, processes and machines that share a store.

The processes of a machine share one file, which also survives a restart; machines share a Redis. Without
either, each process counts by itself.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from dashapp.process.file_lock import lock_file
from dashapp.stores.access import ATTEMPT_SLOTS, ATTEMPT_WINDOW_S, MAX_ATTEMPTS, SharedAccess

ATTEMPTS_FILE_NAME = "tries"
_SLOT = struct.Struct(f"<{MAX_ATTEMPTS}d")


class LoginAttempts:
    """At most MAX_ATTEMPTS of each client in ATTEMPT_WINDOW_S.

    `key`: returns the key that hashes the names of clients. `folder`: has the file of this machine.
    `shared`: counts for all machines.
    """

    def __init__(
        self,
        key: Callable[[], bytes],
        folder: Path | None = None,
        clock: Callable[[], float] = time.time,
        shared: SharedAccess | None = None,
    ) -> None:
        self._key = key
        self._table = AttemptTable(None if folder is None else folder / ATTEMPTS_FILE_NAME, clock)
        self._shared = shared

    def seconds_to_wait(self, client: str) -> int:
        """Count one attempt. Return seconds to wait before the next one, 0 if this one is allowed."""
        slot = self._slot(client)
        wait = self._table.count(slot)
        if wait or self._shared is None:
            return wait
        wait = self._shared.count_attempt(slot) or 0
        if wait:
            # Only an attempt that is allowed counts, so that retries do not prolong the wait.
            self._table.forget(slot)
        return wait

    def forget(self, client: str) -> None:
        """Do not count the newest attempt of a client, because it was correct.

        Others remain: several people can have one address, and only one of them knows the password.
        """
        slot = self._slot(client)
        self._table.forget(slot)
        if self._shared is not None:
            self._shared.forget_attempt(slot)

    def _slot(self, client: str) -> int:
        digest = hmac.digest(self._key(), client.encode(errors="replace"), hashlib.sha256)
        return int.from_bytes(digest[:8], "big") % ATTEMPT_SLOTS


class AttemptTable:
    """The times of attempts in a file, and in memory if the file cannot be written."""

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        # Attempts that are not in the file.
        self._unwritten: dict[int, list[float]] = {}
        self._lock = Lock()

    def count(self, slot: int) -> int:
        with self._open_file() as file:
            # Inside the lock: a thread that waits for it has an older time than the attempts before it.
            now = self._clock()
            recent = _recent(self._read(file, slot), now)
            if len(recent) >= MAX_ATTEMPTS:
                return max(1, math.ceil(recent[-MAX_ATTEMPTS] + ATTEMPT_WINDOW_S - now))
            self._write(file, slot, [*recent, now])
        return 0

    def forget(self, slot: int) -> None:
        with self._open_file() as file:
            self._write(file, slot, _recent(self._read(file, slot), self._clock())[:-1])

    @contextmanager
    def _open_file(self) -> Iterator[BinaryIO | None]:
        with self._lock:
            file: BinaryIO | None = None
            if self._path is not None:
                with suppress(OSError):  # no folder, or a file system without locks
                    self._path.touch(mode=0o600)
                    file = self._path.open("r+b", buffering=0)
                    lock_file(file.fileno(), wait=True)
            try:
                yield file
            finally:
                if file is not None:
                    file.close()

    def _read(self, file: BinaryIO | None, slot: int) -> list[float]:
        times = Counter(self._unwritten.get(slot, ()))
        if file is not None:
            with suppress(OSError):
                file.seek(slot * _SLOT.size)
                # The union: the file can have some of the others.
                times |= Counter(_SLOT.unpack((file.read(_SLOT.size) or b"").ljust(_SLOT.size, b"\0")))
        return list(times.elements())

    def _write(self, file: BinaryIO | None, slot: int, times: list[float]) -> None:
        if file is not None:
            with suppress(OSError):  # on a full disk
                file.seek(slot * _SLOT.size)
                data = _SLOT.pack(*[*times, *[0.0] * MAX_ATTEMPTS][:MAX_ATTEMPTS])
                if file.write(data) == len(data):
                    self._unwritten.pop(slot, None)
                    return
        self._unwritten[slot] = times


def _recent(times: Sequence[float], now: float) -> list[float]:
    """Return the times in the window, oldest first.

    A later time, from before the clock was set back, counts as now, and one far later not at all: it would
    lock a client out for long.
    """
    near = (min(moment, now) for moment in times if abs(now - moment) < ATTEMPT_WINDOW_S)
    return sorted(near)[-MAX_ATTEMPTS:]
