"""The push queue in Redis: a stream per host, until the tick with the records is stored.

One script stores the tick and removes its records, so that each record is in exactly one tick, whichever
process dies.
"""

from __future__ import annotations

import time

from dashapp.stores.push_queue import (
    COLLECTOR_AWAY_S,
    MAX_QUEUED_BYTES,
    AcceptRecord,
    no_collector_error,
    queue_full_error,
    unwritable_error,
)
from dashapp.stores.redis.bounded import StreamEntry, stream_entries
from dashapp.stores.redis.client import FAILURES, Connection, RedisClient, describe_error
from dashapp.stores.redis.keys import PUSH_SCRIPT, READ_ENTRIES_SCRIPT, Keys
from dashapp.stores.redis.store import RedisStore

# Records per read.
BATCH_RECORDS = 500
# Maximum bytes of a record, and of all in a reply. A request of 64 KB becomes at most 400 KB of ASCII.
MAX_RECORD_BYTES, MAX_BATCH_BYTES = 512 << 10, 8 << 20
# Seconds that a tick waits for Redis at most.
TICK_TIMEOUT_S = 0.1


class RedisPushWriter:
    """The web's side: a push gets its response after its record is in Redis."""

    def __init__(
        self,
        client: RedisClient,
        name: str,
        forget: float = 604_800,
        interval: float = 1.0,
        max_bytes: int = MAX_QUEUED_BYTES,
    ) -> None:
        self._client = client
        self._keys = Keys(name)
        self._forget_ms = round(forget * 1000)
        self._max_bytes = max_bytes
        self._timeout_s = max(COLLECTOR_AWAY_S, 3 * interval)
        self._created = time.monotonic()

    def put(self, record: bytes) -> None:
        if self._client.circuit_open:
            raise unwritable_error(self._client.last_error or "Redis is slow")
        keys = [self._keys.push, self._keys.push_size, self._keys.looked]
        needs_collector = int(time.monotonic() - self._created > self._timeout_s)
        arguments = [record, self._max_bytes, self._forget_ms, needs_collector]
        try:
            result = self._client.connection.eval(PUSH_SCRIPT, 3, *keys, *arguments)
        except FAILURES as error:
            self._client.record_failure(error)
            raise unwritable_error(f"Redis: {describe_error(error)}") from error
        if result == b"full":
            raise queue_full_error(self._max_bytes)
        if result == b"away":
            raise no_collector_error(self._timeout_s)


class RedisPushReader:
    """The collector's side. `client` has a short timeout, because a tick is waiting."""

    def __init__(self, client: RedisClient, store: RedisStore, interval: float = 1.0) -> None:
        self._client = client
        self._store = store
        self._keys = store.lease.keys
        self._timeout_ms = round(max(COLLECTOR_AWAY_S, 3 * interval) * 1000)
        self._last_id = b""
        self._renewals = store.renewals

    def take(self, newest: int, accept: AcceptRecord) -> None:
        if self._store.renewals != self._renewals:
            # An emptied Redis may start its ids at an earlier time.
            self._renewals, self._last_id = self._store.renewals, b""
        no_entries: list[StreamEntry] = []
        count = BATCH_RECORDS
        while count == BATCH_RECORDS:
            entries = self._client.call(self._read_entries, no_entries)
            count = len(entries)
            for entry_id, fields in entries:
                if not accept(fields.get(b"r", b"")):
                    return
                self._last_id = entry_id
                self._store.pushed = entry_id.decode()

    def _read_entries(self, connection: Connection) -> list[StreamEntry]:
        pipe = connection.pipeline(transaction=False)
        after = f"({self._last_id.decode()}" if self._last_id else "-"
        # Other programs can write to the same Redis: a record of theirs may have any size. A cluster's
        # pipeline has no eval method.
        limits = (MAX_RECORD_BYTES, MAX_BATCH_BYTES)
        arguments = ("XRANGE", after, "+", BATCH_RECORDS)
        pipe.execute_command("EVAL", READ_ENTRIES_SCRIPT, 1, self._keys.push, *limits, *arguments)
        pipe.set(self._keys.looked, 1, px=self._timeout_ms)
        (_dropped, reply), _ = pipe.execute()
        return stream_entries(reply)
