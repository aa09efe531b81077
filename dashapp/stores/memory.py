"""The store in memory, for tests and for a machine without a writable disk."""

from __future__ import annotations

import secrets
from bisect import bisect_right
from functools import partial
from threading import Lock
from typing import Any

from dashapp.model.ticks import Cursor, Tick, to_milliseconds
from dashapp.stores.base import Store
from dashapp.stores.documents import DOCUMENTS, Document, Value
from dashapp.stores.notices import StoredNotice


class MemoryStore(Store):
    """A list of at most `keep` ticks. One thread appends; any number of threads read."""

    lag_ms = 0

    def __init__(self, keep: int = 7200, notice: str | None = None) -> None:
        self.dropped = 0
        self._keep = keep
        self._notices = {"": notice or ""}
        self._lock = Lock()
        self._documents: dict[Document[Any], Any] = {document: document.empty() for document in DOCUMENTS}
        self._ticks: list[Tick] = []
        self._generation = secrets.token_hex(8)

    def append(self, tick: Tick) -> bool:
        with self._lock:
            if self._ticks and to_milliseconds(tick.time) <= to_milliseconds(self._ticks[-1].time):
                self.dropped += 1
                return False
            self._ticks.append(tick)
            del self._ticks[: -self._keep]
            return True

    def clear(self) -> None:
        """Delete every tick and begin a new generation."""
        with self._lock:
            self._ticks.clear()
            self._generation = secrets.token_hex(8)

    def newest(self) -> Cursor:
        with self._lock:
            newest = to_milliseconds(self._ticks[-1].time) if self._ticks else 0
            return Cursor(self._generation, newest)

    def since(self, time: float, limit: int) -> list[Tick]:
        with self._lock:
            start = bisect_right(self._ticks, time, key=lambda tick: tick.time)
            return self._ticks[max(start, len(self._ticks) - limit) :]

    def levels(self) -> tuple[()]:
        return ()

    def read_document(self, document: Document[Value]) -> Value:
        value: Value = self._documents[document]
        return value

    def write_document(self, document: Document[Value], value: Value) -> None:
        self._documents[document] = value

    def notices(self) -> list[str]:
        return [*filter(None, self._notices.values())]

    def notice_sink(self, name: str) -> StoredNotice:
        return StoredNotice(partial(self._notices.__setitem__, name))

    def close(self) -> None: ...
