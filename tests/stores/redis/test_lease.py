"""The writer lease in Redis: one writer per name, and no waiting tick is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from threading import Event, Lock, Thread

import pytest
from redis_server import RedisServer, needs_redis
from redis_store import drain, fill, opened, stored
from waiting import PATIENCE_S, wait_for

from dashapp.config.settings import Settings
from dashapp.model.ticks import StoreLockedError, StoreUnavailableError
from dashapp.stores import factory
from dashapp.stores.factory import RedisBackend
from dashapp.stores.redis import lease, writer
from dashapp.stores.redis.keys import Keys
from dashapp.stores.redis.store import RedisStore

pytestmark = needs_redis


@pytest.fixture(autouse=True)
def _long_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no lease expire on a slow machine: only appends renew it, and tests end it."""
    monkeypatch.setattr(lease, "LEASE_MS", 60_000)
    monkeypatch.setattr(writer, "HEARTBEAT_S", PATIENCE_S)
    monkeypatch.setattr(writer, "DOCUMENT_CHECK_S", PATIENCE_S)


@pytest.fixture
def store(redis: RedisServer) -> Iterator[RedisStore]:
    found = opened(redis)
    yield found
    found.close()


@contextmanager
def outage(redis: RedisServer, alone: Lock) -> Iterator[None]:
    """Freeze Redis for longer than the lease of 100 ms: the writer waits 1 s for a response.

    `alone` keeps others from taking a lease that expires before Redis is frozen.
    """
    with closing(redis.client()) as client, alone:
        client.pexpire(Keys("a").lease, 100)
        redis.freeze()
    try:
        yield
    finally:
        redis.thaw()


def test_5_second_writer_is_rejected_until_lease_expires(redis: RedisServer, store: RedisStore) -> None:
    fill(store, 1, 3)
    drain(store)
    with pytest.raises(StoreLockedError, match="another collector"):
        opened(redis)
    # As after a kill: the lease is not released and expires by itself.
    store.writer.is_lost = True
    store.writer.stop()
    with closing(redis.client()) as client:
        assert 0 < client.pttl(Keys("a").lease) <= 60_000
        client.pexpire(Keys("a").lease, 100)

    def second() -> RedisStore | None:
        try:
            return opened(redis)
        except StoreLockedError:
            return None

    other = wait_for(second)
    assert other is not None
    with closing(other):
        assert other.newest().time_ms == 3000
        fill(other, 4, 1)
        drain(other)
    assert stored(redis) == [1, 2, 3, 4]


def test_writer_stops_when_it_loses_lease(redis: RedisServer, store: RedisStore) -> None:
    fill(store, 1, 3)
    drain(store)
    with closing(redis.client()) as client:
        client.set(Keys("a").lease, "777-other")
        with suppress(StoreLockedError):  # the writer may notice it first
            fill(store, 4, 1)
        wait_for(lambda: store.writer.is_lost)
        assert stored(redis) == [1, 2, 3]
        with pytest.raises(StoreLockedError):
            fill(store, 5, 1)
        store.close()
        assert client.get(Keys("a").lease) == b"777-other"


def test_writer_keeps_lease_after_outage_longer_than_lease(redis: RedisServer, store: RedisStore) -> None:
    fill(store, 1, 3)
    drain(store)
    with outage(redis, Lock()):
        fill(store, 4, 3)
        wait_for(lambda: store.writer.last_error)
    drain(store)
    assert stored(redis) == [1, 2, 3, 4, 5, 6]


def test_standby_does_not_take_lease_after_outage(
    redis: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer has waiting ticks; another writer that took the lease would lose them."""
    monkeypatch.setattr(factory, "DEFER_AFTER_OUTAGE_S", PATIENCE_S)
    fill(store, 1, 3)
    drain(store)
    other = RedisBackend(Settings(store=redis.url, name="a"))
    alone, stop = Lock(), Event()
    got: list[object] = []
    away: list[StoreUnavailableError] = []

    def stand_by() -> None:
        while not stop.wait(0.05):
            with alone, suppress(StoreLockedError):
                try:
                    got.append(other.open_writer())
                except StoreUnavailableError as error:
                    away.append(error)

    thread = Thread(target=stand_by)
    thread.start()
    try:
        for second in (4, 104):
            with outage(redis, alone):
                noticed = len(away)
                fill(store, second, 100)
                wait_for(lambda noticed=noticed: store.writer.last_error and len(away) > noticed)  # type: ignore[misc]
            drain(store)
    finally:
        stop.set()
        thread.join()
    assert not got
    assert stored(redis) == list(range(1, 204))


def test_script_is_sent_once_and_again_after_flush(
    redis: RedisServer, store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    fill(store, 1, 3)
    drain(store)
    with closing(redis.client()) as client:

        def received(first: int) -> int:
            before = int(client.info("stats")["total_net_input_bytes"])
            for second in range(first, first + 10):
                fill(store, second, 1)
                drain(store)
            return int(client.info("stats")["total_net_input_bytes"]) - before

        assert received(4) < 10 * 800
        client.script_flush()
        received(14)
        assert received(24) < 10 * 800
    assert stored(redis) == list(range(1, 34))
    assert not caplog.records
