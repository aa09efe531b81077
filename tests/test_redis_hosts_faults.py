"""Fault 19 as a web process meets it: what is known is shown, what is wrong is said, and it heals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from redis_server import RedisServer, needs_redis
from redis_store import times, write
from waiting import wait_for

from dashapp.model.ticks import Tick
from dashapp.stores.base import after, last
from dashapp.stores.redis import hosts as redis_hosts
from dashapp.stores.redis.client import Link
from dashapp.stores.redis.hosts import RedisHosts
from dashapp.stores.redis.store import RedisStore

pytestmark = needs_redis


@pytest.fixture
def store(redis: RedisServer) -> Iterator[RedisStore]:
    with closing(RedisStore(Link(redis.url), "a")) as found:
        yield found


@pytest.fixture
def hosts(redis: RedisServer) -> Iterator[RedisHosts]:
    with closing(RedisHosts(Link(redis.url), "a")) as found:
        yield found


def quick(hosts: RedisHosts) -> float:
    start = time.monotonic()
    reader = hosts.own()
    last(reader, 100)
    reader.metrics()
    reader.notices()
    hosts.hosts()
    return time.monotonic() - start


@pytest.mark.parametrize("fault", ["freeze", "kill"])
def test_19_away_the_last_is_shown_it_is_said_and_it_heals(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts, fault: str
) -> None:
    write(store, 1, 2, 3)
    reader = hosts.own()
    assert times(reader) == [1, 2, 3]
    getattr(redis, fault)()
    said = "it does not answer" if fault == "freeze" else "it cannot be reached"
    wait_for(lambda: said in " ".join(reader.notices()) or last(reader, 1) is None)
    assert [each.count("the last that came") for each in reader.notices()] == [1]
    for _time in range(20):
        assert quick(hosts) < 0.2
    assert times(reader) == [1, 2, 3]
    redis.thaw() if fault == "freeze" else redis.start()
    assert store.append(Tick(4, 1, {"a": 1}))
    wait_for(lambda: reader.newest().time_ms == 4000 and not reader.notices())
    assert times(reader) == [1, 2, 3, 4]


def test_19_away_at_first_nobody_waits_long_and_it_heals(redis: RedisServer) -> None:
    redis.kill()
    with closing(RedisHosts(Link(redis.url), "a")) as hosts:
        assert quick(hosts) < 1.3
        assert quick(hosts) < 0.2
        assert hosts.own().newest().time_ms == 0
        wait_for(hosts.notices)
        redis.start()
        with closing(RedisStore(Link(redis.url), "a")) as store:
            write(store, 1)
            wait_for(lambda: hosts.own().newest().time_ms == 1000)


def test_19_flushed_the_cursor_is_of_another_life(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts
) -> None:
    write(store, 1, 2, 3)
    cursor = last(hosts.own(), 10).cursor
    with closing(redis.client()) as client:
        client.flushall()
    write(store, 4)
    wait_for(lambda: hosts.own().newest().time_ms == 4000)
    page = after(hosts.own(), cursor, 10)
    assert ([tick.time for tick in page.ticks], page.reset) == ([1, 2, 3, 4], True)


def test_19_full_it_is_said(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_hosts, "STALE", 0.2)
    monkeypatch.setattr(redis_hosts, "WHY_EVERY", 0.2)
    write(store, 1)
    hosts.own().newest()
    with closing(redis.client()) as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"])
        store.append(Tick(2, 1, {"a": 1}))
        wait_for(lambda: "is full" in " ".join(hosts.own().notices()) or last(hosts.own(), 1) is None)
        client.config_set("maxmemory", 0)
    wait_for(lambda: hosts.own().newest().time_ms == 2000 and not hosts.own().notices())
