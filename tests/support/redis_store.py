"""A Redis store for tests, and the entries that Redis has."""

from __future__ import annotations

from contextlib import closing

from redis_server import RedisServer
from waiting import PATIENCE_S

from dashapp.model.ticks import Metric, Tick
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.hosts import DefaultHostReader
from dashapp.stores.redis.keys import Keys
from dashapp.stores.redis.reader import RedisReader
from dashapp.stores.redis.store import RedisStore

CPU = Metric("cpu.percent", "CPU", "%", "cpu", 0.0, 100.0)


def opened(server: RedisServer, name: str = "a") -> RedisStore:
    return RedisStore(RedisClient(server.url), name)


def fill(store: RedisStore, first: int, count: int) -> None:
    for second in range(first, first + count):
        assert store.append(Tick(second, 1, {"cpu.percent": second % 100}))


def drain(store: RedisStore) -> None:
    """Wait until Redis has all appended ticks."""
    assert store.drain(PATIENCE_S)


def write(store: RedisStore, *times: float, step: float = 1) -> None:
    for each in times:
        assert store.append(Tick(each, step, {"cpu.percent": 12.5, "other": 3.0}))
    drain(store)


def times(reader: RedisReader | DefaultHostReader) -> list[float]:
    return [tick.time for tick in reader.since(float("-inf"), 1000)]


def stored(server: RedisServer, name: str = "a") -> list[int]:
    """Return the times of all entries in Redis's order, duplicates included."""
    with closing(server.client()) as client:
        return [int(fields[b"t"]) // 1000 for _id, fields in client.xrange(Keys(name).ticks)]


def life(server: RedisServer) -> bytes:
    with closing(server.client()) as client:
        return bytes(client.get(Keys("a").generation) or b"")
