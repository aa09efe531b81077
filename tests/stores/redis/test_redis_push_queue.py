"""The push queue in Redis: each accepted record is in one tick, even if processes die."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, ClassVar

import pytest
from push_pipeline import PushPipeline
from redis_server import RedisServer, cluster_at, needs_redis, redis_at
from redis_store import drain
from tick_pages import last_page
from waiting import PATIENCE_S

from dashapp.api.push import MAX_BODY_BYTES
from dashapp.collector.sampler import Sampler
from dashapp.config.settings import parse_settings
from dashapp.model.events import USER, Event, EventLog
from dashapp.model.ticks import PushQueueError, Tick
from dashapp.sources.external.ingest.records import GAUGE, Point, SeriesId, encode_records
from dashapp.sources.external.ingest.series import IngestedSeries
from dashapp.sources.push import PushSource
from dashapp.stores.documents import EVENTS
from dashapp.stores.factory import open_backend
from dashapp.stores.push_queue import COLLECTOR_AWAY_S
from dashapp.stores.redis import client as redis_link
from dashapp.stores.redis.client import Connection, RedisClient, Result
from dashapp.stores.redis.keys import Keys
from dashapp.stores.redis.push_queue import (
    BATCH_RECORDS,
    MAX_RECORD_BYTES,
    TICK_TIMEOUT_S,
    RedisPushReader,
    RedisPushWriter,
)
from dashapp.stores.redis.reader import RedisReader
from dashapp.stores.redis.store import RedisStore
from dashapp.stores.redis.writer import QueuedRow

pytestmark = needs_redis


class PatientClient(RedisClient):
    """A client that continues after a slow response.

    A real client stops then, and its next tick takes the rest.
    """

    def call(self, do: Callable[[Connection], Result], otherwise: Result) -> Result:
        return do(self.connection)


def redis_client(url: str) -> RedisClient:
    return RedisClient(url, PATIENCE_S)


class Collector:
    """The reading side, with a sampler as in production."""

    opened: ClassVar[list[RedisStore]] = []

    def __init__(self, url: str, inbox: RedisClient | None = None) -> None:
        self.store = RedisStore(redis_client(url), "a")
        self.opened.append(self.store)
        self.inbox = RedisPushReader(inbox or PatientClient(url, PATIENCE_S), self.store)
        source = PushSource(self.inbox, lambda: self.store.newest().time_ms, make_series=IngestedSeries)
        self.sampler = Sampler([source], self.store, 1)

    def tick(self) -> dict[str, float]:
        tick = self.sampler.tick(self.store.newest().time_ms / 1000 + 1)
        return dict(tick.values) if tick else {}

    def die(self) -> None:
        """Stop without writing the waiting ticks."""
        self.store.writer.is_lost = True
        self.store.writer.stop()
        self.store.lease.release()


@pytest.fixture(params=["redis", "redis+cluster"], scope="module")
def nodes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("redis")
    if request.param == "redis":
        with redis_at(folder) as found:
            yield found.url
    else:
        with cluster_at(folder) as (first, *_):
            yield first.url.replace("redis:", "redis+cluster:")


@pytest.fixture
def url(nodes: str) -> Iterator[str]:
    """The URL of an empty Redis."""
    with closing(RedisClient(nodes, PATIENCE_S)) as link:
        link.connection.flushall()
        yield nodes
    # Their threads would continue during the next tests and request the lease of this test.
    while Collector.opened:
        Collector.opened.pop().close()


def put(intake: RedisPushWriter, **values: float) -> None:
    intake.put(json.dumps(values).encode())


def stored_values(url: str) -> list[dict[str, float]]:
    reader = RedisReader(redis_client(url), "a")
    reader.poll()
    return [dict(tick.values) for tick in last_page(reader, 10_000).ticks]


def test_pushed_values_are_in_next_tick_once(url: str) -> None:
    intake, collector = RedisPushWriter(redis_client(url), "a"), Collector(url)
    put(intake, x=1)
    put(intake, y=2, x=3)
    assert collector.tick() == {"x": 3, "y": 2}
    assert collector.tick() == {}
    put(intake, x=4)
    assert collector.tick() == {"x": 4}
    drain(collector.store)
    assert stored_values(url) == [{"x": 3, "y": 2}, {"x": 4}]
    client, keys = redis_client(url).connection, Keys("a")
    assert client.xlen(keys.push) == 0
    assert int(client.get(keys.push_size)) == 0
    collector.store.close()


def test_points_of_series_are_in_next_tick_once(url: str) -> None:
    intake, collector = RedisPushWriter(redis_client(url), "a"), Collector(url)
    series = SeriesId("influx", GAUGE, "", "m.v", (("host", "größe"),)).encode()
    for record in [*encode_records([Point(series, 1.0, 5.0)])] * 2:
        intake.put(record)
    assert collector.tick() == {"influx.m.v.größe": 5.0}
    assert collector.tick() == {}
    drain(collector.store)
    assert stored_values(url) == [{"influx.m.v.größe": 5.0}]


def test_pushed_values_survive_collector_that_dies_before_store(url: str) -> None:
    intake, first = RedisPushWriter(redis_client(url), "a"), Collector(url)
    put(intake, x=1)
    assert first.tick() == {"x": 1}
    drain(first.store)
    put(intake, x=2)
    found: list[bytes] = []
    first.inbox.take(0, lambda record: found.append(record) or True)  # type: ignore[func-returns-value]
    assert found == [b'{"x": 2}']
    first.die()
    second = Collector(url)
    assert second.tick() == {"x": 2}
    drain(second.store)
    second.die()
    third = Collector(url)
    assert third.tick() == {}
    assert stored_values(url) == [{"x": 1}, {"x": 2}]
    third.store.close()


def test_pushed_values_are_taken_in_order_over_several_batches(url: str) -> None:
    intake, collector = RedisPushWriter(redis_client(url), "a"), Collector(url)
    for number in range(2 * BATCH_RECORDS + 7):
        put(intake, x=number)
    assert collector.tick() == {"x": 2 * BATCH_RECORDS + 6}
    drain(collector.store)
    assert redis_client(url).connection.xlen(Keys("a").push) == 0
    collector.store.close()


def test_push_queue_rejects_records_when_full_until_emptied(redis: RedisServer) -> None:
    intake, collector = RedisPushWriter(redis_client(redis.url), "a", max_bytes=1000), Collector(redis.url)
    for _ in range(9):
        intake.put(b'{"x":1' + b" " * 80 + b"}")
    with pytest.raises(PushQueueError, match="1000 bytes"):
        intake.put(b"x" * 400)
    assert collector.tick() == {"x": 1}
    drain(collector.store)
    intake.put(b"x" * 400)
    collector.store.close()


def test_push_queue_rejects_records_when_no_collector_reads(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = RedisPushWriter(redis_client(redis.url), "a")
    put(intake, x=1)
    now = time.monotonic()
    monkeypatch.setattr(intake, "_created", now - COLLECTOR_AWAY_S - 1)
    with pytest.raises(PushQueueError, match="no collector has read the push queue for 60 seconds"):
        put(intake, x=2)
    with closing(Collector(redis.url).store) as store:
        RedisPushReader(RedisClient(redis.url, PATIENCE_S), store).take(0, lambda record: True)
        put(intake, x=3)


@pytest.fixture
def open_circuit(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure send no second request, even on a slow machine."""
    monkeypatch.setattr(redis_link, "CIRCUIT_OPEN_S", PATIENCE_S)


class CommandRecorder:
    """A Redis client that records the names of its commands."""

    def __init__(self, client: Connection) -> None:
        self.asked: list[str] = []
        self._client = client

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self._client, name)


@pytest.mark.usefixtures("open_circuit")
@pytest.mark.parametrize("fault", ["freeze", "kill", "full"])
def test_19_push_queue_rejects_records_when_redis_fails(redis: RedisServer, fault: str) -> None:
    link = RedisClient(redis.url)
    intake = RedisPushWriter(link, "a")
    put(intake, x=1)
    if fault == "full":
        with closing(redis.client()) as client:
            client.config_set("maxmemory", client.info("memory")["used_memory"])
    else:
        getattr(redis, fault)()
    link._connection = counted = CommandRecorder(link.connection)
    with pytest.raises(PushQueueError, match="cannot be written"):
        put(intake, x=2)
    with pytest.raises(PushQueueError, match="cannot be written"):
        put(intake, x=3)
    assert counted.asked == ["eval"], "the second does not wait for Redis as well"


@pytest.mark.usefixtures("open_circuit")
def test_19_one_tick_waits_briefly_for_pushed_values_in_outage(redis: RedisServer) -> None:
    link = RedisClient(redis.url, TICK_TIMEOUT_S)
    collector = Collector(redis.url, link)
    collector.store.append(Tick(1, 1, {"a": 1}))
    drain(collector.store)
    link._connection = counted = CommandRecorder(link.connection)
    redis.freeze()
    for _ in range(5):
        collector.tick()
    assert counted.asked == ["pipeline"], "one tick waits for it, briefly, and no other"
    redis.thaw()
    collector.store.close()


def test_oversized_records_of_another_program_are_left_out(redis: RedisServer) -> None:
    """They came whole into the collector: any number of them, of up to 512 MB each."""
    collector = Collector(redis.url)
    collector.store.append(Tick(1, 1, {"a": 1}))
    drain(collector.store)
    with redis.client() as connection:
        for _ in range(3):
            # A record of 8 MB and 700,000 names took five seconds of a tick.
            connection.xadd(Keys("a").push, {"r": f'{{"y": 1{" " * MAX_RECORD_BYTES}}}'})
        connection.xadd(Keys("a").push, {"r": b'{"x": 1}'})
    gc.collect()
    tracemalloc.start()
    try:
        assert collector.tick() == {"x": 1}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MAX_RECORD_BYTES


E = "\U0001f680"  # four bytes of a request, and twelve of a record


@pytest.mark.parametrize(
    "entry",
    [
        {"event": E * 200, "t": 1},
        {"run": {"name": E * 64}, "metrics": {}},
        {"run": {"name": E * 64, "id": E * 64, "config": {E * 200: E * 200}}, "metrics": {"a": 1}},
        {"run": {"name": "a"}},
        {"event": "a"},
    ],
)
def test_largest_records_of_requests_are_below_limit(entry: dict[str, Any]) -> None:
    pipeline = PushPipeline()
    length = len(json.dumps(entry, ensure_ascii=False).encode()) + 2
    body = json.dumps([entry] * min(1000, MAX_BODY_BYTES // length), ensure_ascii=False).encode()
    assert pipeline.push(body).status == 200
    assert max(map(len, pipeline.queue._records)) < MAX_RECORD_BYTES


def test_redis_has_documents_of_records_before_it_removes_them(url: str) -> None:
    """A collector that is killed in between loses no mark and no action."""
    intake, collector = RedisPushWriter(redis_client(url), "a"), Collector(url)
    writer, keys = collector.store.writer, collector.store.lease.keys
    send, found = writer._send, []
    with closing(redis_client(url)) as client:

        def observe(rows: list[QueuedRow]) -> None:
            if any(row.pushed for row in rows):
                found.append(client.connection.hexists(keys.documents, "events"))
            send(rows)

        writer._send = observe  # type: ignore[method-assign]
        put(intake, x=1)
        collector.inbox.take(0, lambda record: True)
        # Not write_document, which would start a round before the tick.
        writer.documents.put(EVENTS.name, EVENTS.encode(EventLog((Event(1, "deploy", USER, 1),))))
        assert collector.store.append(Tick(1_795_218_000.0, 1, {"x": 1}))
        assert collector.store.drain(PATIENCE_S)
    assert found == [True]


def test_queues_of_all_hosts_share_their_connections(url: str) -> None:
    backend = open_backend(parse_settings(["--store", url, "--name", "a"], {}))
    assert backend is not None
    writers: list[Any] = [backend.push_writer(), backend.push_writer("b"), backend.push_writer("c")]
    for writer in writers:
        put(writer, x=1)
    assert len({id(writer._client) for writer in writers}) == 1
    assert [values_waiting(url, name) for name in ("a", "b", "c")] == [1, 1, 1]


def values_waiting(url: str, host: str) -> int:
    with closing(redis_client(url)) as client:
        return int(client.connection.xlen(Keys(host).push))
