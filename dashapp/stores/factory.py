"""Opens the configured backend: a folder or Redis.

Imports a backend only if it is in use. The memory store is created by its callers, not here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from dashapp.config.data_dir import can_write, store_directory
from dashapp.config.parsers import is_redis
from dashapp.config.settings import MEMORY_RETENTION_S, Settings
from dashapp.model.notices import NoticeSink
from dashapp.model.text import redact_url
from dashapp.model.ticks import StoreUnavailableError
from dashapp.stores.access import SharedAccess
from dashapp.stores.base import Reader, Store
from dashapp.stores.disk.notices import NoticeFile
from dashapp.stores.disk.push_queue import DiskPushQueue
from dashapp.stores.history.archive import Retention
from dashapp.stores.hosts import HostStore
from dashapp.stores.push_queue import PushReader, PushWriter

if TYPE_CHECKING:
    from dashapp.stores.redis.client import RedisClient

# Seconds of ticks in the log. Without an archive, these are the whole history.
LOG_KEEP_S = MEMORY_RETENTION_S + 600
# Seconds after an outage of Redis in which no new collector acquires a lease.
DEFER_AFTER_OUTAGE_S = 1.5


class StoreBackend(Protocol):
    """A backend: opens the store's writer, its readers and its queues."""

    label: str

    @property
    def flags(self) -> Sequence[str]:
        """The flags that make another process open the same store."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that do the same, for values that other users must not see."""

    def problem(self) -> str:
        """Return why the store cannot be written now; empty if it can, or may be soon."""

    def open_writer(self) -> Store:
        """Open the store for writing. StoreUnavailableError if a retry may work soon."""

    def push_reader(self, store: Store) -> PushReader:
        """Return the collector's side of the push queue of `store`."""

    def reader(self) -> Reader: ...

    def push_writer(self, host: str = "") -> PushWriter:
        """Return the web's side of the push queue of a host, or of this one."""

    def hosts(self) -> HostStore | None:
        """Return all hosts that write there; None if the store holds one host only."""

    def notice_sink(self, name: str) -> NoticeSink:
        """Return a notice for a process that supervises the writer."""

    def access(self) -> SharedAccess | None:
        """Return what machines share to control access; None if the store is on one machine."""


def open_backend(settings: Settings, parent: Path | None = None) -> StoreBackend | None:
    """Return the backend; None for memory. A relative folder is in `parent`, if given."""
    if is_redis(settings.store):
        return RedisBackend(settings)
    folder = store_directory(settings)
    return None if folder is None else DiskBackend(settings, folder if parent is None else parent / folder)


def rows_to_keep(interval: float) -> int:
    return int(max(LOG_KEEP_S, LOG_KEEP_S / interval))


class DiskBackend:
    environment: Mapping[str, str] = MappingProxyType({})

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.folder = folder
        self.label = f"{folder}/"
        self._settings = settings

    @property
    def flags(self) -> Sequence[str]:
        return [f"--store={self.folder}"]

    def problem(self) -> str:
        return "" if can_write(self.folder) else f"{self.folder} cannot be written"

    def open_writer(self) -> Store:
        from dashapp.stores.disk.store import DiskStore

        return DiskStore(self.folder, rows_to_keep(self._settings.interval), retention_of(self._settings))

    def push_reader(self, store: Store) -> PushReader:
        return DiskPushQueue(self.folder)

    def reader(self) -> Reader:
        from dashapp.stores.disk.reader import DiskReader

        return DiskReader(self.folder)

    def push_writer(self, host: str = "") -> PushWriter:
        return DiskPushQueue(self.folder, self._settings.interval)

    def hosts(self) -> HostStore | None:
        return None

    def notice_sink(self, name: str) -> NoticeSink:
        return NoticeFile(self.folder, name)

    def access(self) -> SharedAccess | None:
        return None


class RedisBackend:
    """Redis. Its URL may hold a password, so it never goes onto a command line."""

    flags: Sequence[str] = ()

    def __init__(self, settings: Settings) -> None:
        self.label = redact_url(settings.store)
        self._settings = settings
        self._hosts: HostStore | None = None
        self._push_client: RedisClient | None = None
        self._unavailable_at = float("-inf")

    @property
    def environment(self) -> Mapping[str, str]:
        return {"DASHAPP_STORE": self._settings.store, "DASHAPP_NAME": self._settings.host_name}

    def problem(self) -> str:
        return ""

    def open_writer(self) -> Store:
        from dashapp.stores.redis.store import RedisStore

        settings = self._settings
        rows = rows_to_keep(settings.interval)
        defer = time.monotonic() - self._unavailable_at < DEFER_AFTER_OUTAGE_S
        try:
            return RedisStore(
                self._client(), settings.host_name, rows, retention_of(settings), settings.forget, defer
            )
        except StoreUnavailableError:
            self._unavailable_at = time.monotonic()
            raise

    def push_reader(self, store: Store) -> PushReader:
        from dashapp.stores.redis.push_queue import TICK_TIMEOUT_S, RedisPushReader
        from dashapp.stores.redis.store import RedisStore

        assert isinstance(store, RedisStore)
        return RedisPushReader(self._client(TICK_TIMEOUT_S), store, self._settings.interval)

    def reader(self) -> Reader:
        from dashapp.stores.redis.hosts import DefaultHostReader

        return DefaultHostReader(self.hosts(), self._settings.host_name, collects=self._settings.collector)

    def push_writer(self, host: str = "") -> PushWriter:
        from dashapp.stores.redis.push_queue import RedisPushWriter

        settings = self._settings
        name = host or settings.host_name
        if self._push_client is None:
            # For the queues of all hosts: each client has connections of its own.
            self._push_client = self._client()
        return RedisPushWriter(self._push_client, name, settings.forget, settings.interval)

    def hosts(self) -> HostStore:
        if self._hosts is None:
            from dashapp.stores.redis.hosts import RedisHosts

            self._hosts = RedisHosts(self._client(), self._settings.host_name, self._settings.forget)
        return self._hosts

    def notice_sink(self, name: str) -> NoticeSink:
        from dashapp.stores.redis.deferred_notice import DeferredNotice

        return DeferredNotice(self._settings.store, self._settings.host_name, name)

    def access(self) -> SharedAccess:
        from dashapp.stores.redis.access import RedisAccess

        return RedisAccess(self._client())

    def _client(self, timeout: float = 1.0) -> RedisClient:
        from dashapp.stores.redis.client import RedisClient

        return RedisClient(self._settings.store, timeout)


def retention_of(settings: Settings) -> Retention:
    return Retention(*settings.retention, size=settings.size)


# This variable shows that the process runs on a platform that gives each process its own disk.
PLATFORM_VARIABLE = "DYNO"


def shared_storage_problem(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """Return why a separate collector and web process cannot share a store; empty if they can."""
    platform = environ.get(PLATFORM_VARIABLE)
    if is_redis(settings.store) or not platform:
        return ""
    return (
        f'{PLATFORM_VARIABLE} is "{platform[:64]}", so each process has a disk of its own: a collector and '
        "pages in two processes cannot share a folder; add a Redis (REDIS_URL), or run python -m dashapp "
        "alone, which collects itself"
    )


def redis_problem(settings: Settings) -> str:
    """Return what is wrong with the configured Redis; empty if nothing is, or it is down."""
    if not is_redis(settings.store):
        return ""
    from dashapp.stores.redis.check import check_redis

    problem = check_redis(settings.store, settings.host_name)
    return f'--store is "{redact_url(settings.store)}"; {problem}' if problem else ""
