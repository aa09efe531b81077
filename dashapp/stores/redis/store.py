"""The writing side of the Redis store: ticks, documents and archive of one host.

No method waits for Redis once the store is open: a thread of the writer sends rows and documents, and
compacts.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from threading import Lock

from dashapp.model.ticks import (
    Cursor,
    StoreError,
    StoreLockedError,
    StoreUnavailableError,
    Tick,
    to_milliseconds,
)
from dashapp.model.top import TopRecord
from dashapp.stores.base import MAX_ROW_CHARS, Level, MeanLevel, Rewind, Store
from dashapp.stores.document_kind import Document, Value
from dashapp.stores.history.archive import Archive, Retention
from dashapp.stores.history.compaction import Compactor
from dashapp.stores.history.rewind import Rewinder
from dashapp.stores.notices import StoredNotice
from dashapp.stores.proxy import ReaderProxy
from dashapp.stores.redis.archive import RedisBlockStorage, RedisJournal, RedisRowSource
from dashapp.stores.redis.client import FAILURES, RedisClient, describe_error
from dashapp.stores.redis.documents import NOTICE_PREFIX
from dashapp.stores.redis.keys import HOST_LIST_METRICS, NEWEST_TIME_SCRIPT, Keys, parse_generation
from dashapp.stores.redis.lease import WriterLease
from dashapp.stores.redis.reader import RedisReader
from dashapp.stores.redis.writer import QueuedRow, RedisWriter, registry_entry

# The spans of all hosts end at the same times. Each host compacts up to this much later, because that reads a
# megabyte from Redis.
COMPACTION_SPREAD_MS = 60_000


class RedisStore(ReaderProxy, Store):
    """The only writer of a host name.

    StoreLockedError if there is another writer; StoreUnavailableError if Redis does not answer. `defer`: see
    WriterLease.acquire.
    """

    lag_ms = 0

    def __init__(
        self,
        client: RedisClient,
        name: str,
        keep: int = 7200,
        retention: Retention | None = None,
        forget: float = 604_800,
        defer: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.dropped = 0
        # The id of the last pushed record in the next tick.
        self.pushed = ""
        self.renewals = 0
        self.lease = WriterLease(client, Keys(name), forget)
        self._reader = RedisReader(client, name)
        self._poll_lock = Lock()
        limits = retention or Retention()
        self._rows = RedisRowSource(self.lease)
        self._delay_ms = zlib.crc32(name.encode()) % COMPACTION_SPREAD_MS
        try:
            self.lease.acquire(defer)
            self._reader.poll()
        except StoreLockedError:
            raise
        except FAILURES as error:
            client.record_failure(error)
            raise StoreUnavailableError(f"Redis at {client.address}: {describe_error(error)}") from error
        newest = self._reader.newest_cursor
        self._last_ms = newest.time_ms
        self._rewinder = Rewinder(RedisJournal(self.lease))
        self.writer = RedisWriter(
            self.lease, name, keep, newest, self._seal, self._rewinder, self._correct_history
        )
        self._compactor: Compactor[str] = Compactor(
            lambda: Archive(
                lambda level: RedisBlockStorage(self.lease, level),
                limits,
                has_aside=True,
                has_top=True,
                now=now,
            ),
            self.notice_sink("sealing"),
            FAILURES,
        )
        for name in ("store", "history", "supervisor"):
            self.notice_sink(name).clear()
        self.writer.start(self._renew)

    def append(self, tick: Tick) -> bool:
        if self.writer.is_lost:
            raise StoreLockedError("another collector now writes for this host name")
        time_ms = to_milliseconds(tick.time)
        if time_ms <= self._last_ms:
            self.dropped += 1
            return False
        text = tick.encode()
        if len(text) > MAX_ROW_CHARS:
            raise StoreError(f"a tick has {len(text)} characters; expected at most {MAX_ROW_CHARS}")
        self._last_ms = time_ms
        values = tick.values
        entry = registry_entry(
            time_ms, tick.step, {key: values[key] for key in HOST_LIST_METRICS if key in values}
        )
        pushed, self.pushed = self.pushed, ""
        self.writer.add(QueuedRow(time_ms, text, pushed, entry))
        return True

    def append_top(self, record: TopRecord) -> None:
        self._compactor.put_top(record)

    def rewind(self, rewind: Rewind) -> None:
        self._compactor.drop_top(rewind.after_ms)
        # Redis alone knows the newest tick that stays, and rejects ticks that are not later.
        self._last_ms = rewind.after_ms
        self.writer.rewind(rewind)

    def read_document(self, document: Document[Value]) -> Value:
        # The writer knows its own documents, without a poll and before Redis has them.
        text = self.writer.documents.text(document.name)
        return super().read_document(document) if text is None else document.decode(text)

    def write_document(self, document: Document[Value], value: Value) -> None:
        self.writer.documents.put(document.name, document.encode(value))
        self.writer.wake()

    def notice_sink(self, name: str) -> StoredNotice:
        return StoredNotice(lambda text: self.writer.documents.put(NOTICE_PREFIX + name, text[:500]))

    def newest(self) -> Cursor:
        return Cursor(self.writer.generation, self._last_ms)

    def reader(self) -> RedisReader:
        # Deliveries read from their own threads, and a poll is a request and the response to it.
        with self._poll_lock:
            self._reader.client.call(lambda connection: self._reader.poll(), None)
        return self._reader

    def levels(self) -> Sequence[Level]:
        # Without a poll: the levels read Redis themselves.
        return self._reader.levels()

    def mean_levels(self) -> tuple[MeanLevel, MeanLevel]:
        return self._reader.mean_levels()

    def lost_ticks(self) -> int | None:
        return self.writer.lost if self.writer.last_error else None

    def drain(self, seconds: float = 5.0) -> bool:
        return self.writer.drain(seconds)

    def close(self) -> None:
        """Write the waiting rows, and release the lease."""
        if not self.writer.is_lost and not self.writer.last_error:
            self.drain(2.0)
        self.writer.stop()
        self._compactor.close()
        try:
            self.lease.release()
        except FAILURES as error:
            self.lease.client.record_failure(error)  # the lease expires soon
        self.lease.client.close()

    def _seal(self, stored_ms: int) -> None:
        self._compactor.run(self._rows, stored_ms - self._delay_ms)

    def _correct_history(self) -> Cursor | None:
        """Correct the history in Redis, and return its new generation and newest tick.

        None if all was right.
        """
        self._rewinder.load()
        if not self._rewinder:
            return None
        self._compactor.rewind(self._rows, self._rewinder)
        connection, keys = self.lease.client.connection, self.lease.keys
        newest = connection.eval(NEWEST_TIME_SCRIPT, 1, keys.ticks)
        return Cursor(parse_generation(connection.get(keys.generation)), int(newest))

    def _renew(self) -> None:
        self.renewals += 1
        self._compactor.close()
