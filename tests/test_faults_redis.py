"""Fault 19, and those around it, with everything real: a page's redis, a collector, a Redis that fails."""

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


@pytest.fixture
def app(redis: RedisServer, tmp_path: Path) -> Iterator[Dashapp]:
    with dashapp(tmp_path, *FAST, env={"REDIS_URL": redis.url}) as process:
        process.serving()
        process.moves()
        yield process


def stored(redis: RedisServer) -> list[int]:
    with closing(redis.client()) as client:
        return [int(fields[b"t"]) for _id, fields in client.xrange(Keys(NAME).ticks)]


def answers(app: Dashapp, seconds: float) -> None:
    """For so long, whatever is asked is answered at once."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for path in ("/", "/api/ticks?window=100", "/api/ticks?window=86400", "/api/metrics", "/healthz"):
            start = time.monotonic()
            assert app.get(path, timeout=5)[0] == 200, path
            assert time.monotonic() - start < 2, path


def test_it_serves_and_collects_without_a_folder(app: Dashapp, redis: RedisServer, tmp_path: Path) -> None:
    assert f"(store: {redis.url})" in app.said
    assert not (tmp_path / "data").exists()
    assert on_grid(stored(redis), STEP)
    assert set(app.shown()) <= set(stored(redis))


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
def test_19_it_answers_meanwhile_says_so_and_heals_without_a_hole(
    app: Dashapp, redis: RedisServer, fault: Callable[[RedisServer], Callable[[], None]]
) -> None:
    mend = fault(redis)
    answers(app, 5)
    assert f"Redis at 127.0.0.1:{redis.port}" in app.notices() or fault is fill_up
    if fault is fill_up:
        wait_for(lambda: "is full" in app.notices())
    assert app.get("/readyz")[0] == 503
    before = app.newest()
    mend()
    start = time.monotonic()
    wait_for(lambda: app.newest() > before)
    assert time.monotonic() - start < 3
    wait_for(lambda: not app.notices())
    times = stored(redis)
    assert on_grid(times, STEP)
    # Nothing that was measured meanwhile is lost; a starved machine leaves a deadline out, not seconds.
    assert all(new - old <= 3 * STEP for old, new in holes(times, STEP))


def test_19_flushed_the_page_begins_anew(app: Dashapp, redis: RedisServer) -> None:
    cursor = app.ticks()["cursor"]
    with closing(redis.client()) as client:
        client.flushall()
    wait_for(lambda: app.ticks(after=cursor)["reset"] or None)
    assert app.ticks()["cursor"].split(".")[0] != cursor.split(".")[0]
    app.moves()
    wait_for(lambda: app.get("/api/metrics")[1] != b"[]")
    assert on_grid(stored(redis), STEP)


def test_19_evicted_it_goes_on(tmp_path: Path) -> None:
    flags = ("--maxmemory", "2mb", "--maxmemory-policy", "allkeys-lru")
    with (
        redis_at(tmp_path / "redis", *flags) as redis,
        dashapp(tmp_path, *FAST, "--store", redis.url) as app,
    ):
        app.serving()
        app.moves()
        with closing(redis.client()) as client:
            for number in range(400):
                client.set(f"theirs:{number}", b"x" * 20_000)
            assert client.info("stats")["evicted_keys"] > 0
        answers(app, 2)
        app.moves()
        wait_for(lambda: app.get("/api/metrics")[1] != b"[]")
        assert app.popen.poll() is None


def test_19_away_at_first_the_page_comes_up_and_heals(redis: RedisServer, tmp_path: Path) -> None:
    redis.kill()
    with dashapp(tmp_path, *FAST, "--store", redis.url) as app:
        app.serving()
        answers(app, 2)
        assert "cannot be reached" in app.notices()
        redis.start()
        wait_for(app.newest)
        wait_for(lambda: not app.notices())


def test_5_two_collectors_of_one_name(redis: RedisServer, tmp_path: Path) -> None:
    flags = (*FAST, "--store", redis.url)
    with collector(tmp_path, *flags) as first:
        wait_for(lambda: len(stored(redis)) > 5)
        with collector(tmp_path, *flags) as second:
            wait_for(lambda: "standing by" in second.said)
            first.popen.kill()
            killed = time.time() * 1000
            wait_for(lambda: stored(redis)[-1] > killed + 3 * STEP)
            times = stored(redis)
            assert on_grid(times, STEP)
            late = [(old, new) for old, new in holes(times, STEP) if new - old >= 3000]
            assert not late, (late, killed, second.said)


def test_5_a_writer_that_was_frozen_writes_nothing_doubly(redis: RedisServer, tmp_path: Path) -> None:
    flags = (*FAST, "--store", redis.url)
    with collector(tmp_path, *flags) as first:
        wait_for(lambda: len(stored(redis)) > 5)
        with collector(tmp_path, *flags) as second:
            first.popen.send_signal(signal.SIGSTOP)
            stopped = time.time() * 1000
            wait_for(lambda: stored(redis)[-1] > stopped + 3 * STEP)
            first.popen.send_signal(signal.SIGCONT)
            wait_for(lambda: "stands by" in first.said)
            count = len(stored(redis))
            wait_for(lambda: len(stored(redis)) > count + 10)
            assert on_grid(stored(redis), STEP)
            assert second.popen.poll() is None


def test_several_workers_answer_alike(redis: RedisServer, tmp_path: Path) -> None:
    with dashapp(tmp_path, *FAST, "--store", redis.url, "--workers", "2") as app:
        app.serving()
        # Each of the two has heard of a tick.
        wait_for(lambda: all(app.newest() for _ in range(20)))
        cursor = app.ticks()["cursor"]
        app.moves()
        assert not any(app.ticks(after=cursor)["reset"] for _ in range(20))


def test_serving_alone_shows_whoever_collects(redis: RedisServer, tmp_path: Path) -> None:
    with (
        collector(tmp_path, "--interval", "0.2", "--name", "elsewhere", "--store", redis.url),
        dashapp(tmp_path, "--no-collector", "--store", redis.url, "--name", "nothing") as app,
    ):
        app.serving()
        wait_for(app.newest)
        assert "dashapp.collector" not in " ".join(
            word for each in psutil.Process(app.pid).children() for word in each.cmdline()
        )


def test_7_the_last_tick_is_stored_when_it_ends(redis: RedisServer, tmp_path: Path) -> None:
    with dashapp(tmp_path, *FAST, "--store", redis.url) as app:
        app.serving()
        app.moves()
        app.popen.terminate()
        ended = time.time() * 1000
        assert app.wait(5) == 0
        assert stored(redis)[-1] >= ended - 3 * STEP
        with closing(redis.client()) as client:
            assert not client.exists(Keys(NAME).turn), "its turn is given back"


def test_a_platform_with_redis_keeps_each_machine_apart(redis: RedisServer, tmp_path: Path) -> None:
    env = {"REDIS_URL": redis.url, "DASHAPP_INTERVAL": "0.2"}
    with (
        dashapp(tmp_path, env={**env, "DYNO": "web.1"}) as app,
        collector(tmp_path, env={**env, "DYNO": "worker.1"}),
    ):
        app.serving()
        app.moves()
        with closing(redis.client()) as client:
            wait_for(lambda: client.xlen(Keys("web.1").ticks) and client.xlen(Keys("worker.1").ticks))
