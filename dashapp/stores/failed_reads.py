"""Counts the reads that a store could not finish: a response without them is not complete."""

from __future__ import annotations

from threading import Lock


class FailedReads:
    """A count that only rises, for any number of threads."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = Lock()

    def add(self) -> None:
        with self._lock:
            self.count += 1
