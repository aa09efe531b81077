"""Rate limits: requests of one client, and login attempts.

Both are tables of bounded size. Libraries keep an entry for each client, and need Redis to share them.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from dashapp.process.file_lock import lock_file

# Seconds of a counting window, and clients with a count of their own; the others share one count.
RATE_WINDOW_S = 10.0
MAX_CLIENTS = 20_000
OTHER_CLIENTS = "others"
# Paths whose responses take work for each query and each host, and the most that one request counts.
LAYOUT_PATH, LAYOUT_COST = "/_dash-layout", 8
COSTLY_PATHS = ("/api/frames", "/api/ticks", "/api/csv", "/api/alerts", LAYOUT_PATH)
MAX_REQUEST_COST = 512

# Login attempts in a window of seconds.
MAX_ATTEMPTS = 5
ATTEMPT_WINDOW_S = 60.0
# Slots in the table of login attempts. Two clients share one only by chance: the hash has a secret key.
ATTEMPT_SLOTS = 4096
ATTEMPTS_FILE_NAME = "tries"
_SLOT = struct.Struct(f"<{MAX_ATTEMPTS}d")


def request_cost(environ: Mapping[str, Any]) -> int:
    """Return the number of queries in a request, times the hosts that it compares.

    >>> request_cost({"PATH_INFO": "/host/a,b/api/frames", "QUERY_STRING": "q=window=60&q=window=90"})
    4
    """
    path: str = environ["PATH_INFO"]
    if not path.endswith(COSTLY_PATHS):
        return 1
    hosts = queries = 1
    if path.startswith("/host/"):
        hosts += path[6:].partition("/")[0].count(",")
    if path.endswith("/api/frames"):
        queries += environ.get("QUERY_STRING", "").count("&")
    if path.endswith(LAYOUT_PATH):
        queries = LAYOUT_COST
    # A response with an error is cheap.
    return min(hosts * queries, MAX_REQUEST_COST)


class RequestRateLimiter:
    """At most `limit` requests per second from each client, counted over RATE_WINDOW_S.

    Each web process counts its own requests, which limits the load of one client on it.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit * RATE_WINDOW_S
        self._clock = clock
        self._counts: dict[str, int] = {}
        self._until = 0.0

    def seconds_to_wait(self, client: str, cost: int = 1) -> int:
        """Return seconds to wait before the next request, 0 if allowed.

        The request counts as `cost` requests. An empty `client` is not limited.
        """
        if not client:
            return 0
        now = self._clock()
        if now >= self._until:
            self._counts, self._until = {}, now + RATE_WINDOW_S
        counts = self._counts
        if client not in counts and len(counts) >= MAX_CLIENTS:
            client = OTHER_CLIENTS
        before = counts.get(client, 0)
        counts[client] = before + cost
        # The request that exceeds the limit is still allowed: it may cost more than the whole limit.
        return 0 if before < self._limit else max(1, round(self._until - now))


class LoginAttempts:
    """At most MAX_ATTEMPTS of each client in ATTEMPT_WINDOW_S.

    All web processes of a machine share one file, which also survives a restart. Without a folder each
    process counts by itself.
    """

    def __init__(
        self, key: bytes, folder: Path | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._key = key
        self._path = None if folder is None else folder / ATTEMPTS_FILE_NAME
        self._clock = clock
        self._table = bytearray(ATTEMPT_SLOTS * _SLOT.size)
        self._lock = Lock()

    def seconds_to_wait(self, client: str) -> int:
        """Count one attempt. Return seconds to wait before the next one, 0 if this one is allowed."""
        now = self._clock()
        offset = self._slot(client)
        with self._open_file() as file:
            times = self._read(file, offset)
            # If the clock was set back, later times must not lock a client out for long.
            recent = sorted(moment for moment in times if now - ATTEMPT_WINDOW_S < moment <= now)
            if len(recent) >= MAX_ATTEMPTS:
                return max(1, round(recent[0] + ATTEMPT_WINDOW_S - now))
            self._write(file, offset, [*recent, now])
        return 0

    def reset(self, client: str) -> None:
        """Forget the attempts of a client, after a correct password."""
        with self._open_file() as file:
            self._write(file, self._slot(client), [])

    def _slot(self, client: str) -> int:
        digest = hmac.digest(self._key, client.encode(errors="replace"), hashlib.sha256)
        return int.from_bytes(digest[:8], "big") % ATTEMPT_SLOTS * _SLOT.size

    @contextmanager
    def _open_file(self) -> Iterator[BinaryIO | None]:
        with self._lock:
            file: BinaryIO | None = None
            if self._path is not None:
                with suppress(OSError):  # on a full disk, this process counts alone
                    self._path.touch(mode=0o600)
                    file = self._path.open("r+b", buffering=0)
            try:
                if file is not None:
                    lock_file(file.fileno(), wait=True)
                yield file
            finally:
                if file is not None:
                    file.close()

    def _read(self, file: BinaryIO | None, offset: int) -> tuple[float, ...]:
        data = bytes(self._table[offset : offset + _SLOT.size])
        if file is not None:
            file.seek(offset)
            data = (file.read(_SLOT.size) or b"").ljust(_SLOT.size, b"\0")
        return _SLOT.unpack(data)

    def _write(self, file: BinaryIO | None, offset: int, times: list[float]) -> None:
        data = _SLOT.pack(*times, *[0.0] * (MAX_ATTEMPTS - len(times)))
        self._table[offset : offset + _SLOT.size] = data
        if file is not None:
            with suppress(OSError):
                file.seek(offset)
                file.write(data)
