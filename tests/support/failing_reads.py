"""Stores of which one read fails, each read in turn."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashapp.stores.cached_reader import CachedReader
from dashapp.stores.disk import block_reader
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.salvage import connect_read_only
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.reader import RedisReader


class Faults:
    """Counts the reads from `begin` on. From the read `at` on, all fail until `end`."""

    def __init__(self) -> None:
        self.reads, self.at = 0, -1
        self._is_active = False

    def begin(self, at: int) -> None:
        self.reads, self.at, self._is_active = 0, at, True

    def end(self) -> None:
        self._is_active = False

    def fails(self) -> bool:
        """Count one read, and return whether it fails."""
        if not self._is_active:
            return False
        self.reads += 1
        return 0 <= self.at < self.reads


class FailingConnection:
    """Forwards each command to Redis, or raises an error instead."""

    def __init__(self, connection: Any, check: Callable[[], None]) -> None:
        self._connection = connection
        self._check = check

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def eval(self, *arguments: Any) -> Any:
        self._check()
        return self._connection.eval(*arguments)

    def pipeline(self, **options: Any) -> Any:
        pipe = self._connection.pipeline(**options)
        execute = pipe.execute

        def checked(*arguments: Any, **options: Any) -> Any:
            self._check()
            return execute(*arguments, **options)

        pipe.execute = checked
        return pipe


class FailingClient(RedisClient):
    """Raises `error` in place of a failed command.

    None: Redis answers so late that the circuit opens.
    """

    def __init__(self, url: str, faults: Faults, error: type[Exception] | None) -> None:
        super().__init__(url, 60.0)
        self._faults = faults
        self._error = error

    @property
    def connection(self) -> Any:
        return FailingConnection(super().connection, self._check)

    def recover(self) -> None:
        self._open_until = 0.0

    def _check(self) -> None:
        if self._faults.fails():
            self._open_until = float("inf")
            if self._error is not None:
                raise self._error("no answer")


def failing_redis(url: str, name: str, error: type[Exception] | None) -> tuple[CachedReader, Faults]:
    """Return a reader that has polled once, and the faults of its further reads."""
    faults = Faults()
    client = FailingClient(url, faults, error)
    reader = RedisReader(client, name)
    reader.poll()
    end = faults.end

    def recover() -> None:
        end()
        client.recover()

    faults.end = recover  # type: ignore[method-assign]
    return reader, faults


def failing_disk(folder: Path, patch: pytest.MonkeyPatch) -> tuple[CachedReader, Faults]:
    faults = Faults()

    def checked(path: Path) -> sqlite3.Connection:
        if faults.fails():
            raise sqlite3.OperationalError("database is locked")
        return connect_read_only(path)

    patch.setattr(block_reader, "connect_read_only", checked)
    reader = DiskReader(folder)
    reader.newest()
    return reader, faults
