"""The sessions that people ended, for all processes and machines that share a store.

The processes of a machine share one file, which also survives a restart; machines share a Redis. Without
either, each process knows those that it ended itself.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from dashapp.http.streams import IN_EVENT_LOOP, may_block
from dashapp.process.file_lock import locked
from dashapp.stores.access import DIGEST_BYTES, MAX_ENDED_SESSIONS, SharedAccess

log = logging.getLogger("dashapp")

FILE_NAME, LOCK_NAME = "ended", "ended.lock"
# Seconds between two looks at what other processes ended.
REFRESH_INTERVAL_S = 2.0
# Seconds to wait for another process that writes.
LOCK_TIMEOUT_S = 0.5
# Without this, Windows writes a carriage return before each line feed.
_BINARY = getattr(os, "O_BINARY", 0)


class EndedSessions:
    """The digests of ended sessions.

    `folder`: has the file of this machine. `shared`: the Redis of several machines.
    """

    def __init__(
        self,
        folder: Path | None = None,
        shared: SharedAccess | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = None if folder is None else folder / FILE_NAME
        self._shared = shared
        self._clock = clock
        # By source, so that none of them displaces what another one has. The oldest first.
        self._sources: dict[str, list[bytes]] = {}
        self._known: frozenset[bytes] = frozenset()
        self._lock = Lock()
        self._asked = float("-inf")
        self._is_wanted = False
        self._has_warned = False

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._known

    def add(self, digest: bytes) -> None:
        """End a session. It may block."""
        with self._lock:
            self._set_source("here", [*self._sources.get("here", ()), digest])
        if self._path is not None:
            try:
                _append(self._path, digest)
            except OSError as error:
                self._warn(error)
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
                self._learn("file", _newest(self._path))
        if self._shared is not None:
            self._learn("shared", self._shared.ended_sessions())

    def _learn(self, source: str, digests: list[bytes]) -> None:
        # Without a response there are none.
        if digests and digests != self._sources.get(source):
            with self._lock:
                self._set_source(source, digests)

    def _set_source(self, source: str, digests: list[bytes]) -> None:
        self._sources[source] = digests[-MAX_ENDED_SESSIONS:]
        self._known = frozenset().union(*self._sources.values())

    def _warn(self, error: OSError) -> None:
        if not self._has_warned:
            self._has_warned = True
            reason = error.strerror or type(error).__name__
            log.warning(
                "%s cannot be written, so other processes accept ended sessions: %s", self._path, reason
            )


def digest_of(token: str) -> bytes:
    """Return what identifies a session, and does not open it."""
    return hashlib.blake2b(token.encode(errors="replace"), digest_size=DIGEST_BYTES).digest()


def _newest(path: Path) -> list[bytes]:
    """Return the newest digests in the file, the oldest first."""
    with path.open("rb") as file:
        count = os.fstat(file.fileno()).st_size // DIGEST_BYTES
        file.seek(max(0, count - MAX_ENDED_SESSIONS) * DIGEST_BYTES)
        data = file.read(MAX_ENDED_SESSIONS * DIGEST_BYTES)
    ends = range(DIGEST_BYTES, len(data) + 1, DIGEST_BYTES)
    return [data[end - DIGEST_BYTES : end] for end in ends]


def _append(path: Path, digest: bytes) -> None:
    """Add a digest to the file; shorten a long file."""
    with locked(path.with_name(LOCK_NAME), LOCK_TIMEOUT_S):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if rest := size % DIGEST_BYTES:
                # Part of one, from when the disk was full: the later ones would be read with its bytes.
                os.ftruncate(descriptor, size := size - rest)
            if os.write(descriptor, digest) < DIGEST_BYTES:
                raise OSError(None, "the disk is full")
        finally:
            os.close(descriptor)
        if size >= 2 * MAX_ENDED_SESSIONS * DIGEST_BYTES:
            # Another file, so that a reader sees the former or this one.
            shorter = path.with_name(f".{FILE_NAME}")
            shorter.write_bytes(b"".join(_newest(path)))
            shorter.chmod(0o600)
            shorter.replace(path)
