"""The hosts in one Redis: the registry of names, and one poller per web process.

The poller reads recently requested hosts in one pipeline, soon after their next tick is due and at most five
times a second. The registry maps a name to the time of its newest tick and to a few values for lists. The
default host is this machine if it collects, otherwise the first by name.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Condition, Event, Lock
from typing import Any

from dashapp.model.ticks import finite_values
from dashapp.process.threads import PerProcessThread
from dashapp.stores.base import Reader
from dashapp.stores.hosts import Host, HostStore, default_host, sorted_hosts
from dashapp.stores.proxy import ReaderProxy
from dashapp.stores.redis.client import FAILURES, RedisClient
from dashapp.stores.redis.keys import LIST_HOSTS_SCRIPT, REGISTRY_KEY
from dashapp.stores.redis.reader import RedisReader


def parse_hosts(said: Sequence[bytes]) -> dict[str, Host]:
    """Parse alternating names and registry entries. Invalid entries are left out."""
    found = {}
    for name, text in zip(said[::2], said[1::2], strict=False):
        try:
            host = _parse_host(name.decode(), text)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            continue
        found[host.name] = host
    return found


def _parse_host(name: str, text: bytes) -> Host:
    arrived, _, rest = text.partition(b" ")
    newest_ms, step, values = json.loads(rest)
    numbers: Mapping[str, float] = finite_values(values)
    return Host(name, int(newest_ms), int(arrived), float(step), numbers)


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
# Seconds after a due tick until the first diagnosis, and between two diagnoses.
STALE_AFTER_S, DIAGNOSIS_INTERVAL_S = 3.0, 5.0


class RedisHosts:
    """All hosts. `own` is always known; hosts without data for `forget` seconds are left out."""

    def __init__(self, client: RedisClient, own: str, forget: float = 604_800) -> None:
        self._client = client
        self._own = own
        self._forget_ms = round(forget * 1000)
        self._readers: dict[str, RedisReader] = {}
        self._known: dict[str, Host] = {}
        self._listed = False
        self._clock: tuple[int, float] | None = None
        self._asked = float("-inf")
        self._registry_at = self._why_at = float("-inf")
        self._waited: dict[str, float] = {}
        self._full = ""
        self._lock = Lock()
        self._news = Condition()
        self._wake = Event()
        self._thread = PerProcessThread("dashapp redis reader", self._run)
        self._closed = False
        self.polls = 0

    def hosts(self) -> list[Host]:
        self._ensure_polled(None)
        oldest = self.now_ms() - self._forget_ms
        return [host for _name, host in sorted(self._known.items()) if host.arrived_ms > oldest]

    def now_ms(self) -> int:
        """Return the time of Redis; of this machine until Redis has answered."""
        known = self._clock
        if known is None:
            return round(time.time() * 1000)
        return known[0] + round((time.monotonic() - known[1]) * 1000)

    def reader(self, name: str) -> RedisReader | None:
        if name != self._own:
            self._ensure_polled(None)
            if name not in self._known:
                return None
        with self._lock:
            if name not in self._readers:
                self._readers[name] = RedisReader(
                    self._client, name, self._ensure_polled, lambda _: self.notices()
                )
            return self._readers[name]

    def own(self) -> RedisReader:
        found = self.reader(self._own)
        assert found is not None
        return found

    def notices(self) -> list[str]:
        if last_error := self._client.last_error:
            return [f"Redis at {self._client.address}: {last_error}; what is shown is the last that came."]
        return [self._full] if self._full else []

    def close(self) -> None:
        """Stop polling."""
        self._closed = True
        self._wake.set()

    def _ensure_polled(self, reader: RedisReader | None) -> None:
        """Keep a host polled (None: the registry). Waits briefly, for the first poll only."""
        self._asked = now = time.monotonic()
        if reader is not None:
            reader.asked = now
        self._thread.start()
        loaded = self._listed if reader is None else reader.loaded
        if loaded:
            return
        name = "" if reader is None else reader.name
        self._wake.set()
        if self._client.circuit_open or now - self._waited.get(name, float("-inf")) < FIRST_POLL_RETRY_S:
            return
        self._waited[name] = now
        with self._news:
            self._news.wait_for(
                lambda: self._listed if reader is None else reader.loaded, FIRST_POLL_TIMEOUT_S
            )

    def _run(self) -> None:
        while not self._closed:
            start = time.monotonic()
            if start - self._asked > UNUSED_AFTER_S:
                self._release_unused(start)
                self._wake.wait()
            self._wake.clear()
            if self._closed:
                return
            try:
                self._poll(start)
            except FAILURES as error:
                if not self._client.last_error:
                    log.warning("Redis at %s gives nothing: %s", self._client.address, error)
                self._client.record_failure(error)
            except Exception as error:
                # Other programs may have written these keys: the next poll may succeed.
                log.warning("what Redis at %s gives is none of ours: %r", self._client.address, error)
            with self._news:
                self._news.notify_all()
            time.sleep(max(0.0, start + MIN_POLL_INTERVAL_S - time.monotonic()))
            self._wake.wait(
                max(0.0, min(self._seconds_to_next_poll(), start + MAX_POLL_INTERVAL_S - time.monotonic()))
            )

    def _poll(self, now: float) -> None:
        self.polls += 1
        self._release_unused(now)
        with self._lock:
            readers = [each for each in self._readers.values() if now - each.asked <= UNUSED_AFTER_S]
        for _time in range(3):
            pipe = self._client.connection.pipeline(transaction=False)
            counts = [(reader, reader.queue_commands(pipe)) for reader in readers]
            listing = now - self._registry_at >= REGISTRY_INTERVAL_S * 0.9
            if listing:
                pipe.execute_command(
                    "EVAL", LIST_HOSTS_SCRIPT, 1, REGISTRY_KEY
                )  # a cluster's pipeline has no eval method
            answers = pipe.execute(raise_on_error=False)
            if listing:
                self._registry_at = now
                self._update_registry(answers.pop())
            again = []
            for reader, count in counts:
                found, answers = answers[:count], answers[count:]
                if reader.handle_results(found):
                    again.append(reader)
            readers = again
            if not readers:
                break
        self._client.record_success()
        self._diagnose(now)

    def _update_registry(self, answer: Any) -> None:
        if isinstance(answer, Exception):
            raise answer
        clock, said = answer
        self._clock = (redis_time_ms(clock), time.monotonic())
        self._known = parse_hosts(said)
        self._listed = True

    def _release_unused(self, now: float) -> None:
        with self._lock:
            for reader in self._readers.values():
                if reader.loaded and now - reader.asked > UNUSED_AFTER_S:
                    reader.release()

    def _seconds_to_next_poll(self) -> float:
        """Return the seconds until a polled host has a new tick."""
        if self._client.last_error:
            return 0.0
        now = time.monotonic()
        dues = [
            self._seconds_until_due(each)
            for each in self._readers.values()
            if now - each.asked <= UNUSED_AFTER_S
        ]
        return min([MAX_POLL_INTERVAL_S, *(due + POLL_AFTER_DUE_S for due in dues)])

    def _seconds_until_due(self, reader: RedisReader) -> float:
        """Return the seconds until a host's next tick is due."""
        arrived = reader.arrived_ms()
        return (arrived + reader.step_ms() - self.now_ms()) / 1000 if arrived and self._clock else 0.0

    def _diagnose(self, now: float) -> None:
        """If no ticks arrive, check whether Redis is full: the writers cannot report it there."""
        stale = any(
            each.loaded and self._seconds_until_due(each) < -STALE_AFTER_S for each in self._readers.values()
        )
        if not stale:
            self._full = ""
        elif now - self._why_at > DIAGNOSIS_INTERVAL_S and not self._client.is_cluster:
            self._why_at = now
            with suppress(*FAILURES):  # its user may lack this permission
                found = self._client.connection.info("memory")
                most = int(found.get("maxmemory", 0))
                full = most and int(found["used_memory"]) >= 0.98 * most
                self._full = (
                    f"Redis at {self._client.address} is full (maxmemory {found['maxmemory_human']}): "
                    "it takes no new ticks until it has room."
                    if full and found.get("maxmemory_policy") == "noeviction"
                    else ""
                )


class DefaultHostReader(ReaderProxy):
    """The default host's reader. Keeps its choice, as cursors hold that host's generation."""

    def __init__(self, hosts: HostStore, own: str, collects: bool) -> None:
        self._hosts = hosts
        self._own = own
        self._chosen = own if collects else ""

    def reader(self) -> Reader:
        found = self._hosts.reader(self._chosen) if self._chosen else None
        if found is None:
            self._chosen = default_host(sorted_hosts(self._hosts), self._own, self._hosts.now_ms())
            found = self._hosts.reader(self._chosen or self._own)
        assert found is not None, "a host's own name is always known"
        return found
