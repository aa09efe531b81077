"""All hosts of a Redis in one web process: read from memory, polled by one thread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest
from redis_server import RedisServer, cluster_at, needs_redis
from redis_store import CPU, times, write
from tick_pages import last_page, page_after
from waiting import PATIENCE_S, stays, wait_for
from wsgi_client import ask

from dashapp.api.endpoints import Api
from dashapp.model.ticks import Tick
from dashapp.process import threads
from dashapp.query.frames import live_frame
from dashapp.stores.redis import hosts as redis_hosts
from dashapp.stores.redis import reader as redis_reader
from dashapp.stores.redis import writer
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.hosts import DefaultHostReader, RedisHosts
from dashapp.stores.redis.keys import REGISTRY_KEY, Keys
from dashapp.stores.redis.reader import RedisReader
from dashapp.stores.redis.store import RedisStore

pytestmark = needs_redis


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first request wait for Redis, also on a slow machine.

    test_hosts_outage.py tests the timeout.
    """
    monkeypatch.setattr(redis_hosts, "FIRST_POLL_TIMEOUT_S", PATIENCE_S)


@pytest.fixture
def store(redis: RedisServer) -> Iterator[RedisStore]:
    with closing(RedisStore(RedisClient(redis.url), "a")) as found:
        yield found


@pytest.fixture
def hosts(redis: RedisServer) -> Iterator[RedisHosts]:
    with closing(RedisHosts(RedisClient(redis.url), "a")) as found:
        yield found


def test_first_read_returns_stored_ticks_and_metrics(store: RedisStore, hosts: RedisHosts) -> None:
    store.describe([CPU])
    write(store, 1, 2, 3)
    reader = hosts.own()
    assert reader.newest().time_ms == 3000
    assert times(reader) == [1, 2, 3]
    assert reader.metrics() == [CPU]


@pytest.mark.parametrize(("max_chars", "expected"), [(1, 32), (5000, 50), (1 << 20, 300)])
def test_first_poll_reads_as_many_rows_as_fit(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch, max_chars: int, expected: int
) -> None:
    """The polls of a process share one thread, so a very wide host must not occupy it for long."""
    write(store, *range(1001, 1301))
    row = len(Tick(1001, 1, {"cpu.percent": 12.5, "other": 3.0}).encode())
    monkeypatch.setattr(redis_reader, "MAX_FIRST_CHARS", max_chars * row // 100)
    reader = RedisReader(store.lease.client, "a")
    reader.poll()
    assert len(reader.snapshot()._columns.t) == expected
    assert [tick.time for tick in reader.since(float("-inf"), 1000)] == [*range(1001, 1301)]
    frame, is_whole = reader.snapshot().ticks(1_000_000, 1_300_000, None)
    assert (len(frame.t), is_whole) == (300, False)
    write(store, *range(1301, 1341))
    reader.poll()
    assert reader.newest().time_ms == 1_340_000
    assert [tick.time for tick in reader.since(1250, 1000)] == [*range(1251, 1341)]


def test_reader_returns_only_new_tick_after_cursor(store: RedisStore, hosts: RedisHosts) -> None:
    write(store, 1, 2, 3)
    reader = hosts.own()
    cursor = last_page(reader, 10).cursor
    write(store, 4)
    wait_for(lambda: reader.newest().time_ms == 4000)
    page = page_after(reader, cursor, 10)
    assert ([tick.time for tick in page.ticks], page.reset) == ([4], False)


def test_hosts_lists_each_host_with_values_and_arrival_time(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts
) -> None:
    begun = time.time() * 1000
    write(store, 1000)
    with closing(RedisStore(RedisClient(redis.url), "b.c-d_9")) as other:
        write(other, 2000)
        found = hosts.hosts()
    now = hosts.now_ms()
    ended = time.time() * 1000
    assert [(host.name, host.newest_ms, host.step) for host in found] == [
        ("a", 1_000_000, 1),
        ("b.c-d_9", 2_000_000, 1),
    ]
    assert found[0].values == {"cpu.percent": 12.5}
    # The clock of this host is decades behind; its arrival by the clock of Redis shows that it is live.
    assert all(begun - 1000 < host.arrived_ms < ended + 1000 for host in found)
    assert begun - 1000 < now < ended + 1000
    reader = hosts.reader("b.c-d_9")
    assert reader is not None
    assert times(reader) == [2000]
    assert hosts.reader("nobody") is None


def test_reader_returns_ticks_of_its_host_only(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts
) -> None:
    write(store, 1)
    with closing(RedisStore(RedisClient(redis.url), "b")) as other:
        write(other, 1, 2)
        wait_for(lambda: hosts.reader("b") is not None)
        reader = hosts.reader("b")
        assert reader is not None
        assert times(reader) == [1, 2]
        page = page_after(reader, last_page(hosts.own(), 10).cursor, 10)
    assert page.reset


@pytest.mark.parametrize(
    "text", ["", "x", "1", "1 []", '1 [1,1,"x"]', "1 {}", "\xff", "9" * 400, "1 " + "[" * 9999]
)
def test_hosts_skips_invalid_registry_entries(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts, text: str
) -> None:
    write(store, 1)
    with closing(redis.client()) as client:
        client.hset(REGISTRY_KEY, "evil", text.encode("latin-1"))
        client.hset(REGISTRY_KEY, b"\xff\xfe", b"1 [1,1,{}]")
    assert [host.name for host in hosts.hosts()] == ["a"]


def test_reader_skips_invalid_stream_entries_and_documents(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts
) -> None:
    write(store, 1)
    with closing(redis.client()) as client:
        for fields in ({"d": "junk"}, {"x": "y"}, {"t": "5", "d": "[1e999,1,{}]"}, {"d": b"\xff"}):
            client.xadd(Keys("a").ticks, fields)
        client.hset(
            Keys("a").documents,
            mapping={"metrics": "nope", "curves": b"\xff", "mark": "99", "notice.x": b"\xff"},
        )
    assert times(hosts.own()) == [1]
    assert hosts.own().metrics() == []
    assert hosts.own().curves() == {}


@pytest.mark.parametrize("part", ["ticks", "documents", "generation"])
def test_unreadable_host_does_not_delay_others(redis: RedisServer, hosts: RedisHosts, part: str) -> None:
    """Another program wrote a key of a host with another type."""
    with closing(RedisStore(RedisClient(redis.url), "b")) as store, closing(redis.client()) as client:
        write(store, 1)
        client.hset(REGISTRY_KEY, "a", client.hget(REGISTRY_KEY, "b"))
        key = getattr(Keys("a"), part)
        if part == "generation":
            client.hset(key, "x", "y")
        else:
            client.set(key, "x")
        bad, good = hosts.own(), hosts.reader("b")
        assert good is not None
        bad.newest()
        for second in range(2, 6):
            write(store, second)
            wait_for(lambda second=second: good.newest().time_ms == 1000 * second)  # type: ignore[misc]
        assert good.notices() == []
        wait_for(lambda: bad.notices() != [])
        assert bad.notices()[0].startswith("The data of a in Redis cannot be read (WRONGTYPE")
        client.delete(key)
        wait_for(lambda: (bad.newest(), bad.notices())[1] == [])


def test_hosts_poll_at_most_five_times_per_second_with_many_viewers(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts
) -> None:
    write(store, 1)
    reader = hosts.own()
    reader.newest()
    over, looks = Event(), [0] * 8
    with closing(redis.client()) as client:

        def look(place: int) -> None:
            while not over.wait(0.001):
                last_page(reader, 10)
                looks[place] += 1

        before = client.info("commandstats")["cmdstat_get"]["calls"]
        start, polls = time.monotonic(), hosts.polls
        threads = [Thread(target=look, args=(place,)) for place in range(8)]
        for each in threads:
            each.start()
        # A tick is overdue the whole time.
        wait_for(lambda: hosts.polls >= polls + 4 and min(looks) > 50)
        over.set()
        for each in threads:
            each.join()
        done, seconds = hosts.polls - polls, time.monotonic() - start
        assert done <= seconds / redis_hosts.MIN_POLL_INTERVAL_S + 1
        # Each poll gets the generation of one host; the heartbeats of the writer add some calls.
        asked = client.info("commandstats")["cmdstat_get"]["calls"] - before
        assert asked <= 3 * (done + 1) + 4 * seconds / writer.HEARTBEAT_S


def test_hosts_poll_only_when_tick_is_due(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_hosts, "MAX_POLL_INTERVAL_S", PATIENCE_S)
    write(store, 1, step=0.5)
    reader = hosts.own()
    assert times(reader) == [1]
    write(store, 2, step=3600)
    wait_for(lambda: times(reader) == [1, 2])
    polls = hosts.polls
    three_heartbeats = heartbeats_sent(redis, 3)
    stays(lambda: times(reader) == [1, 2] and hosts.polls <= polls + 1, three_heartbeats)


def heartbeats_sent(redis: RedisServer, count: int) -> Callable[[], bool]:
    """Return a check whether the writer has sent `count` more heartbeats, two a second."""

    def calls() -> int:
        with closing(redis.client()) as client:
            found = client.info("commandstats")
        return sum(int(found.get(f"cmdstat_{verb}", {}).get("calls", 0)) for verb in ("eval", "evalsha"))

    first = calls()
    return lambda: calls() >= first + count


def test_hosts_stop_polling_and_free_memory_when_unused(
    redis: RedisServer, store: RedisStore, hosts: RedisHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, 1, 2)
    reader = hosts.own()
    assert times(reader) == [1, 2]
    with monkeypatch.context() as patched:
        patched.setattr(redis_hosts, "UNUSED_AFTER_S", 0.0)
        wait_for(lambda: not reader.loaded)
        polls = hosts.polls
        stays(lambda: hosts.polls <= polls + 1, heartbeats_sent(redis, 2))
    write(store, 3)
    hosts._waited_at.clear()
    assert times(reader) == [1, 2, 3]


def test_hosts_poll_in_forked_process(store: RedisStore, hosts: RedisHosts) -> None:
    write(store, 1)
    assert times(hosts.own()) == [1]
    child = os.fork()
    if not child:
        polls = hosts.polls
        end = time.monotonic() + PATIENCE_S
        while hosts.polls == polls and time.monotonic() < end:
            hosts.own().newest()
            time.sleep(0.02)  # no helper that raises: a forked child ends by its exit code
        os._exit(0 if hosts.polls > polls else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_cluster_distributes_hosts_over_nodes(tmp_path: Path) -> None:
    with cluster_at(tmp_path) as nodes:
        url = nodes[0].url.replace("redis://", "redis+cluster://")
        names = ["a", "b", "c", "web.1", "worker.1"]
        stores = [RedisStore(RedisClient(url), name) for name in names]
        for place, each in enumerate(stores):
            write(each, 1, 2, 3 + place)
        with closing(RedisHosts(RedisClient(url), "a")) as hosts:
            assert [host.name for host in hosts.hosts()] == names
            for place, name in enumerate(names):
                reader = hosts.reader(name)
                assert reader is not None
                assert times(reader) == [1, 2, 3 + place]
        for each in stores:
            each.close()
        held = []
        for node in nodes:
            with closing(node.client()) as client:
                held.append({key.split(b"}")[0] for key in client.keys("dashapp:{*")})
        assert sum(map(len, held)) == len(set().union(*held)) == len(names)
        assert sum(map(bool, held)) > 1


def test_default_reader_uses_first_host_without_local_collector(
    redis: RedisServer, hosts: RedisHosts
) -> None:
    with closing(RedisStore(RedisClient(redis.url), "b")) as other:
        write(other, 1, 2)
        wait_for(lambda: hosts.hosts())
        assert times(DefaultHostReader(hosts, "a", collects=False)) == [1, 2]
        assert times(DefaultHostReader(hosts, "a", collects=True)) == []


def test_polling_continues_after_exception_and_page_shows_it(
    store: RedisStore, hosts: RedisHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exception is outside a poll, whose own exceptions are handled there."""
    monkeypatch.setattr(threads, "RETRY_INITIAL_S", 0.01)
    monkeypatch.setattr(threads, "RETRY_MAX_S", 0.02)
    write(store, 1)
    reader = hosts.own()
    assert times(reader) == [1]
    failing = True
    seconds_to_next_poll = hosts._seconds_to_next_poll

    def fail() -> float:
        if failing:
            raise KeyError("a defect")
        return seconds_to_next_poll()

    monkeypatch.setattr(hosts, "_seconds_to_next_poll", fail)
    wait_for(lambda: "thread dashapp redis reader failed (KeyError)" in " ".join(reader.notices()))
    write(store, 2)
    wait_for(lambda: times(reader) == [1, 2])
    failing = False
    wait_for(lambda: reader.notices() == [])


def test_hosts_are_added_during_polls(redis: RedisServer, hosts: RedisHosts) -> None:
    """Requests for new hosts come in other threads than the polls."""
    stores = [RedisStore(RedisClient(redis.url), f"host{number}") for number in range(20)]
    for store in stores:
        write(store, 1)
    wait_for(lambda: len(hosts.hosts()) == len(stores))
    for number in range(len(stores)):
        reader = hosts.reader(f"host{number}")
        assert reader is not None
        assert times(reader) == [1]
        hosts._seconds_to_next_poll()
    assert hosts.notices() == []
    for store in stores:
        store.close()


def test_second_request_waits_for_first_data_as_well(redis: RedisServer, store: RedisStore) -> None:
    """Otherwise the first CSV of a page is empty if the page itself is still waiting."""
    store.describe([CPU])
    write(store, 1, 2, 3)
    with closing(RedisHosts(RedisClient(redis.url), "a")) as hosts, ThreadPoolExecutor(4) as requests:
        reader = hosts.own()
        found = [requests.submit(lambda: (reader.newest().time_ms, reader.is_loaded)) for _ in range(4)]
        assert {each.result() for each in found} == {(3000, True)}
        assert ask(Api(reader), "/api/csv").body.startswith(b"time,cpu.percent,")


def test_window_comes_whole_after_host_without_requests_and_late_poll(
    redis: RedisServer, store: RedisStore
) -> None:
    """A reader that has dropped its ticks must not give a cursor of the window before."""
    write(store, 1, 2)
    client = RedisClient(redis.url)
    reader = RedisReader(client, "a")
    reader.poll()
    reader.release()
    frame = live_frame(reader, 100)
    assert not len(frame.t)
    reader.poll()
    frame = live_frame(reader, 100, frame.cursor)
    assert (frame.reset, frame.t.tolist()) == (True, [1000, 2000])
    client.close()


def test_few_requests_wait_for_first_data_of_hosts(redis: RedisServer, hosts: RedisHosts) -> None:
    """A client can request many hosts, and each waiting request occupies a thread."""
    names = [f"h{number}" for number in range(redis_hosts.MAX_WAITING_REQUESTS + 1)]
    now = round(time.time() * 1000)
    entry = f"{now} [{now},1,{{}}]"
    with closing(redis.client()) as client:
        client.hset(REGISTRY_KEY, mapping=dict.fromkeys(names, entry))
    hosts.hosts()
    readers = [reader for name in names if (reader := hosts.reader(name))]
    assert len(readers) == len(names)
    hosts.close()  # no poll answers from now on
    waiting = [Thread(target=reader.newest) for reader in readers[1:]]
    for thread in waiting:
        thread.start()
    wait_for(lambda: hosts._waiting._value == 0)
    # This one does not wait.
    assert readers[0].newest().time_ms == 0
    assert all(thread.is_alive() for thread in waiting)
    for reader in readers:
        reader.loaded = True
    with hosts._polled:
        hosts._polled.notify_all()
    for thread in waiting:
        thread.join()
