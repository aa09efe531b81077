"""The push queue in Redis: a stream per host, until the tick with the records is stored.

One script stores the tick and removes its records, so that each record is in exactly one tick, whichever
process dies.
"""

from __future__ import annotations

import time
from typing import Any

from dashapp.model.ticks import PushQueueError
from dashapp.stores.push_queue import COLLECTOR_AWAY_S, MAX_QUEUED_BYTES, AcceptRecord, queue_full_error
from dashapp.stores.redis.client import FAILURES, RedisClient, describe_error
from dashapp.stores.redis.keys import PUSH_SCRIPT, Keys
from dashapp.stores.redis.store import RedisStore

# Records per read.
BATCH_RECORDS = 500
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
        most: int = MAX_QUEUED_BYTES,
    ) -> None:
        self._client = client
        self._keys = Keys(name)
        self._forget_ms = round(forget * 1000)
        self._most = most
        self._away = max(COLLECTOR_AWAY_S, 3 * interval)
        self._made = time.monotonic()

    def put(self, record: bytes) -> None:
        if self._client.circuit_open:
            raise PushQueueError(
                f"what was pushed cannot be kept ({self._client.last_error}); try again later"
            )
        keys = [self._keys.push, self._keys.push_size, self._keys.looked]
        minds = int(time.monotonic() - self._made > self._away)
        try:
            answer = self._client.connection.eval(
                PUSH_SCRIPT, 3, *keys, record, self._most, self._forget_ms, minds
            )
        except FAILURES as error:
            self._client.record_failure(error)
            said = f"what was pushed cannot be kept (Redis: {describe_error(error)}); try again later"
            raise PushQueueError(said) from error
        if answer == b"full":
            raise queue_full_error(self._most)
        if answer == b"away":
            raise PushQueueError(
                f"no collector has looked for {self._away:.0f} seconds; try again when one runs"
            )


class RedisPushReader:
    """The collector's side. `client` has a short timeout, because a tick is waiting."""

    def __init__(self, client: RedisClient, store: RedisStore, interval: float = 1.0) -> None:
        self._client = client
        self._store = store
        self._keys = store.lease.keys
        self._away_ms = round(max(COLLECTOR_AWAY_S, 3 * interval) * 1000)
        self._taken = b""
        self._renewals = store.renewals

    def take(self, newest: int, accept: AcceptRecord) -> None:
        if self._store.renewals != self._renewals:
            # An emptied Redis may start its ids at an earlier time.
            self._renewals, self._taken = self._store.renewals, b""
        room = BATCH_RECORDS
        while room == BATCH_RECORDS:
            after = b"(" + self._taken if self._taken else b"-"
            none: list[Any] = []
            found = self._client.call(
                lambda connection, after=after: self._read_entries(connection, after), none
            )  # type: ignore[misc]
            room = len(found)
            for each, fields in found:
                if not accept(fields.get(b"r", b"")):
                    return
                self._taken = each
                self._store.pushed = each.decode()

    def _read_entries(self, connection: Any, after: bytes) -> list[Any]:
        pipe = connection.pipeline(transaction=False)
        pipe.xrange(self._keys.push, min=after, count=BATCH_RECORDS)
        pipe.set(self._keys.looked, 1, px=self._away_ms)
        found: list[Any] = pipe.execute()[0]
        return found
