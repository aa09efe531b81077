"""The push queue: pushed records, from the web's response to the tick that holds them.

Web processes put records in, and one collector takes them out. Disk and Redis have their own queues; this
module has the interfaces and the queue in memory.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Protocol

from dashapp.model.ticks import PushQueueError

# Maximum bytes in the queue, and of one record (longer ones are read in pieces).
MAX_QUEUED_BYTES, MAX_RECORD_BYTES = 16 << 20, 128 << 10
# Seconds without a collector after which the queue rejects records.
COLLECTOR_AWAY_S = 60.0

# Called with each record in order; False leaves it, and those after it, for the next tick.
AcceptRecord = Callable[[bytes], bool]


class PushWriter(Protocol):
    """The web's side."""

    def put(self, record: bytes) -> None:
        """Keep a record without line breaks until it is taken. PushQueueError if it cannot."""


class PushReader(Protocol):
    """The collector's side."""

    def take(self, newest: int, accept: AcceptRecord) -> None:
        """Pass waiting records to `accept`, for the tick after `newest` (milliseconds)."""


class MemoryPushQueue:
    """The queue of a store in memory: collector and web are threads of one process."""

    def __init__(self, interval: float = 1.0, max_bytes: int = MAX_QUEUED_BYTES) -> None:
        self._heartbeat = CollectorHeartbeat(interval)
        self._max_bytes = max_bytes
        self._size = 0
        self._lock = Lock()
        self._records: deque[bytes] = deque()

    def put(self, record: bytes) -> None:
        self._heartbeat.check(0.0)
        with self._lock:
            if self._size + len(record) > self._max_bytes:
                raise queue_full_error(self._max_bytes)
            self._size += len(record)
            self._records.append(record)

    def take(self, newest: int, accept: AcceptRecord) -> None:
        self._heartbeat.last_read = time.time()
        while self._records and accept(self._records[0]):
            with self._lock:
                self._size -= len(self._records.popleft())


class CollectorHeartbeat:
    """The time when the collector last read the queue, which it does every `interval` seconds."""

    def __init__(self, interval: float) -> None:
        self._timeout_s = max(COLLECTOR_AWAY_S, 3 * interval)
        self.last_read = time.time()

    def check(self, at: float) -> None:
        """PushQueueError if the last read, at `at` or known here, is too long ago."""
        now = time.time()
        # A read in the future came before the clock was set back.
        silent = min(abs(now - at), abs(now - self.last_read))
        if silent > self._timeout_s:
            raise no_collector_error(silent)


def queue_full_error(max_bytes: int) -> PushQueueError:
    return PushQueueError(
        f"the push queue is full: {max_bytes} bytes wait for the collector; try again later"
    )


def no_collector_error(seconds: float) -> PushQueueError:
    return PushQueueError(
        f"no collector has read the push queue for {seconds:.0f} seconds; try again when one runs"
    )


def unwritable_error(reason: str) -> PushQueueError:
    return PushQueueError(f"the push queue cannot be written ({reason}); try again later")
