"""Whose turn it is to write by a name in Redis: one at a time, and nobody loses what waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Event, Thread

import pytest
from redis_server import RedisServer, needs_redis
from redis_store import fill, opened, stored
from waiting import wait_for

from dashapp.config.settings import Settings
from dashapp.model.ticks import StoreAwayError, StoreLockedError
from dashapp.stores.factory import RedisPlace
from dashapp.stores.redis.keys import Keys
from dashapp.stores.redis.lease import LASTS
from dashapp.stores.redis.store import RedisStore

pytestmark = needs_redis


@pytest.fixture
def store(redis: RedisServer) -> Iterator[RedisStore]:
    found = opened(redis)
    yield found
    found.close()


def test_5_one_writes_the_other_stands_by_and_takes_over(redis: RedisServer, store: RedisStore) -> None:
    fill(store, 1, 3)
    assert store.drain()
    with pytest.raises(StoreLockedError, match="another collector"):
        opened(redis)
    # Killed: nobody gives the turn back, it ends by itself.
    store.writer.is_lost = True
    store.writer.wake()
    start = time.monotonic()

    def second() -> RedisStore | None:
        try:
            return opened(redis)
        except StoreLockedError:
            return None

    other = wait_for(second)
    assert other is not None
    with closing(other):
        assert time.monotonic() - start < 3
        assert other.newest().time_ms == 3000
        fill(other, 4, 1)
        assert other.drain()
    assert stored(redis) == [1, 2, 3, 4]


def test_a_writer_that_lost_its_turn_notices_and_writes_nothing_more(
    redis: RedisServer, store: RedisStore
) -> None:
    fill(store, 1, 3)
    assert store.drain()
    with closing(redis.client()) as client:
        client.set(Keys("a").turn, "777-other")
        fill(store, 4, 1)
        wait_for(lambda: store.writer.is_lost)
        assert stored(redis) == [1, 2, 3]
        with pytest.raises(StoreLockedError):
            fill(store, 5, 1)
        store.close()
        assert client.get(Keys("a").turn) == b"777-other"


def test_an_outage_longer_than_the_turn_costs_nobody_their_turn(
    redis: RedisServer, store: RedisStore
) -> None:
    fill(store, 1, 3)
    redis.freeze()
    time.sleep(LASTS / 1000 + 0.2)  # what Redis' own clock has to see pass
    fill(store, 4, 3)
    redis.thaw()
    assert store.drain(10)
    assert stored(redis) == [1, 2, 3, 4, 5, 6]


def test_who_stood_by_through_an_outage_lets_the_writer_go_on(
    redis: RedisServer, store: RedisStore, tmp_path: Path
) -> None:
    """It has ticks that wait; whoever took its turn would lose them."""
    fill(store, 1, 3)
    assert store.drain()
    other = RedisPlace(Settings(store=redis.url, name="a"))
    stop = Event()
    got: list[object] = []

    def stand_by() -> None:
        while not stop.wait(0.05):
            with suppress(StoreLockedError, StoreAwayError):
                got.append(other.writer())

    thread = Thread(target=stand_by)
    thread.start()
    try:
        for second in (4, 104):
            redis.freeze()
            time.sleep(LASTS / 1000 + 0.5)  # what Redis' own clock has to see pass
            fill(store, second, 100)
            redis.thaw()
            assert store.drain(10)
    finally:
        stop.set()
        thread.join()
    assert not got
    assert stored(redis) == list(range(1, 204))


def test_redis_is_told_a_script_once_and_again_where_it_forgot(
    redis: RedisServer, store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    fill(store, 1, 3)
    assert store.drain()
    with closing(redis.client()) as client:

        def received(first: int) -> int:
            before = int(client.info("stats")["total_net_input_bytes"])
            for second in range(first, first + 10):
                fill(store, second, 1)
                assert store.drain()
            return int(client.info("stats")["total_net_input_bytes"]) - before

        assert received(4) < 10 * 800
        client.script_flush()
        received(14)
        assert received(24) < 10 * 800
    assert stored(redis) == list(range(1, 34))
    assert not caplog.records
