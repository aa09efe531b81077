"""Fault 19 in a web process: it shows the last data and a notice, and recovers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from redis_server import RedisServer, needs_redis
from redis_store import times, write
from tick_pages import last_page, page_after
from waiting import PATIENCE_S, wait_for

from dashapp.model.ticks import Tick
from dashapp.stores.redis import hosts as redis_hosts
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.hosts import RedisHosts
from dashapp.stores.redis.store import RedisStore

pytestmark = needs_redis


@pytest.fixture
def store(redis: RedisServer) -> Iterator[RedisStore]:
    with closing(RedisStore(RedisClient(redis.url), "a")) as found:
        yield found


@pytest.fixture
def hosts(redis: RedisServer) -> Iterator[RedisHosts]:
    with closing(RedisHosts(RedisClient(redis.url), "a")) as found:
        yield found


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first request wait for Redis, also on a slow machine."""
    monkeypatch.setattr(redis_hosts, "FIRST_POLL_TIMEOUT_S", PATIENCE_S)


class Waits:
    """The longest time that each request may wait, in seconds."""

    def __init__(self, hosts: RedisHosts, monkeypatch: pytest.MonkeyPatch) -> None:
        self.allowed: list[float] = []
        wait_for_news = hosts._polled.wait_for

        def counted(predicate: Callable[[], bool], timeout: float) -> bool:
            self.allowed.append(timeout)
            return wait_for_news(predicate, timeout)

        monkeypatch.setattr(hosts._polled, "wait_for", counted)


def ask(hosts: RedisHosts) -> None:
    reader = hosts.own()
    last_page(reader, 100)
    reader.metrics()
    reader.notices()
    hosts.hosts()


@pytest.mark.parametrize("fault", ["freeze", "kill"])
def test_19_hosts_show_last_ticks_and_notice_during_outage(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, 1, 2, 3)
    reader = hosts.own()
    assert times(reader) == [1, 2, 3]
    ask(hosts)
    getattr(redis, fault)()
    said = "it does not answer" if fault == "freeze" else "it cannot be reached"

    def notice_is_shown() -> bool:
        ask(hosts)
        (notice,) = reader.notices()
        return said in notice and notice.count("the last data received") == 1

    wait_for(notice_is_shown)
    waits = Waits(hosts, monkeypatch)
    for _time in range(20):
        ask(hosts)
    assert waits.allowed == [], "nobody waits"
    assert times(reader) == [1, 2, 3]
    redis.thaw() if fault == "freeze" else redis.start()
    assert store.append(Tick(4, 1, {"a": 1}))
    wait_for(lambda: reader.newest().time_ms == 4000 and not reader.notices())
    assert times(reader) == [1, 2, 3, 4]


def test_19_hosts_wait_once_when_redis_is_down_at_start(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_hosts, "FIRST_POLL_TIMEOUT_S", 0.5)
    monkeypatch.setattr(redis_hosts, "FIRST_POLL_RETRY_S", PATIENCE_S)
    redis.kill()
    with closing(RedisHosts(RedisClient(redis.url), "a")) as hosts:
        waits = Waits(hosts, monkeypatch)
        ask(hosts)
        assert sum(waits.allowed) <= 1
        ask(hosts)
        assert sum(waits.allowed) <= 1
        assert hosts.own().newest().time_ms == 0
        wait_for(hosts.notices)
        redis.start()
        with closing(RedisStore(RedisClient(redis.url), "a")) as store:
            write(store, 1)
            wait_for(lambda: hosts.own().newest().time_ms == 1000)


def test_19_cursor_resets_after_redis_is_flushed(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts
) -> None:
    write(store, 1, 2, 3)
    cursor = last_page(hosts.own(), 10).cursor
    with closing(redis.client()) as client:
        client.flushall()
    write(store, 4)
    wait_for(lambda: hosts.own().newest().time_ms == 4000)
    page = page_after(hosts.own(), cursor, 10)
    assert ([tick.time for tick in page.ticks], page.reset) == ([1, 2, 3, 4], True)


def test_19_hosts_show_notice_when_redis_is_full(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_hosts, "STALE_AFTER_S", 0.2)
    monkeypatch.setattr(redis_hosts, "DIAGNOSIS_INTERVAL_S", 0.2)
    write(store, 1)
    assert hosts.own().newest().time_ms == 1000
    with closing(redis.client()) as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"])
        store.append(Tick(2, 1, {"a": 1}))
        wait_for(lambda: "is full" in " ".join(hosts.own().notices()) or last_page(hosts.own(), 1) is None)
        client.config_set("maxmemory", 0)
    wait_for(lambda: hosts.own().newest().time_ms == 2000 and not hosts.own().notices())
