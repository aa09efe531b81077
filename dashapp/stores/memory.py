"""The store in memory, for tests and for a machine without a writable disk."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from functools import partial
from threading import Lock
from typing import Any

from dashapp.model.ticks import Cursor, Tick, to_milliseconds
from dashapp.model.top import TopRecord
from dashapp.stores.base import FOREVER_MS, MeanLevel, Rewind, Store, TopLevel
from dashapp.stores.document_kind import Document, Value
from dashapp.stores.documents import DOCUMENTS
from dashapp.stores.history.mean_levels import tick_means
from dashapp.stores.notices import StoredNotice
from dashapp.stores.tick_cache import LogSnapshot, TickCache
from dashapp.stores.top_levels import StoredRecords


class MemoryStore(Store):
    """At most `keep` ticks. One thread appends; any number of threads read."""

    lag_ms = 0

    def __init__(self, keep: int = 7200, notice: str | None = None) -> None:
        self.dropped = 0
        self._notices = {"": notice or ""}
        self._lock = Lock()
        self._documents: dict[Document[Any], Any] = {document: document.empty() for document in DOCUMENTS}
        self._cache = TickCache(keep, float("inf"))
        self._generation = os.urandom(8).hex()
        self._records: deque[TopRecord] = deque(maxlen=keep // 10 + 1)
        # Ticks with wrong times, by the time of the rewind that set them aside.
        self._aside: dict[int, list[Tick]] = {}

    def append(self, tick: Tick) -> bool:
        with self._lock:
            newest = self._cache.newest
            if newest is not None and tick.time <= newest.time:
                self.dropped += 1
                return False
            self._cache.extend([tick])
            return True

    def append_top(self, record: TopRecord) -> None:
        with self._lock:
            self._records.append(record)

    def top_levels(self) -> Sequence[TopLevel]:
        with self._lock:
            return [StoredRecords(tuple(self._records))]

    def rewind(self, rewind: Rewind) -> None:
        with self._lock:
            kept_records = [record for record in self._records if record.time_ms <= rewind.after_ms]
            self._records = deque(kept_records, maxlen=self._records.maxlen)
            ticks = self._cache.columns().ticks()
            kept = [tick for tick in ticks if to_milliseconds(tick.time) <= rewind.after_ms]
            restored = self._aside.pop(rewind.after_ms, []) if rewind.restores else []
            if not rewind.restores:
                self._aside = {rewind.after_ms: ticks[len(kept) :]}
            self._cache.replace([*kept, *restored], is_whole=True)
            self._generation = os.urandom(8).hex()

    def clear(self) -> None:
        """Delete every tick and begin a new generation."""
        with self._lock:
            self._cache.replace([], is_whole=True)
            self._generation = os.urandom(8).hex()

    def newest(self) -> Cursor:
        with self._lock:
            return self._newest()

    def snapshot(self) -> LogSnapshot:
        with self._lock:
            return LogSnapshot(self._newest(), self._cache, self.levels)

    def levels(self) -> tuple[()]:
        return ()

    def mean_levels(self) -> tuple[MeanLevel, MeanLevel]:
        return tick_means(self.since(float("-inf"), FOREVER_MS))

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

    def _newest(self) -> Cursor:
        newest = self._cache.newest
        return Cursor(self._generation, to_milliseconds(newest.time) if newest else 0)
