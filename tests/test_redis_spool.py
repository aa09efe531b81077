"""The spool in Redis: what was answered is in one tick, once, whoever dies between two steps."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from redis_server import RedisServer, cluster_at, needs_redis, redis_at

from dashapp.collector.sampler import Sampler
from dashapp.model.ticks import SpoolError, Tick
from dashapp.sources.push import PushSource
from dashapp.stores.base import last
from dashapp.stores.push_queue import AWAY
from dashapp.stores.redis.client import Answer, Client, Link
from dashapp.stores.redis.keys import Keys
from dashapp.stores.redis.push_queue import BATCH, BRIEFLY, RedisInbox, RedisIntake
from dashapp.stores.redis.reader import RedisReader
from dashapp.stores.redis.store import RedisStore

pytestmark = needs_redis


class Patient(Link):
    """A slow answer is no reason to stop asking, as it is to a real one, whose next tick takes the rest."""

    def ask(self, do: Callable[[Client], Answer], otherwise: Answer) -> Answer:
        return do(self.client)


class Collector:
    """The side that takes, with a sampler as there is."""

    def __init__(self, url: str, inbox: Link | None = None) -> None:
        self.store = RedisStore(Link(url), "a")
        self.inbox = RedisInbox(inbox or Patient(url, 10), self.store)
        source = PushSource(self.inbox, lambda: self.store.newest().time_ms)
        self.sampler = Sampler([source], self.store, 1)

    def tick(self) -> dict[str, float]:
        tick = self.sampler.tick(self.store.newest().time_ms / 1000 + 1)
        return dict(tick.values) if tick else {}

    def die(self) -> None:
        """Without a chance to write what waits."""
        self.store.writer.is_lost = True
        self.store.writer.stop()
        self.store.turn.give()


@pytest.fixture(params=["redis", "redis+cluster"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    if request.param == "redis":
        with redis_at(tmp_path) as found:
            yield found
    else:
        with cluster_at(tmp_path) as nodes:
            yield nodes[0]


@pytest.fixture
def url(server: RedisServer) -> str:
    return (
        server.url.replace("redis:", "redis+cluster:") if "--cluster-enabled" in server.flags else server.url
    )


def put(intake: RedisIntake, **values: float) -> None:
    intake.put(json.dumps(values).encode())


def kept(url: str) -> list[dict[str, float]]:
    reader = RedisReader(Link(url), "a")
    reader.poll()
    return [dict(tick.values) for tick in last(reader, 10_000).ticks]


def test_what_is_put_is_in_the_next_tick_once_and_gone(url: str) -> None:
    intake, collector = RedisIntake(Link(url), "a"), Collector(url)
    put(intake, x=1)
    put(intake, y=2, x=3)
    assert collector.tick() == {"x": 3, "y": 2}
    assert collector.tick() == {}
    put(intake, x=4)
    assert collector.tick() == {"x": 4}
    assert collector.store.drain()
    assert kept(url) == [{"x": 3, "y": 2}, {"x": 4}]
    client, keys = Link(url).client, Keys("a")
    assert client.xlen(keys.push) == 0
    assert int(client.get(keys.push_size)) == 0
    collector.store.close()


def test_a_collector_that_dies_before_its_tick_is_kept_leaves_it_to_the_next(url: str) -> None:
    intake, first = RedisIntake(Link(url), "a"), Collector(url)
    put(intake, x=1)
    assert first.tick() == {"x": 1}
    assert first.store.drain()
    put(intake, x=2)
    found: list[bytes] = []
    first.inbox.take(0, lambda record: found.append(record) or True)  # type: ignore[func-returns-value]
    assert found == [b'{"x": 2}']
    first.die()
    second = Collector(url)
    assert second.tick() == {"x": 2}
    assert second.store.drain()
    second.die()
    third = Collector(url)
    assert third.tick() == {}
    assert kept(url) == [{"x": 1}, {"x": 2}]
    third.store.close()


def test_many_are_taken_in_order(url: str) -> None:
    intake, collector = RedisIntake(Link(url), "a"), Collector(url)
    for number in range(2 * BATCH + 7):
        put(intake, x=number)
    assert collector.tick() == {"x": 2 * BATCH + 6}
    assert collector.store.drain()
    assert Link(url).client.xlen(Keys("a").push) == 0
    collector.store.close()


def test_it_is_bounded_and_takes_again_when_it_was_emptied(redis: RedisServer) -> None:
    intake, collector = RedisIntake(Link(redis.url), "a", most=1000), Collector(redis.url)
    for _ in range(9):
        intake.put(b'{"x":1' + b" " * 80 + b"}")
    with pytest.raises(SpoolError, match="1000 bytes"):
        intake.put(b"x" * 400)
    assert collector.tick() == {"x": 1}
    assert collector.store.drain()
    intake.put(b"x" * 400)
    collector.store.close()


def test_nobody_is_promised_a_tick_when_no_collector_looks(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = RedisIntake(Link(redis.url), "a")
    put(intake, x=1)
    now = time.monotonic()
    monkeypatch.setattr(intake, "_made", now - AWAY - 1)
    with pytest.raises(SpoolError, match="no collector has looked for 60 seconds"):
        put(intake, x=2)
    with closing(Collector(redis.url).store) as store:
        RedisInbox(Link(redis.url, BRIEFLY), store).take(0, lambda record: True)
        put(intake, x=3)


@pytest.mark.parametrize("fault", ["freeze", "kill", "full"])
def test_19_what_redis_does_not_take_is_not_promised(redis: RedisServer, fault: str) -> None:
    intake = RedisIntake(Link(redis.url), "a")
    put(intake, x=1)
    if fault == "full":
        with closing(redis.client()) as client:
            client.config_set("maxmemory", client.info("memory")["used_memory"])
    else:
        getattr(redis, fault)()
    start = time.monotonic()
    with pytest.raises(SpoolError, match="cannot be kept"):
        put(intake, x=2)
    with pytest.raises(SpoolError, match="cannot be kept"):
        put(intake, x=3)
    assert time.monotonic() - start < 1.5


def test_19_a_tick_does_not_wait_for_what_was_pushed(redis: RedisServer) -> None:
    collector = Collector(redis.url, Link(redis.url, BRIEFLY))
    collector.store.append(Tick(1, 1, {"a": 1}))
    assert collector.store.drain()
    redis.freeze()
    took = []
    for _ in range(5):
        start = time.monotonic()
        collector.tick()
        took.append(time.monotonic() - start)
    assert max(took) < 0.3
    assert sum(took) < 0.5
    redis.thaw()
    collector.store.close()
