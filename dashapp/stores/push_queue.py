"""The push queue: what programs pushed, from the web's response to the tick that holds it.

Web processes put records in, and one collector takes them out. Disk and Redis have their own; this module has
the protocols and the queue in memory.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Protocol

from dashapp.model.ticks import PushQueueError

# Bytes that wait for the collector at the most, and of one record (what is longer is read in pieces).
MAX_QUEUED_BYTES, MAX_RECORD_BYTES = 16 << 20, 128 << 10
# Seconds without a collector that looks, after which nobody is promised that theirs is in its next tick.
COLLECTOR_AWAY_S = 60.0

# Handed each record in order; False leaves it, and those after it, for the next tick.
AcceptRecord = Callable[[bytes], bool]


class PushWriter(Protocol):
    """The web's side."""

    def put(self, record: bytes) -> None:
        """Keep a record, without a line break, till it is taken. SpoolError where that cannot be promised."""


class PushReader(Protocol):
    """The collector's side."""

    def take(self, newest: int, accept: AcceptRecord) -> None:
        """Hand over what waits, for the tick after the one at `newest` (the store's newest, milliseconds)."""


class PushQueue(PushWriter, PushReader, Protocol):
    """Both in one."""


class MemoryPushQueue:
    """For a store in memory: collector and web are threads of one process, and end together."""

    def __init__(self, interval: float = 1.0, most: int = MAX_QUEUED_BYTES) -> None:
        self._looked = CollectorHeartbeat(interval)
        self._most = most
        self._size = 0
        self._lock = Lock()
        self._records: deque[bytes] = deque()

    def put(self, record: bytes) -> None:
        self._looked.check(0.0)
        with self._lock:
            if self._size + len(record) > self._most:
                raise queue_full_error(self._most)
            self._size += len(record)
            self._records.append(record)

    def take(self, newest: int, accept: AcceptRecord) -> None:
        self._looked.at = time.time()
        while self._records and accept(self._records[0]):
            with self._lock:
                self._size -= len(self._records.popleft())


class CollectorHeartbeat:
    """When the collector last looked for records, `interval` seconds being between two of its ticks."""

    def __init__(self, interval: float) -> None:
        self._away = max(COLLECTOR_AWAY_S, 3 * interval)
        self.at = time.time()

    def check(self, at: float) -> None:
        """SpoolError where it has not since `at`, nor since this was made, for too long."""
        silent = time.time() - max(at, self.at)
        if silent > self._away:
            raise PushQueueError(f"no collector has looked for {silent:.0f} seconds; try again when one runs")


def queue_full_error(most: int) -> PushQueueError:
    return PushQueueError(f"{most} bytes of what was pushed wait for the collector already; try again later")
