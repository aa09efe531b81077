"""The stores that share one contract, each with its reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis_server import cluster_at, redis_at
from waiting import PATIENCE_S

from dashapp.model.ticks import Cursor, Metric, Tick
from dashapp.stores.base import Reader
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.memory import MemoryStore
from dashapp.stores.redis import client as redis_client
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.reader import RedisReader
from dashapp.stores.redis.store import RedisStore


class SharedLink(RedisClient):
    """A client for all stores of a test module, because a cluster client is slow to create.

    The module calls `end` to close it.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url, PATIENCE_S)

    def close(self) -> None: ...

    def end(self) -> None:
        super().close()


class PromptStore(RedisStore):
    """A store that waits until Redis has each write: tests check the content, not the time."""

    def __init__(self, link: RedisClient, name: str, keep: int) -> None:
        super().__init__(link, name, keep)
        # The writer's first round creates the store's id: do that now, not half a second later in a test.
        self.writer.wake()
        self.finish()

    def append(self, tick: Tick) -> bool:
        kept = super().append(tick)
        self.finish()
        return kept

    def describe(self, metrics: Iterable[Metric], panel_kinds: Mapping[str, str] | None = None) -> None:
        super().describe(metrics, panel_kinds)
        self.finish()

    def finish(self) -> None:
        assert self.drain(PATIENCE_S)


class PromptReader(RedisReader):
    """A reader that polls on each read of the newest cursor."""

    def newest(self) -> Cursor:
        self.poll()
        return super().newest()


Writer = MemoryStore | DiskStore | RedisStore
Links = Callable[[str], RedisClient | None]


class Kept:
    """A store and its reader; `reopen` closes the store and opens it again, as a restart does."""

    def __init__(self, open_writer: Callable[[], Writer], reader: Callable[[Writer], Reader]) -> None:
        self._open = open_writer
        self.store = open_writer()
        self.reader = reader(self.store)

    def fill(self, first: int, count: int) -> None:
        append = self.store.append
        if isinstance(self.store, PromptStore):
            append = super(PromptStore, self.store).append
        for second in range(first, first + count):
            assert append(Tick(second, 1, {"cpu.percent": second % 100}))
        if isinstance(self.store, PromptStore):
            self.store.finish()

    def reopen(self) -> None:
        if not isinstance(self.store, MemoryStore):
            own = self.reader is self.store
            self.store.close()
            self.store = self._open()
            if own:
                self.reader = self.store

    def close(self) -> None:
        self.reader.close()
        self.store.close()


def kept(kind: str, folder: Path, keep: int = 10_000, link: RedisClient | None = None) -> Kept:
    """Open a store of this kind; `link` is the Redis client, and `folder` determines the name."""
    if kind == "memory":
        return Kept(lambda: MemoryStore(keep), lambda store: store)
    if kind == "disk":
        return Kept(lambda: DiskStore(folder, keep), lambda store: store)
    if kind == "disk read elsewhere":
        return Kept(lambda: DiskStore(folder, keep), lambda _: DiskReader(folder))
    assert link is not None
    there, name = link, f"{folder.parent.name}-{folder.name}"[-60:]
    return Kept(lambda: PromptStore(there, name, keep), lambda _: PromptReader(there, name))


def links_by_kind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Links]:
    """Yield a function that returns the client for a kind and starts its servers when needed.

    A late response is no failure here: the machine is slow, not Redis.
    """
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(redis_client, "SLOW_RESPONSE_S", PATIENCE_S)
        started: dict[str, SharedLink] = {}

        def link(kind: str) -> RedisClient | None:
            if kind in REDIS and kind not in started:
                folder = tmp_path_factory.mktemp("redis")
                if "cluster" in kind:
                    node = stack.enter_context(cluster_at(folder))[0]
                    started[kind] = SharedLink(node.url.replace("redis:", "redis+cluster:"))
                else:
                    started[kind] = SharedLink(stack.enter_context(redis_at(folder)).url)
                stack.callback(started[kind].end)
            return started.get(kind)

        yield link


KINDS = ["memory", "disk", "disk read elsewhere"]
REDIS = ["redis", "redis cluster"]
