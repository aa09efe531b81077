"""The Redis writer: no tick waits for Redis, and no outage loses or repeats a tick."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import current_thread
from typing import Any

import pytest
from redis_server import RedisServer, needs_redis, redis_at
from redis_store import CPU, drain, fill, life, opened, stored
from waiting import wait_for

from dashapp.model.thresholds import AlertChange, AlertState, Threshold
from dashapp.model.ticks import Curves, Metric, StoreUnavailableError
from dashapp.stores.base import Rewind
from dashapp.stores.redis import lease, writer
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.keys import REGISTRY_KEY, Keys
from dashapp.stores.redis.lease import ScriptCall, WriterLease
from dashapp.stores.redis.reader import RedisReader
from dashapp.stores.redis.store import RedisStore

pytestmark = needs_redis
# Ticks in an outage of five minutes.
OUTAGE = 300


@pytest.fixture
def callers(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the threads that call lease scripts, as every write of a row does."""
    found: set[str] = set()
    sent = WriterLease._send

    def heard(turn: WriterLease, verb: str, runs: Sequence[ScriptCall]) -> list[Any]:
        found.add(current_thread().name)
        return sent(turn, verb, runs)

    monkeypatch.setattr(WriterLease, "_send", heard)
    return found


@pytest.fixture
def store(redis: RedisServer) -> Iterator[RedisStore]:
    found = opened(redis)
    yield found
    found.close()


@pytest.mark.parametrize("left", ["nothing", "a mark", "all others"])
def test_19_evicted_metrics_document_is_written_again(
    redis: RedisServer, store: RedisStore, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "DOCUMENT_CHECK_S", float("inf"))
    store.describe([CPU])
    reader = RedisReader(RedisClient(redis.url), "a")

    def names() -> list[Metric]:
        reader.poll()
        return reader.metrics()

    wait_for(lambda: names() == [CPU])
    with closing(redis.client()) as client:
        others = client.hgetall(Keys("a").documents)
        del others[b"metrics"]
        client.delete(Keys("a").documents)
        # By now another document may be there again.
        if left == "a mark":
            client.hset(Keys("a").documents, "mark", 700)
        elif left == "all others":
            client.hset(Keys("a").documents, mapping=others | {b"mark": 700})
    assert names() == []
    monkeypatch.setattr(writer, "DOCUMENT_CHECK_S", 0.0)
    wait_for(lambda: names() == [CPU])


def test_19_no_tick_is_lost_or_delayed_when_redis_hangs_for_5_minutes(
    redis: RedisServer, store: RedisStore, callers: set[str]
) -> None:
    fill(store, 1, 10)
    drain(store)
    redis.freeze()
    fill(store, 11, OUTAGE // 2)
    # Redis runs the command that is sent now, although its response comes after the timeout.
    wait_for(lambda: store.writer.last_error == "it does not answer")
    fill(store, 11 + OUTAGE // 2, OUTAGE // 2)
    redis.thaw()
    drain(store)
    assert stored(redis) == list(range(1, OUTAGE + 11))
    assert callers == {"dashapp redis writer"}, "whoever appends asks Redis nothing"


def test_19_writer_restores_ticks_when_redis_restarts_empty(
    redis: RedisServer, store: RedisStore, callers: set[str]
) -> None:
    store.describe([CPU])
    fill(store, 1, 10)
    drain(store)
    before = life(redis)
    redis.kill()
    fill(store, 11, OUTAGE)
    wait_for(lambda: store.writer.last_error == "it cannot be reached")
    redis.start()
    drain(store)
    assert stored(redis) == list(range(1, OUTAGE + 11))
    assert life(redis) not in (before, b"")
    assert RedisReader(RedisClient(redis.url), "a").metrics() == []
    reader = RedisReader(RedisClient(redis.url), "a")
    reader.poll()
    assert reader.metrics() == [CPU]
    assert callers == {"dashapp redis writer"}, "whoever appends asks Redis nothing"


@pytest.mark.parametrize("gone", ["FLUSHALL", "ticks", "life"])
def test_19_writer_restores_ticks_after_flush_or_eviction(
    redis: RedisServer, store: RedisStore, gone: str
) -> None:
    fill(store, 1, 10)
    drain(store)
    with closing(redis.client()) as client:
        client.flushall() if gone == "FLUSHALL" else client.delete(Keys("a").of(gone))
    fill(store, 11, 5)
    drain(store)
    assert stored(redis) == list(range(1, 16))


def test_19_ticks_wait_while_redis_is_out_of_memory(
    redis: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_MS", 60_000)
    fill(store, 1, 10)
    drain(store)
    with closing(redis.client()) as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"])
        fill(store, 11, OUTAGE)
        wait_for(lambda: "out of memory" in store.writer.last_error)
        # The writer renews the lease meanwhile, which extends it.
        client.pexpire(Keys("a").lease, 30_000)
        wait_for(lambda: client.pttl(Keys("a").lease) > 30_000)
        assert stored(redis) == list(range(1, 11))
        client.config_set("maxmemory", 0)
    drain(store)
    assert stored(redis) == list(range(1, OUTAGE + 11))


def test_writer_drops_oldest_waiting_ticks_above_limit(
    redis: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING_CHARS", 20_000)
    fill(store, 1, 10)
    drain(store)
    redis.freeze()
    fill(store, 11, 2000)
    redis.thaw()
    drain(store)
    times = stored(redis)
    assert times[-1] == 2010
    assert len(times) < 1100
    assert times == sorted(set(times))


def test_store_opens_on_retry_when_redis_was_down(tmp_path: Path) -> None:
    with redis_at(tmp_path) as redis:
        redis.kill()
        with pytest.raises(StoreUnavailableError, match="cannot be reached"):
            opened(redis)
        redis.start()
        opened(redis).close()


def test_every_key_expires_without_writer(redis: RedisServer) -> None:
    with closing(RedisStore(RedisClient(redis.url), "a", forget=5000)) as store:
        store.describe([CPU])
        fill(store, 1_795_218_000, 1300)  # enough ticks to compact some of them
        drain(store)
        with closing(redis.client()) as client:
            wait_for(lambda: client.exists(Keys("a").of("seconds.blocks"), Keys("a").of("minutes.rows")) == 2)
            for key in set(client.keys()) - {REGISTRY_KEY.encode()}:
                assert 0 < client.pttl(key) <= 5_000_000, key


def test_writer_removes_expired_host_from_registry(redis: RedisServer) -> None:
    with closing(redis.client()) as client:
        client.hset(REGISTRY_KEY, "old", "1000 [1000,1,{}]")
        client.hset(REGISTRY_KEY, "new", f"{round(time.time() * 1000)} [1000,1,{{}}]")
        with closing(opened(redis)) as store:
            fill(store, 1, 1)
            drain(store)
            wait_for(lambda: client.hkeys(REGISTRY_KEY) and not client.hexists(REGISTRY_KEY, "old"))
            assert set(client.hkeys(REGISTRY_KEY)) == {b"new", b"a"}


def test_writer_keeps_expired_host_that_still_has_data(redis: RedisServer) -> None:
    """Redis' clock was ahead for a while: the host's data have not expired."""
    with closing(redis.client()) as client:
        for name in ("old", "gone"):
            client.hset(REGISTRY_KEY, name, "1000 [1000,1,{}]")
        client.set(Keys("old").generation, "0123456789abcdef")
        with closing(opened(redis)) as store:
            fill(store, 1, 1)
            drain(store)
            wait_for(lambda: client.hkeys(REGISTRY_KEY) and not client.hexists(REGISTRY_KEY, "gone"))
            assert set(client.hkeys(REGISTRY_KEY)) == {b"old", b"a"}


def test_rewind_waits_for_redis(redis: RedisServer, store: RedisStore) -> None:
    """Set the clock back twice while Redis is down: no right row is lost or doubled."""
    fill(store, 1, 10)
    drain(store)
    redis.freeze()
    fill(store, 5011, 10)
    store.rewind(Rewind(10_000))
    fill(store, 11, 10)
    store.rewind(Rewind(15_000))
    fill(store, 16, 5)
    redis.thaw()
    drain(store)
    assert stored(redis) == [*range(1, 21)]
    assert store.newest().time_ms == 20_000


def test_rows_come_back_from_redis_that_was_down(redis: RedisServer, store: RedisStore) -> None:
    fill(store, 1, 10)
    drain(store)
    redis.freeze()
    fill(store, 11, 10)
    store.rewind(Rewind(5_000))
    fill(store, 6, 2)
    store.rewind(Rewind(5_000, restores=True))
    fill(store, 23, 2)
    redis.thaw()
    drain(store)
    assert stored(redis) == [*range(1, 21), 23, 24]


@pytest.mark.parametrize(
    "fields",
    [
        {"t": "x", "other": "y"},
        {"note": "1", "t": "2"},
        {"t": "9" * 13, "d": "null"},
        {"t": "9" * 13, "d": "[99999999999999,1,{}]"},
        {"d": "null", "t": "1000"},
        {"t": "1e300", "d": "[1e300,1,{}]"},
        {"t": b"\xff\x00", "d": b"\xff"},
        {"t": "-5", "d": "[-5,1,{}]"},
    ],
)
def test_foreign_stream_entry_hides_no_tick_and_repeats_none(
    redis: RedisServer, store: RedisStore, fields: dict[Any, Any]
) -> None:
    with redis.client() as client:
        fill(store, 1, 5)
        drain(store)
        foreign = [client.xadd(Keys("a").ticks, fields)]
        fill(store, 6, 5)
        drain(store)
        foreign += [client.xadd(Keys("a").ticks, fields) for _ in range(3)]
        # The reply to the newest rows is lost: the writer sends them again.
        store.writer._stored = 8_000
        fill(store, 11, 5)
        drain(store)
        foreign.append(client.xadd(Keys("a").ticks, fields))
        store.rewind(Rewind(12_000))
        fill(store, 13, 2)
        drain(store)
        assert store.newest().time_ms == 14_000
        entries = client.xrange(Keys("a").ticks)
        found = [int(row[b"t"]) // 1000 for entry_id, row in entries if entry_id not in foreign]
        assert found == [*range(1, 15)]


def test_documents_are_restored_after_reopen(redis: RedisServer) -> None:
    limit = Threshold.parse("cpu.percent > 90 for 30s")
    change = AlertChange(limit, True, 12.5, 93.0, 7)
    curves = {"spectrum": Curves([[1.0, 2.0]], [[None, 4.0]], ["a"])}
    with closing(opened(redis)) as store:
        store.describe([CPU], {"cpu": "area"})
        store.set_thresholds([AlertState(limit, True, 12.5)])
        store.set_changes([change])
        store.set_deliveries({"address": 7})
        store.set_curves(curves)
        store.notice_sink("sources").set("weather gives nothing")
        drain(store)
    with closing(opened(redis)) as store:
        assert store.metrics() == [CPU]
        assert store.panel_kinds() == {"cpu": "area"}
        assert store.thresholds() == [AlertState(limit, True, 12.5)]
        assert store.changes() == [change]
        assert store.deliveries() == {"address": 7}
        assert store.curves() == curves
        assert "weather gives nothing" in store.notices()
        store.notice_sink("sources").clear()
        drain(store)
        wait_for(lambda: not store.notices())


@pytest.mark.parametrize("method", ["check", "write"])
def test_writer_continues_after_unexpected_exception(
    redis: RedisServer,
    store: RedisStore,
    method: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ticks are stored although documents fail, and the page shows the failure until it is over."""
    monkeypatch.setattr(writer, "DOCUMENT_CHECK_S", 0.0)
    real, failing = getattr(store.writer.documents, method), True

    def fail_first() -> None:
        if failing:
            raise KeyError("a defect")
        real()

    monkeypatch.setattr(store.writer.documents, method, fail_first)
    reader = RedisReader(RedisClient(redis.url), "a")

    def notices() -> str:
        reader.poll()
        return " ".join(reader.notices())

    fill(store, 1, 3)
    wait_for(lambda: stored(redis) == [1, 2, 3])
    wait_for(lambda: store.writer.last_error)
    fill(store, 4, 3)
    wait_for(lambda: stored(redis) == [1, 2, 3, 4, 5, 6])
    assert "a defect" in caplog.text
    failing = False
    drain(store)
    wait_for(lambda: not store.writer.last_error and notices() == "")
    assert store.writer._thread is not None
    assert store.writer._thread.is_alive()


def test_writer_shows_failure_of_compaction(
    redis: RedisServer, store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr(store.writer, "_on_round", fail)
    reader = RedisReader(RedisClient(redis.url), "a")

    def notices() -> list[str]:
        reader.poll()
        return reader.notices()

    wait_for(lambda: notices() == ["Writing to Redis failed (ValueError); the log has the details."])
    monkeypatch.setattr(store.writer, "_on_round", lambda _: None)
    wait_for(lambda: notices() == [])


def test_writer_accepts_notice_that_utf8_cannot_represent(redis: RedisServer, store: RedisStore) -> None:
    """The name of a file may have such characters."""
    store.notice_sink("sources").set("caf\udce9.csv is missing")
    store.describe([CPU])
    drain(store)
    reader = RedisReader(RedisClient(redis.url), "a")
    reader.poll()
    assert reader.notices() == ["caf\N{REPLACEMENT CHARACTER}.csv is missing"]
