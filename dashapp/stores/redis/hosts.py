"""The hosts in one Redis: the registry of names, and one poller per web process.

The poller reads recently requested hosts in one pipeline, soon after their next tick is due and at most five
times a second. The registry maps a name to the time of its newest tick and to a few values for lists. The
default host is this machine if it collects, otherwise the first by name.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import BoundedSemaphore, Condition, Event, Lock
from typing import Any

from redis.exceptions import ResponseError

from dashapp.config.parsers import HOST_NAME
from dashapp.model.notices import DetailedNotice
from dashapp.model.text import parse_json
from dashapp.model.ticks import MAX_EPOCH_MS, MAX_WEIGHT_S, finite_values
from dashapp.process.threads import PerProcessThread
from dashapp.stores.base import Reader
from dashapp.stores.hosts import Host, HostStore, default_host, sorted_hosts
from dashapp.stores.proxy import ReaderProxy
from dashapp.stores.redis.bounded import MAX_DOCUMENTS_BYTES, MAX_HOST_BYTES, MAX_HOSTS, MAX_REGISTRY_BYTES
from dashapp.stores.redis.check import TRANSIENT_ERRORS
from dashapp.stores.redis.client import FAILURES, RedisClient, describe_error
from dashapp.stores.redis.keys import HOST_LIST_METRICS, LIST_HOSTS_SCRIPT, REGISTRY_KEY
from dashapp.stores.redis.reader import RedisReader


def parse_hosts(fields: Sequence[bytes]) -> dict[str, Host]:
    """Parse alternating names and registry entries. Invalid entries are left out."""
    hosts = {}
    for name, text in zip(fields[::2], fields[1::2], strict=False):
        try:
            host = _parse_host(name.decode(), text)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            continue
        hosts[host.name] = host
    return hosts


def _parse_host(name: str, text: bytes) -> Host:
    arrived, _, entry = text.partition(b" ")
    newest_ms, step, values = parse_json(entry)
    # No others: a list of many hosts is in the memory of every reader.
    numbers = finite_values({key: values[key] for key in HOST_LIST_METRICS if key in values})
    host = Host(name, int(newest_ms), int(arrived), float(step), numbers)
    is_valid = 0 <= host.newest_ms <= MAX_EPOCH_MS and 0 <= host.arrived_ms <= MAX_EPOCH_MS
    if not (is_valid and 0 < host.step <= MAX_WEIGHT_S and HOST_NAME.fullmatch(name)):
        raise ValueError
    return host


def redis_time_ms(clock: Sequence[bytes]) -> int:
    """Convert the reply of TIME, seconds and microseconds, to milliseconds."""
    seconds, millionths = clock
    return int(seconds) * 1000 + int(millionths) // 1000


log = logging.getLogger("dashapp")

# Seconds between two polls, at least and at most; from a due tick to its poll; between two reads of the
# registry.
MIN_POLL_INTERVAL_S, MAX_POLL_INTERVAL_S, POLL_AFTER_DUE_S, REGISTRY_INTERVAL_S = 0.2, 1.1, 0.025, 1.0
# Seconds without requests after which a host is no longer polled and its ticks are dropped.
UNUSED_AFTER_S = 30.0
# Seconds that the first request for a host waits for a poll, and seconds until a request may wait again.
FIRST_POLL_TIMEOUT_S, FIRST_POLL_RETRY_S = 0.5, 2.0
# Requests that wait for a first poll at a time. Others answer without data: a client can request many hosts,
# and each of these requests occupies a thread.
MAX_WAITING_REQUESTS = 4
# Bytes of the documents of all polled hosts together, and at least of one.
MAX_ALL_DOCUMENTS_BYTES, MIN_DOCUMENTS_BYTES = 64 << 20, 2 << 20
LISTING_TTL_MS = 1000
# Seconds after a due tick until the first diagnosis, and between two diagnoses.
STALE_AFTER_S, DIAGNOSIS_INTERVAL_S = 3.0, 5.0


OUTAGE = "Redis does not work now; the page shows the last data received."
INVALID_HOSTS = "Some entries in the list of hosts in Redis are not valid and are left out."


class RedisHosts:
    """All hosts. `own` is always known; hosts without data for `forget` seconds are left out."""

    def __init__(self, client: RedisClient, own: str, forget: float = 604_800) -> None:
        self._client = client
        self._own_name = own
        self._forget_ms = round(forget * 1000)
        self._readers: dict[str, RedisReader] = {}
        self._hosts: dict[str, Host] = {}
        # The hosts of the last list, its time, and the list.
        self._listing: tuple[dict[str, Host], int, list[Host]] = ({}, 0, [])
        self._listed = False
        self._clock: tuple[int, float] | None = None
        self._last_request = float("-inf")
        self._registry_read = self._diagnosed = float("-inf")
        self._waited_at: dict[str, float] = {}
        self._full_notice = self._registry_problem = ""
        self._lock = Lock()
        self._polled = Condition()
        self._waiting = BoundedSemaphore(MAX_WAITING_REQUESTS)
        self._wake = Event()
        self._thread = PerProcessThread("dashapp redis reader", self._run, self._set_failure)
        self._failure = ""
        self._closed = False
        self.polls = 0

    @property
    def is_loaded(self) -> bool:
        return self._listed

    def hosts(self) -> list[Host]:
        self._ensure_polled(None)
        known, now = self._hosts, self.now_ms()
        listed, time_ms, hosts = self._listing
        # Each request calls this several times, and there can be 10,000 hosts.
        if listed is not known or not 0 <= now - time_ms < LISTING_TTL_MS:
            oldest = now - self._forget_ms
            hosts = [host for _name, host in sorted(known.items()) if host.arrived_ms > oldest]
            self._listing = known, now, hosts
        return hosts

    def now_ms(self) -> int:
        """Return the time of Redis; of this machine until Redis has answered."""
        clock = self._clock
        if clock is None:
            return round(time.time() * 1000)
        return clock[0] + round((time.monotonic() - clock[1]) * 1000)

    def reader(self, name: str) -> RedisReader | None:
        if name != self._own_name:
            self._ensure_polled(None)
            if name not in self._hosts:
                return None
        with self._lock:
            if name not in self._readers:
                self._readers[name] = RedisReader(
                    self._client, name, self._ensure_polled, lambda _: self.notices()
                )
            return self._readers[name]

    def own(self) -> RedisReader:
        reader = self.reader(self._own_name)
        assert reader is not None
        return reader

    def notices(self) -> list[str]:
        if last_error := self._client.last_error:
            text = f"Redis at {self._client.address}: {last_error}; the page shows the last data received."
            return [DetailedNotice(text, OUTAGE)]
        found = (self._failure, self._full_notice, self._registry_problem)
        return [notice for notice in found if notice]

    def close(self) -> None:
        """Stop polling."""
        self._closed = True
        self._wake.set()

    def _ensure_polled(self, reader: RedisReader | None) -> None:
        """Keep a host polled (None: the registry). Waits briefly, for the first poll only."""
        self._last_request = now = time.monotonic()
        if reader is not None:
            reader.last_request = now
        self._thread.start()
        if self._has_answer(reader):
            return
        name = "" if reader is None else reader.name
        self._wake.set()
        if self._client.circuit_open or now - self._waited_at.get(name, float("-inf")) < FIRST_POLL_RETRY_S:
            return
        if not self._waiting.acquire(blocking=False):
            return
        try:
            with self._polled:
                self._polled.wait_for(lambda: self._has_answer(reader), FIRST_POLL_TIMEOUT_S)
        finally:
            self._waiting.release()
        # Only now: a second request at the same time would otherwise find an empty store.
        self._waited_at[name] = time.monotonic()

    def _has_answer(self, reader: RedisReader | None) -> bool:
        return self._listed if reader is None else reader.loaded or bool(reader.problem)

    def _set_failure(self, sentence: str) -> None:
        self._failure = sentence

    def _run(self) -> None:
        while not self._closed:
            start = time.monotonic()
            if start - self._last_request > UNUSED_AFTER_S:
                self._release_unused(start)
                self._wake.wait()
            self._wake.clear()
            if self._closed:
                return
            try:
                self._poll(start)
            except FAILURES as error:
                if not self._client.last_error:
                    log.warning("Redis at %s failed: %s", self._client.address, error)
                self._client.record_failure(error)
            except Exception as error:
                # Other programs may have written these keys: the next poll may succeed.
                log.warning("Redis at %s returned invalid data: %r", self._client.address, error)
            with self._polled:
                self._polled.notify_all()
            time.sleep(max(0.0, start + MIN_POLL_INTERVAL_S - time.monotonic()))
            self._wake.wait(
                max(0.0, min(self._seconds_to_next_poll(), start + MAX_POLL_INTERVAL_S - time.monotonic()))
            )

    def _poll(self, now: float) -> None:
        self.polls += 1
        self._release_unused(now)
        readers = self._used_readers(now)
        share = max(MIN_DOCUMENTS_BYTES, MAX_ALL_DOCUMENTS_BYTES // max(1, len(readers)))
        for reader in readers:
            reader.max_documents_bytes = min(MAX_DOCUMENTS_BYTES, share)
        for _time in range(3):
            pipe = self._client.connection.pipeline(transaction=False)
            counts = [(reader, reader.queue_commands(pipe)) for reader in readers]
            listing = now - self._registry_read >= REGISTRY_INTERVAL_S * 0.9
            if listing:
                limits = (MAX_HOST_BYTES, MAX_REGISTRY_BYTES, MAX_HOSTS)
                # A cluster's pipeline has no eval method.
                pipe.execute_command("EVAL", LIST_HOSTS_SCRIPT, 1, REGISTRY_KEY, *limits)
            results = pipe.execute(raise_on_error=False)
            if listing:
                self._registry_read = now
                self._update_registry(results.pop())
            unfinished = []
            for reader, count in counts:
                own_results, results = results[:count], results[count:]
                try:
                    if reader.handle_results(own_results):
                        unfinished.append(reader)
                    reader.problem = ""
                except TRANSIENT_ERRORS:
                    raise  # Redis itself does not work now
                except Exception as error:
                    # Another program may have written its keys, and the other hosts have theirs.
                    reader.set_problem(error)
            readers = unfinished
            if not readers:
                break
        self._client.record_success()
        self._failure = ""
        self._diagnose(now)

    def _update_registry(self, result: Any) -> None:
        self._registry_problem = ""
        if isinstance(result, ResponseError) and not isinstance(result, TRANSIENT_ERRORS):
            # Another program has written the key; each host has keys of its own.
            self._registry_problem = f"The list of hosts in Redis cannot be read ({describe_error(result)})."
        elif isinstance(result, Exception):
            raise result
        else:
            clock, fields, dropped = result
            self._clock = (redis_time_ms(clock), time.monotonic())
            self._hosts = parse_hosts(fields)
            if dropped or len(self._hosts) < len(fields) // 2:
                self._registry_problem = INVALID_HOSTS
        self._listed = True

    def _release_unused(self, now: float) -> None:
        with self._lock:
            for reader in self._readers.values():
                if reader.loaded and now - reader.last_request > UNUSED_AFTER_S:
                    reader.release()

    def _used_readers(self, now: float) -> list[RedisReader]:
        # Requests add readers in other threads.
        with self._lock:
            return [
                reader for reader in self._readers.values() if now - reader.last_request <= UNUSED_AFTER_S
            ]

    def _seconds_to_next_poll(self) -> float:
        """Return the seconds until a polled host has a new tick."""
        if self._client.last_error:
            return 0.0
        waits = [self._seconds_until_due(reader) for reader in self._used_readers(time.monotonic())]
        return min([MAX_POLL_INTERVAL_S, *(wait + POLL_AFTER_DUE_S for wait in waits)])

    def _seconds_until_due(self, reader: RedisReader) -> float:
        """Return the seconds until a host's next tick is due."""
        arrived = reader.arrived_ms()
        return (arrived + reader.step_ms() - self.now_ms()) / 1000 if arrived and self._clock else 0.0

    def _diagnose(self, now: float) -> None:
        """If no ticks arrive, check whether Redis is full: the writers cannot report it there."""
        with self._lock:
            readers = list(self._readers.values())
        stale = any(reader.loaded and self._seconds_until_due(reader) < -STALE_AFTER_S for reader in readers)
        if not stale:
            self._full_notice = ""
        elif now - self._diagnosed > DIAGNOSIS_INTERVAL_S and not self._client.is_cluster:
            self._diagnosed = now
            with suppress(*FAILURES):  # its user may lack this permission
                memory = self._client.connection.info("memory")
                max_bytes = int(memory.get("maxmemory", 0))
                is_full = max_bytes and int(memory["used_memory"]) >= 0.98 * max_bytes
                self._full_notice = (
                    f"Redis at {self._client.address} is full (maxmemory {memory['maxmemory_human']}): "
                    "it rejects new ticks until memory is free."
                    if is_full and memory.get("maxmemory_policy") == "noeviction"
                    else ""
                )


class DefaultHostReader(ReaderProxy):
    """The default host's reader. Keeps its choice, as cursors hold that host's generation."""

    def __init__(self, hosts: HostStore, own: str, collects: bool) -> None:
        self._hosts = hosts
        self._own_name = own
        self._chosen = own if collects else ""

    def reader(self) -> Reader:
        reader = self._hosts.reader(self._chosen) if self._chosen else None
        if reader is None:
            self._chosen = default_host(sorted_hosts(self._hosts), self._own_name, self._hosts.now_ms())
            reader = self._hosts.reader(self._chosen or self._own_name)
        assert reader is not None, "a host's own name is always known"
        return reader
