"""A store that changes during a read: a tick arrives, and a span moves into a block."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from store_variants import KINDS, REDIS, PromptReader, PromptStore, Writer
from waiting import wait_for

from dashapp.model.ticks import Metric, Tick, to_milliseconds
from dashapp.stores.base import Reader
from dashapp.stores.cached_reader import CachedReader
from dashapp.stores.disk import block_reader, mmap_tail
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import BlockReader
from dashapp.stores.memory import MemoryStore
from dashapp.stores.redis import reader as redis_reader
from dashapp.stores.redis.client import RedisClient

# The memory store is its own reader, so "disk" has a reader of its own too.
KINDS_OF_READERS = [KINDS[0], KINDS[2], REDIS[0]]
START, STEP, SPAN = 1_795_216_800, 20, 600
# One span is in a block and two are in the log when the read begins.
TIMES = [START + second for second in range(STEP, 3 * SPAN, STEP)]
# Later than the end of the next span by the age at which it moves, whatever the delay of its host.
LATER = START + 3 * SPAN + 80
# Rows of the log between two moments.
ROWS_PER_MOMENT = 10
METRICS = [Metric("v", "V", "", "one"), Metric("w", "W", "", "one")]


def tick(time: int) -> Tick:
    return Tick(time, STEP, {"v": float(time - START), "w": 1.0})


class ChangingStore:
    """The store, and readers that count the moments of their reads.

    `change` runs at the moment `at`.
    """

    def __init__(self, kind: str, folder: Path, link: RedisClient | None, like: Path | None = None) -> None:
        """`like`: the folder of a closed store that has the same ticks."""
        self._kind, self._folder, self._link = kind, folder, link
        self._name = f"{folder.parent.name}-{folder.name}"[-60:]
        self.moments, self.at = 0, -1
        self.times = list(TIMES)
        if kind == "disk read elsewhere" and like is not None:
            shutil.copytree(like, folder)
        self.store = self._open()
        self.store.describe(METRICS)
        if self.store.newest().time_ms == 0:
            # Fewer transactions than one for each tick.
            append = self.store.append
            if isinstance(self.store, PromptStore):
                append = super(PromptStore, self.store).append
            for time in TIMES:
                assert append(tick(time))
            if isinstance(self.store, PromptStore):
                # The writer may begin between two appends: a block can be there before the last ticks.
                self.store.finish()
        self._wait_for_block(1)

    def reader(self) -> Reader:
        if isinstance(self.store, MemoryStore):
            for name in ("newest", "snapshot"):
                setattr(self.store, name, self._around(getattr(self.store, name)))
            return self.store
        reader = self._open_reader()
        for name in ("newest", "oldest_row"):
            setattr(reader, name, self._around(getattr(reader, name)))
        newest_rows, block_reader = reader.newest_rows, reader.block_reader

        def rows() -> Iterator[object]:
            for number, row in enumerate(newest_rows()):
                if number % ROWS_PER_MOMENT == 0:
                    self._pass()
                yield row

        def blocks(level: str, span_ms: int) -> BlockReader:
            opened: Any = block_reader(level, span_ms)
            for name in ("oldest", "newest", "rows", "blocks"):
                setattr(opened, name, self._around(getattr(opened, name)))
            return opened  # type: ignore[no-any-return]

        setattr(reader, "newest_rows", rows)  # noqa: B010 - mypy rejects an assignment to a method
        setattr(reader, "block_reader", blocks)  # noqa: B010
        return reader

    def change(self) -> None:
        """Append a tick, and wait until the next span is in a block."""
        self.times.append(LATER)
        assert self.store.append(tick(LATER))
        self._wait_for_block(2)

    def close(self) -> None:
        self.store.close()

    def _pass(self) -> None:
        self.moments += 1
        if self.moments - 1 == self.at:
            self.change()

    def _around(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            self._pass()
            result = read(*arguments)
            self._pass()
            return result

        return run

    def _open(self) -> Writer:
        if self._kind in REDIS:
            assert self._link is not None
            return PromptStore(self._link, self._name, 1000)
        return MemoryStore() if self._kind == "memory" else DiskStore(self._folder)

    def _open_reader(self) -> CachedReader:
        if self._link is not None:
            return PromptReader(self._link, self._name)
        return DiskReader(self._folder)

    def _wait_for_block(self, count: int) -> None:
        if not isinstance(self.store, MemoryStore):
            end = to_milliseconds(START + count * SPAN)
            wait_for(lambda: self._open_reader().levels()[0].newest() >= end)


def limit_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let readers begin with a few of the newest ticks, so that they read the log as well."""
    monkeypatch.setattr(mmap_tail, "RING_BYTES", 1024)
    monkeypatch.setattr(redis_reader, "MAX_ENTRIES", 16)
    for module in (block_reader, redis_reader):
        monkeypatch.setattr(module, "MIN_ROWS_READ", 4)
