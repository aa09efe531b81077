"""The writer of one host in Redis: a thread, so that no tick ever waits for Redis.

The newest rows stay here, in order and bounded, until Redis confirms them, and some time longer. So Redis
gets rows again that it loses, for example after a failover.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from threading import Event, Lock, Thread
from typing import NamedTuple

from redis import ResponseError

from dashapp.model.ticks import Cursor, StoreLockedError
from dashapp.process.threads import start_thread
from dashapp.stores.base import Rewind
from dashapp.stores.cached_reader import NO_GENERATION
from dashapp.stores.history.rewind import Rewinder
from dashapp.stores.redis.client import FAILURES, describe_error
from dashapp.stores.redis.documents import NOTICE_PREFIX, RedisDocuments
from dashapp.stores.redis.keys import APPEND_SCRIPT, REGISTRY_KEY, Keys, parse_generation
from dashapp.stores.redis.lease import WriterLease

log = logging.getLogger("dashapp")

# Rows per command.
BATCH_ROWS = 300
# Maximum characters of waiting rows, which is hours of them, and of rows that Redis already has.
MAX_WAITING_CHARS, MAX_STORED_CHARS = 16 << 20, 2 << 20
# Seconds between two heartbeats, between two tries while Redis is down, and between two log lines about that.
HEARTBEAT_S, RETRY_INTERVAL_S, LOG_INTERVAL_S = 0.5, 0.25, 60.0
# Maximum seconds between two extensions of the keys' expiry.
KEY_REFRESH_S = 3600.0
# Seconds between two checks that the documents still exist.
DOCUMENT_CHECK_S = 3.0


class QueuedRow(NamedTuple):
    time_ms: int
    text: str
    pushed: str  # the last pushed record that it holds; empty if none
    registry_entry: str  # its values for the list of hosts


class RedisWriter:
    """Starts after `newest`, Redis' newest tick. Calls `on_round` after each successful round.

    `correct` applies the rewinds of `rewinder` in Redis, and returns its newest tick.
    """

    def __init__(
        self,
        lease: WriterLease,
        name: str,
        keep: int,
        newest: Cursor,
        on_round: Callable[[int], None],
        rewinder: Rewinder,
        correct: Callable[[], Cursor | None],
    ) -> None:
        self.documents = RedisDocuments(lease)
        self.generation = newest.generation
        self.is_lost = False
        self.last_error = ""
        self.lost = 0  # ticks of this outage that did not fit into memory
        self._lease = lease
        self._name = name
        self._keep = keep
        self._on_round = on_round
        self._correct = correct
        self._rewinder = rewinder
        self._rows: deque[QueuedRow] = deque()
        self._size = 0
        self._stored = newest.time_ms
        self._lock = Lock()
        self._wake = Event()
        self._idle = Event()
        self._closing = False
        self._last_heartbeat = self._last_refresh = self._last_log = float("-inf")
        self._last_check = time.monotonic()
        self._on_data_loss: Callable[[], None] = _no_op
        self._thread: Thread | None = None
        self._has_notice = False

    def start(self, on_data_loss: Callable[[], None]) -> None:
        """Start the thread. `on_data_loss` is called after Redis lost its data."""
        self._on_data_loss = on_data_loss
        self._thread = start_thread("dashapp redis writer", self._run, self._set_notice)

    def add(self, row: QueuedRow) -> None:
        with self._lock:
            self._rows.append(row)
            self._size += len(row.text)
            self._trim(MAX_WAITING_CHARS)
            self._idle.clear()
            self._wake.set()

    def rewind(self, rewind: Rewind) -> None:
        """Remove the rows with wrong times here, and then in Redis."""
        with self._lock:
            later = [row for row in self._rows if row.time_ms > rewind.after_ms]
            # Redis itself has the others.
            self._rewinder.add(rewind, [row.text for row in later if row.time_ms > self._stored])
            self._stored = min(self._stored, rewind.after_ms)
            self._rows = deque(row for row in self._rows if row.time_ms <= rewind.after_ms)
            self._size = sum(len(row.text) for row in self._rows)
            self._idle.clear()
            self._wake.set()

    def wake(self) -> None:
        """Start a round now."""
        with self._lock:
            self._idle.clear()
            self._wake.set()

    def drain(self, seconds: float) -> bool:
        """Wait until Redis has all rows and documents; False if that takes too long."""
        return self._idle.wait(seconds)

    def stop(self) -> None:
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(3.0)

    def _run(self) -> None:
        while not self.is_lost:
            self._wake.wait(HEARTBEAT_S if not self.last_error else RETRY_INTERVAL_S)
            if self._closing:
                return
            self.round()

    def round(self) -> None:
        """Write all waiting rows and documents once. A failed write waits for the next round."""
        self._wake.clear()
        try:
            self._write_waiting()
            with self._lock:
                if not self._wake.is_set():
                    self._idle.set()
        except StoreLockedError as error:
            log.warning("%s; this collector stands by", error)
            self.is_lost = True
            self._idle.set()
        except FAILURES as error:
            self._fail(error)
        except Exception as error:
            # The heartbeat must go on, and most other writes still work. A repetition may succeed.
            self._set_notice(f"Writing to Redis failed ({type(error).__name__}); the log has the details.")
            self._fail(error, error)

    def _write_waiting(self) -> None:
        try:
            self._correct_history()
            while rows := self._waiting():
                if any(row.pushed for row in rows):
                    # Redis removes the pushed records with these rows, so it must have their results before.
                    self.documents.write()
                self._send(rows)
        except ResponseError:
            # Redis answers, but rejects the rows: even a full one renews the lease.
            self._send([])
            raise
        if time.monotonic() - self._last_heartbeat > HEARTBEAT_S * 0.9:
            self._send([])
        if time.monotonic() - self._last_check > DOCUMENT_CHECK_S:
            self._last_check = time.monotonic()
            self.documents.check()
        self.documents.write()
        if time.monotonic() - self._last_refresh > min(KEY_REFRESH_S, self._lease.forget_ms / 4000):
            self._refresh()
        if self.last_error:
            log.info(
                "Redis at %s is available again; all waiting ticks are written", self._lease.client.address
            )
            self.last_error, self.lost = "", 0
        self._on_round(self._stored)
        if self._has_notice:
            self._set_notice("")

    def _correct_history(self) -> None:
        if self._rewinder and (newest := self._correct()) is not None:
            with self._lock:
                self._stored, self.generation = newest.time_ms, newest.generation

    def _waiting(self) -> list[QueuedRow]:
        """Return the oldest rows that Redis does not have."""
        with self._lock:
            stored = self._stored
            if self._rewinder or not self._rows or self._rows[-1].time_ms <= stored:
                return []
            rows = []
            for row in reversed(self._rows):
                if row.time_ms <= stored:
                    break
                rows.append(row)
        return rows[: -BATCH_ROWS - 1 : -1]

    def _trim(self, max_chars: int) -> None:
        while self._size > max_chars:
            row = self._rows.popleft()
            self._size -= len(row.text)
            self.lost += row.time_ms > self._stored

    def _send(self, rows: list[QueuedRow]) -> None:
        keys = self._lease.keys
        arguments = [argument for row in rows for argument in (row.time_ms, row.text, row.pushed)]
        key_names = [keys.ticks, keys.generation, keys.push, keys.push_size]
        values = [self._keep, self._lease.forget_ms, self._stored, secrets.token_hex(8), *arguments]
        if rows:
            result = self._lease.append_and_register(
                self._name, rows[-1].registry_entry, APPEND_SCRIPT, key_names, *values
            )
        else:
            result = self._lease.run(APPEND_SCRIPT, key_names, *values)
        kind, newest, generation = result[0], result[1], parse_generation(result[2])
        self._last_heartbeat = time.monotonic()
        if self.generation == NO_GENERATION and kind == b"kept":
            self.generation = generation
        elif kind == b"behind" or generation != self.generation:
            log.warning(
                "Redis at %s lost its data; writing the newest ticks again", self._lease.client.address
            )
            self.generation = generation
            self.documents.rewrite_all()
            self._on_data_loss()
        with self._lock:
            if self._rewinder:
                return  # Redis may still have later ticks, with wrong times
            self._stored = int(newest)
            if self._rows and self._rows[-1].time_ms <= self._stored:
                self._trim(MAX_STORED_CHARS)

    def _refresh(self) -> None:
        """Extend the expiry of all keys, and remove expired hosts."""
        keys = [key for key in self._lease.keys.all() if key != self._lease.keys.lease]
        self._lease.run_commands(*(("PEXPIRE", key, self._lease.forget_ms) for key in keys))
        self._last_refresh = time.monotonic()
        connection = self._lease.client.connection
        (now, _), entries = connection.time(), connection.hgetall(REGISTRY_KEY)
        silent = [
            name for name, entry in entries.items() if arrival_ms(entry) < now * 1000 - self._lease.forget_ms
        ]
        # Redis' clock may have been wrong. Redis keeps the data of these hosts until they expire.
        if expired := [
            name for name in silent if not connection.exists(Keys(name.decode(errors="replace")).generation)
        ]:
            connection.hdel(REGISTRY_KEY, *expired)

    def _set_notice(self, sentence: str) -> None:
        """Show a sentence on the page, if Redis takes it."""
        self._has_notice = bool(sentence)
        self.documents.put(NOTICE_PREFIX + "writer", sentence)

    def _fail(self, error: BaseException, trace: BaseException | None = None) -> None:
        self.last_error = describe_error(error)
        self._lease.client.record_failure(error)
        if time.monotonic() - self._last_log > LOG_INTERVAL_S:
            self._last_log = time.monotonic()
            address = self._lease.client.address
            log.warning("Redis at %s: %s; ticks wait in memory", address, self.last_error, exc_info=trace)


def registry_entry(time_ms: int, step: float, values: Mapping[str, float]) -> str:
    return json.dumps([time_ms, step, values], separators=(",", ":"))


def arrival_ms(entry: bytes) -> int:
    """Return the arrival in a registry entry, by Redis' clock; 0 if it is invalid."""
    first = entry.partition(b" ")[0]
    return int(first) if first.isdigit() and len(first) < 17 else 0


def _no_op() -> None: ...
