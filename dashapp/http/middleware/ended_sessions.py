"""The sessions that people ended, for all processes and machines that share a store.

The processes of a machine share one file, which also survives a restart; machines share a Redis. Without
either, each process knows those that it ended itself.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from dashapp.http.streams import IN_EVENT_LOOP, may_block
from dashapp.stores.access import DIGEST_BYTES, MAX_ENDED_SESSIONS, SharedAccess

FILE_NAME = "ended"
# Seconds between two looks at what other processes ended.
REFRESH_INTERVAL_S = 2.0


class EndedSessions:
    """`folder`: has the file of this machine. `shared`: the Redis of several machines."""

    def __init__(
        self,
        folder: Path | None = None,
        shared: SharedAccess | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = None if folder is None else folder / FILE_NAME
        self._shared = shared
        self._clock = clock
        # By digest, the oldest first.
        self._known: dict[bytes, None] = {}
        self._lock = Lock()
        self._asked = float("-inf")
        self._is_wanted = False

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, token: str) -> bool:
        return bool(self._known) and _digest(token) in self._known

    def add(self, token: str) -> None:
        """End a session. It may block."""
        digest = _digest(token)
        self._learn([digest])
        if self._path is not None:
            with suppress(OSError):  # on a full disk
                _append(self._path, digest)
        if self._shared is not None:
            self._shared.end_session(digest)

    def refresh(self, environ: Mapping[str, Any]) -> None:
        """Learn what other processes ended, in a thread.

        In the event loop, one request after each interval has to be repeated in a thread. The others do not
        wait for it.
        """
        now = self._clock()
        if now - self._asked >= REFRESH_INTERVAL_S:
            self._asked, self._is_wanted = now, True
            may_block(environ)
        if self._is_wanted and not environ.get(IN_EVENT_LOOP):
            self._is_wanted = False
            self._read()

    def _read(self) -> None:
        if self._path is not None:
            with suppress(OSError):
                self._learn(_digests(self._path.read_bytes()))
        if self._shared is not None:
            self._learn(self._shared.ended_sessions())

    def _learn(self, digests: Iterable[bytes]) -> None:
        with self._lock:
            new = [digest for digest in digests if digest not in self._known]
            if new:
                # Another dict, because other threads look into the present one.
                self._known = dict.fromkeys([*self._known, *new][-MAX_ENDED_SESSIONS:])


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode(errors="replace"), digest_size=DIGEST_BYTES).digest()


def _digests(data: bytes) -> list[bytes]:
    ends = range(DIGEST_BYTES, len(data) + 1, DIGEST_BYTES)
    return [data[end - DIGEST_BYTES : end] for end in ends][-MAX_ENDED_SESSIONS:]


def _append(path: Path, digest: bytes) -> None:
    """Add a digest to the file; shorten a long file.

    Two processes that do this at once can lose what one of them adds: it ends in that process only.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, digest)
        size = os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    if size > 2 * MAX_ENDED_SESSIONS * DIGEST_BYTES:
        shorter = path.with_name(f".{FILE_NAME}-{os.getpid()}")
        shorter.write_bytes(b"".join(_digests(path.read_bytes())))
        shorter.chmod(0o600)
        shorter.replace(path)
