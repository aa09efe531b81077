"""Alert delivery from a Redis store: several addresses share one connection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from threading import Thread

import pytest
from redis_server import RedisServer, needs_redis, redis_at
from waiting import PATIENCE_S, wait_for

from dashapp.alerts import delivery
from dashapp.alerts.delivery import AlertDelivery
from dashapp.alerts.message import Message
from dashapp.alerts.monitor import AlertMonitor
from dashapp.model.thresholds import AlertState, Threshold
from dashapp.model.ticks import Metric, Tick
from dashapp.process import threads
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.reader import RedisReader
from dashapp.stores.redis.store import RedisStore

pytestmark = needs_redis
HOT = Threshold.parse("cpu.percent > 90")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_at(tmp_path_factory.mktemp("redis")) as server:
        yield server


class Host:
    """A host whose alert fires at each second tick, and its addresses."""

    def __init__(self, redis: RedisServer, name: str, addresses: int) -> None:
        self.titles: dict[str, list[str]] = defaultdict(list)
        self.store = RedisStore(RedisClient(redis.url, PATIENCE_S), name)
        self.delivery = AlertDelivery(
            [f"json://{number}" for number in range(addresses)],
            self.store,
            self.store.notice_sink("outbox"),
            "lab",
            self._send,
            group_window=0,
        )
        self.monitor = AlertMonitor([HOT], self.store)

    def _send(self, address: str, message: Message) -> str:
        self.titles[address].append(message.title)
        return ""

    def tick(self, number: int) -> None:
        # New metrics change the documents, which makes each poll read them again.
        self.store.describe([Metric("cpu.percent", f"CPU {number}", "%", "cpu")])
        tick = Tick(1000.0 + number, 1.0, {"cpu.percent": 95.0 if number % 2 else 5.0})
        assert self.store.append(tick)
        self.delivery.put(self.monitor.observe(tick))

    def close(self) -> None:
        self.delivery.close()
        self.store.close()


@pytest.mark.parametrize("addresses", [1, 2, 5])
def test_each_address_receives_each_change_once(
    redis: RedisServer, addresses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MAX_BURST", 100)
    hosts = [Host(redis, f"{addresses}-{number}", addresses) for number in range(4)]
    for number in range(1, 7):
        for host in hosts:
            host.tick(number)
        wait_for(
            lambda: all(
                len(host.titles) == addresses and set(map(len, host.titles.values())) == {number}  # noqa: B023
                for host in hosts
            )
        )
    for host in hosts:
        # A delivery is recorded after its message is sent.
        wait_for(lambda: set(host.store.deliveries().values()) == {6})  # noqa: B023
        assert all(thread.is_alive() for thread in host.delivery._threads)
        assert {title for titles in host.titles.values() for title in titles} == {
            "lab: cpu.percent > 90: firing, at 95",
            "lab: cpu.percent > 90: resolved, at 5",
        }
        host.close()


def test_documents_are_read_whole_by_many_threads_during_writes(redis: RedisServer) -> None:
    store = RedisStore(RedisClient(redis.url, PATIENCE_S), "busy")
    problems: list[BaseException] = []
    done = False

    def read() -> None:
        try:
            while not done:
                assert {len(store.reader().metrics()), len(store.reader().thresholds())} <= {0, 3}
        except BaseException as error:
            problems.append(error)

    readers = [Thread(target=read) for _ in range(8)]
    for thread in readers:
        thread.start()
    for number in range(100):
        store.describe([Metric(f"m{number}.{each}", "", "", "m") for each in range(3)])
        store.set_thresholds([AlertState(HOT, bool(number % 2), float(number))] * 3)
        store.append(Tick(1000 + number, 1, {"a": 1.0}))
        store.drain(PATIENCE_S)
    done = True
    for thread in readers:
        thread.join(PATIENCE_S)
    assert problems == []
    store.close()


def test_store_returns_documents_before_redis_has_them(redis: RedisServer) -> None:
    store = RedisStore(RedisClient(redis.url, PATIENCE_S), "own")
    store.drain(PATIENCE_S)
    redis.freeze()
    try:
        store.set_thresholds([AlertState(HOT, True, 7.0)])
        assert store.thresholds() == [AlertState(HOT, True, 7.0)]
    finally:
        redis.thaw()
    store.close()


def test_delivery_thread_continues_after_exception(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The page shows the failure, and the message is sent once the thread works again."""
    monkeypatch.setattr(threads, "RETRY_INITIAL_S", 0.01)
    broken = True

    def compose(*words: object) -> Message:
        if broken:
            raise ValueError("a defect")
        return Message("sent", "", False)

    monkeypatch.setattr(delivery, "compose_message", compose)
    host = Host(redis, "defect", 2)
    host.tick(1)
    notices = RedisReader(RedisClient(redis.url, PATIENCE_S), "defect")

    def shown() -> str:
        notices.poll()
        return " ".join(notices.notices())

    wait_for(lambda: "thread alert delivery 1 failed (ValueError)" in shown())
    wait_for(lambda: "thread alert delivery 2 failed (ValueError)" in shown())
    assert host.titles == {}
    broken = False
    wait_for(lambda: [*host.titles.values()] == [["sent"], ["sent"]])
    wait_for(lambda: shown() == "")
    host.close()
    assert "a defect" in caplog.text
