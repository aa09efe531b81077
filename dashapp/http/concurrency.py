"""Limits on requests that occupy a thread for long: downloads, uploads, large responses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from dashapp.model.ticks import BusyError

# Key of the client in the environ: its address as in the rate limits. Empty text, or no entry, is a client
# without a limit of its own, such as a proxy.
CLIENT_KEY = "dashapp.client"

# Usual responses take less.
MOMENT_S = 0.1


class TooManyRequestsError(BusyError):
    """One client has more requests under way than it may."""


class ConcurrencyLimit:
    """At most `total` places in this process, and `per_client` of them for one client."""

    def __init__(self, total: float, per_client: int) -> None:
        self._total = total
        self._per_client = per_client
        self._count = 0
        self._counts: dict[str, int] = {}
        self._lock = Lock()

    def acquire(self, client: str = "", places: int = 1) -> bool:
        """Take some places and return True; False if so many are not free. Never waits."""
        with self._lock:
            count = self._counts.get(client, 0) + places
            if self._count + places > self._total or (client and count > self._per_client):
                return False
            self._count += places
            if client:
                self._counts[client] = count
            return True

    def is_free(self, client: str = "") -> bool:
        """Whether one place is free for `client`; for an empty one, in this process."""
        with self._lock:
            return self._count < self._total and self._counts.get(client, 0) < self._per_client

    def release(self, client: str = "", places: int = 1) -> None:
        """Return places that `client` has taken."""
        with self._lock:
            self._count -= places
            if client:
                self._counts[client] -= places
                if not self._counts[client]:
                    del self._counts[client]


class Queue:
    """Waiting for locks that others hold for a moment; few threads may wait for longer.

    Otherwise one slow response, requested often enough, would occupy every thread of the server.
    """

    def __init__(self, max_waiting: int) -> None:
        self._waiting = BoundedSemaphore(max_waiting)
        self._max_waiting = max_waiting
        self._count = 0

    @contextmanager
    def hold(self, lock: Lock | BoundedSemaphore) -> Iterator[None]:
        """Hold `lock` for the block; BusyError if that takes long and enough others wait already."""
        if not lock.acquire(blocking=False):
            self._wait(lock)
        try:
            yield
        finally:
            lock.release()

    def _wait(self, lock: Lock | BoundedSemaphore) -> None:
        # If all places are taken, the server is slow at present.
        if self._count < self._max_waiting and lock.acquire(timeout=MOMENT_S):
            return
        if not self._waiting.acquire(blocking=False):
            raise BusyError("the server is busy; retry in 1 second")
        self._count += 1
        try:
            lock.acquire()
        finally:
            self._count -= 1
            self._waiting.release()
