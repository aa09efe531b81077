"""Fault 19 and related faults, with a real page, a real collector and a real Redis."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from processes import Dashapp, collector, dashapp, holes, on_grid
from redis_server import RedisServer, needs_redis, redis_at
from waiting import wait_for

from dashapp.stores.redis.keys import Keys

pytestmark = needs_redis
NAME = "here"
STEP = 200
FAST = ("--interval", "0.2", "--name", NAME)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_at(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def running(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    with dashapp(tmp_path_factory.mktemp("app"), *FAST, env={"REDIS_URL": redis.url}) as process:
        yield process.serving()


@pytest.fixture
def app(running: Dashapp) -> Dashapp:
    """A server that recovers from everything that a test does to its Redis."""
    running.moves()
    wait_for(lambda: not running.notices())
    return running


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_at(tmp_path / "redis") as server:
        yield server


def stored(redis: RedisServer) -> list[int]:
    with closing(redis.client()) as client:
        return [int(fields[b"t"]) for _id, fields in client.xrange(Keys(NAME).ticks)]


def answers(app: Dashapp) -> None:
    """Assert that the server answers every path, several times."""
    for _ in range(3):
        for path in ("/", "/api/ticks?window=100", "/api/ticks?window=86400", "/api/metrics", "/healthz"):
            assert app.get(path)[0] == 200, path


def test_redis_store_serves_and_collects_without_folder(app: Dashapp, redis: RedisServer) -> None:
    assert f"(store: {redis.url})" in app.said
    assert not app.store.exists()
    assert on_grid(stored(redis), STEP)
    shown = set(app.shown())
    wait_for(lambda: shown <= set(stored(redis)))


def freeze(redis: RedisServer) -> Callable[[], None]:
    redis.freeze()
    return redis.thaw


def refuse(redis: RedisServer) -> Callable[[], None]:
    redis.kill()
    return redis.start


def fill_up(redis: RedisServer) -> Callable[[], None]:
    def set_to(most: int) -> None:
        with closing(redis.client()) as client:
            client.config_set("maxmemory", most)

    set_to(1)
    return lambda: set_to(0)


@pytest.mark.parametrize("fault", [freeze, refuse, fill_up])
def test_19_redis_outage_shows_notice_and_leaves_no_gap(
    app: Dashapp, redis: RedisServer, fault: Callable[[RedisServer], Callable[[], None]]
) -> None:
    before, begun = app.newest(), 1000 * time.time()
    mend = fault(redis)
    said = "is full" if fault is fill_up else f"Redis at 127.0.0.1:{redis.port}"
    wait_for(lambda: said in app.notices())
    answers(app)
    wait_for(lambda: app.get("/readyz")[0] == 503)
    ended = 1000 * time.time()
    mend()
    wait_for(lambda: app.newest() > max(before, ended))
    wait_for(lambda: not app.notices())
    times = stored(redis)
    assert on_grid(times, STEP)
    # Measurements during the outage are not lost. A busy machine may skip deadlines, but no whole outage.
    lost = [(old, new) for old, new in holes(times, STEP) if new > begun and old < ended]
    assert all(new - old < 0.75 * (ended - begun) for old, new in lost), (begun, ended, lost)


def test_19_flushed_redis_resets_page(app: Dashapp, redis: RedisServer) -> None:
    cursor = app.ticks()["cursor"]
    with closing(redis.client()) as client:
        client.flushall()
    wait_for(lambda: app.ticks(after=cursor)["reset"])
    assert app.ticks()["cursor"].split(".")[0] != cursor.split(".")[0]
    app.moves()
    wait_for(lambda: app.get("/api/metrics")[1] != b"[]")
    assert on_grid(stored(redis), STEP)


def test_19_evicted_keys_do_not_stop_collection(app: Dashapp, redis: RedisServer) -> None:
    with closing(redis.client()) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 1_000_000)
        for number in range(100):
            client.set(f"theirs:{number}", b"x" * 20_000)
        assert client.info("stats")["evicted_keys"] > 0
        answers(app)
        app.moves()
        wait_for(lambda: app.get("/api/metrics")[1] != b"[]")
        assert app.popen.poll() is None
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-policy", "noeviction")


def test_19_page_starts_and_recovers_when_redis_is_down_at_start(other: RedisServer, tmp_path: Path) -> None:
    other.kill()
    with dashapp(tmp_path, *FAST, "--store", other.url) as app:
        app.serving()
        answers(app)
        wait_for(lambda: "cannot be reached" in app.notices())
        other.start()
        wait_for(app.newest)
        wait_for(lambda: not app.notices())


def test_5_two_collectors_of_one_name_write_each_tick_once(other: RedisServer, tmp_path: Path) -> None:
    flags = (*FAST, "--store", other.url)
    with collector(tmp_path, *flags) as first:
        wait_for(lambda: len(stored(other)) > 5)
        with collector(tmp_path, *flags) as second:
            wait_for(lambda: "standing by" in second.said)
            first.popen.kill()
            killed = time.time() * 1000
            wait_for(lambda: stored(other)[-1] > killed + 3 * STEP)
            assert on_grid(stored(other), STEP)


def test_5_suspended_writer_stores_no_tick_twice(other: RedisServer, tmp_path: Path) -> None:
    flags = (*FAST, "--store", other.url)
    with collector(tmp_path, *flags) as first:
        wait_for(lambda: len(stored(other)) > 5)
        with collector(tmp_path, *flags) as second:
            first.popen.send_signal(signal.SIGSTOP)
            stopped = time.time() * 1000
            wait_for(lambda: stored(other)[-1] > stopped + 3 * STEP)
            first.popen.send_signal(signal.SIGCONT)
            wait_for(lambda: "stands by" in first.said)
            count = len(stored(other))
            wait_for(lambda: len(stored(other)) > count + 10)
            assert on_grid(stored(other), STEP)
            assert second.popen.poll() is None


def test_workers_return_consistent_ticks_and_last_tick_is_stored_on_stop_signal(
    other: RedisServer, tmp_path: Path
) -> None:
    with dashapp(tmp_path, *FAST, "--store", other.url, "--workers", "2") as app:
        app.serving()
        app.moves()
        cursor, newest = app.ticks()["cursor"], app.newest()
        # Both workers have seen a later tick.
        wait_for(lambda: all(app.newest() > newest for _ in range(20)))
        assert not any(app.ticks(after=cursor)["reset"] for _ in range(20))
        newest = app.newest()
        app.popen.terminate()
        assert app.wait() == 0
        assert stored(other)[-1] >= newest
        with closing(other.client()) as client:
            assert not client.exists(Keys(NAME).lease), "its turn is given back"


def test_no_collector_server_shows_other_host_in_redis(other: RedisServer, tmp_path: Path) -> None:
    with (
        collector(tmp_path, "--interval", "0.2", "--name", "elsewhere", "--store", other.url),
        dashapp(tmp_path, "--no-collector", "--store", other.url, "--name", "nothing") as app,
    ):
        app.serving()
        wait_for(app.newest)
        assert "dashapp.collector" not in " ".join(
            word for each in psutil.Process(app.pid).children() for word in each.cmdline()
        )


def test_dynos_write_separate_histories_to_redis(other: RedisServer, tmp_path: Path) -> None:
    env = {"REDIS_URL": other.url, "DASHAPP_INTERVAL": "0.2"}
    with (
        dashapp(tmp_path, env={**env, "DYNO": "web.1"}) as app,
        collector(tmp_path, env={**env, "DYNO": "worker.1"}),
    ):
        app.serving()
        app.moves()
        with closing(other.client()) as client:
            wait_for(lambda: client.xlen(Keys("web.1").ticks) and client.xlen(Keys("worker.1").ticks))
