"""Opening: from the settings to whoever writes, reads and speaks in the store: nobody else knows where it is.

A folder, or Redis, imported only where it is meant. Memory is nobody's to open: it is where it is made.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from dashapp.config.data_dir import can_write, store_directory
from dashapp.config.parsers import is_redis
from dashapp.config.settings import MEMORY_RETENTION_S, Settings
from dashapp.model.notices import NoticeSink
from dashapp.model.text import redact_url
from dashapp.model.ticks import StoreUnavailableError
from dashapp.stores.archive import Retention
from dashapp.stores.base import Reader, Store
from dashapp.stores.disk.notices import Notice
from dashapp.stores.disk.push_queue import DiskSpool
from dashapp.stores.hosts import Hosts
from dashapp.stores.push_queue import Inbox, Intake

# Ticks of so many seconds wait for the long memory at the most, and are all there is without one.
KEEP = MEMORY_RETENTION_S + 600
# Seconds after Redis was away in which nobody new takes a turn there.
YIELDS = 1.5


class Place(Protocol):
    """Where a store is."""

    shown: str

    @property
    def flags(self) -> Sequence[str]:
        """What a process that is to open the same place is told beside the other settings."""

    @property
    def variables(self) -> Mapping[str, str]:
        """The same, where it is no one's to read."""

    def problem(self) -> str:
        """Why nothing can be written there now; empty where it can, or may soon."""

    def writer(self) -> Store:
        """StoreLockedError where another writes, StoreAwayError where it may be asked again soon."""

    def inbox(self, store: Store) -> Inbox:
        """What programs pushed, for whoever writes to `store`."""

    def reader(self) -> Reader: ...

    def intake(self) -> Intake:
        """Where the web puts what is pushed."""

    def hosts(self) -> Hosts | None:
        """All machines that write there; None where it is of one alone."""

    def speaker(self, name: str) -> NoticeSink:
        """For who watches over those that write."""


def place(settings: Settings, where: Path | None = None) -> Place | None:
    """None for memory. `where`: the folder that a relative one is in, the working folder where not given."""
    if is_redis(settings.store):
        return RedisPlace(settings)
    folder = store_directory(settings)
    return None if folder is None else FolderPlace(settings, folder if where is None else where / folder)


def rows_to_keep(interval: float) -> int:
    return int(max(KEEP, KEEP / interval))


class FolderPlace:
    variables: Mapping[str, str] = MappingProxyType({})

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.folder = folder
        self.shown = f"{folder}/"
        self._settings = settings

    @property
    def flags(self) -> Sequence[str]:
        return [f"--store={self.folder}"]

    def problem(self) -> str:
        return "" if can_write(self.folder) else f"{self.folder} cannot be written"

    def writer(self) -> Store:
        from dashapp.stores.disk.store import DiskStore

        return DiskStore(self.folder, rows_to_keep(self._settings.interval), retention(self._settings))

    def inbox(self, store: Store) -> Inbox:
        return DiskSpool(self.folder)

    def reader(self) -> Reader:
        from dashapp.stores.disk.reader import DiskReader

        return DiskReader(self.folder)

    def intake(self) -> Intake:
        return DiskSpool(self.folder, self._settings.interval)

    def hosts(self) -> Hosts | None:
        return None

    def speaker(self, name: str) -> NoticeSink:
        return Notice(self.folder, name)


class RedisPlace:
    """No password goes onto a command line by us."""

    flags: Sequence[str] = ()

    def __init__(self, settings: Settings) -> None:
        self.shown = redact_url(settings.store)
        self._settings = settings
        self._hosts: Hosts | None = None
        self._away = float("-inf")

    @property
    def variables(self) -> Mapping[str, str]:
        return {"DASHAPP_STORE": self._settings.store, "DASHAPP_NAME": self._settings.known_as}

    def problem(self) -> str:
        return ""

    def writer(self) -> Store:
        from dashapp.stores.redis.client import Link
        from dashapp.stores.redis.store import RedisStore

        known = self._settings
        rows = rows_to_keep(known.interval)
        yields = time.monotonic() - self._away < YIELDS
        try:
            link = Link(known.store)
            return RedisStore(link, known.known_as, rows, retention(known), known.forget, yields)
        except StoreUnavailableError:
            self._away = time.monotonic()
            raise

    def inbox(self, store: Store) -> Inbox:
        from dashapp.stores.redis.client import Link
        from dashapp.stores.redis.push_queue import BRIEFLY, RedisInbox
        from dashapp.stores.redis.store import RedisStore

        assert isinstance(store, RedisStore)
        return RedisInbox(Link(self._settings.store, BRIEFLY), store, self._settings.interval)

    def reader(self) -> Reader:
        from dashapp.stores.redis.hosts import FirstReader

        return FirstReader(self.hosts(), self._settings.known_as, collects=self._settings.collector)

    def intake(self) -> Intake:
        from dashapp.stores.redis.client import Link
        from dashapp.stores.redis.push_queue import RedisIntake

        known = self._settings
        return RedisIntake(Link(known.store), known.known_as, known.forget, known.interval)

    def hosts(self) -> Hosts:
        if self._hosts is None:
            from dashapp.stores.redis.client import Link
            from dashapp.stores.redis.hosts import RedisHosts

            self._hosts = RedisHosts(
                Link(self._settings.store), self._settings.known_as, self._settings.forget
            )
        return self._hosts

    def speaker(self, name: str) -> NoticeSink:
        from dashapp.stores.redis.deferred_notice import LateNotice

        return LateNotice(self._settings.store, self._settings.known_as, name)


def retention(settings: Settings) -> Retention:
    return Retention(*settings.retention, size=settings.size)


# What tells that a process is a platform's, with a disk of its own that nobody shares.
PLATFORM = "DYNO"


def separate(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """Why collector and pages that are processes apart cannot meet; empty where they can."""
    if is_redis(settings.store) or not environ.get(PLATFORM):
        return ""
    return (
        f'{PLATFORM} is "{environ[PLATFORM][:64]}", a machine with a disk of its own, so that pages and a '
        "collector elsewhere share no folder; add a Redis (REDIS_URL), or run python -m dashapp alone, "
        "which collects by itself"
    )


def wrong_place(settings: Settings) -> str:
    """What is wrong with a Redis that answers; empty where nothing is, or where it does not answer now."""
    if not is_redis(settings.store):
        return ""
    from dashapp.stores.redis.check import check

    wrong = check(settings.store, settings.known_as)
    return f'--store is "{redact_url(settings.store)}"; {wrong}' if wrong else ""
