"""Streams of a page in this process: each tick once for each reader, the same bytes for all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from threading import Event, current_thread
from typing import Any
from urllib.parse import quote

import pytest
from authenticated_app import METRICS
from stream_client import AsgiClient, AsgiExchange, SentEvent, asgi_client
from waiting import PATIENCE_S, wait_for
from wsgi_client import ask

from dashapp.api.endpoints import Api
from dashapp.api.frame_builder import Answer
from dashapp.api.streaming import tick_streams
from dashapp.api.streaming.question import StreamQuestion
from dashapp.http.connections import MIN_BYTES, STALL_TIMEOUT_S
from dashapp.http.streams import MAX_WAITING_EVENTS
from dashapp.model.ticks import Curves, Tick
from dashapp.stores.memory import MemoryStore


class Page:
    """A store whose ticks a test appends, its API, and the clients of that."""

    client: AsgiClient

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.store.describe(METRICS)
        self.time = int(time.time()) - 50
        # A tick is always due.
        self.api = Api(self.store, now=lambda: self.time + 1.05)
        for _ in range(30):
            self.tick()

    def tick(self) -> int:
        """Append a tick, and return its time in milliseconds."""
        self.time += 1
        value = float(self.time % 100)
        self.store.append(
            Tick(self.time, 1, {"cpu.percent": value, "memory.percent": 2.0, "secret.plan": 1.0})
        )
        return 1000 * self.time

    def open(self, query: str = "window=20&metrics=cpu.percent", **more: Any) -> AsgiExchange:
        """Open a stream and wait for its first event."""
        exchange = self.client.request(f"/api/stream?{query}", **more)
        wait_for(lambda: exchange.events)
        return exchange

    def answer(self, query: str) -> Any:
        return ask(self.api, f"/api/ticks?{query}").json


@pytest.fixture
def page() -> Iterator[Page]:
    page = Page()
    with asgi_client(page.api) as page.client:
        yield page


def times(events: Sequence[SentEvent]) -> list[int]:
    return [t for event in events for t in event.data["t"]]


def wait_time(exchange: AsgiExchange, time_ms: int) -> list[SentEvent]:
    """Wait until a stream has a tick, and return all its events."""
    wait_for(lambda: time_ms in times(exchange.events))
    return exchange.events


def test_stream_has_the_window_and_then_each_tick_once(page: Page) -> None:
    stream = page.open()
    first = stream.events[0]
    assert first.data == page.answer("window=20&metrics=cpu.percent")
    assert first.data["reset"]
    for _ in range(5):
        previous = stream.events[-1]
        time_ms = page.tick()
        newest = wait_time(stream, time_ms)[-1]
        # The same as of a poll with the cursor before.
        assert newest.data == page.answer(f"window=20&metrics=cpu.percent&after={previous.id}")
        assert newest.id == newest.data["cursor"]
        assert not newest.data["reset"]
    all_times = times(stream.events)
    assert all_times == sorted(set(all_times))
    assert len(all_times) == len(first.data["t"]) + 5
    assert stream.text.startswith(b"retry:")
    assert stream.headers["content-type"] == "text/event-stream"
    assert stream.headers["cache-control"] == "no-store"
    assert stream.headers["x-accel-buffering"] == "no"


@pytest.mark.parametrize("by", ["header", "after", "header before after"])
def test_stream_continues_from_its_cursor(page: Page, by: str) -> None:
    stream = page.open()
    page.client.leave(stream)
    stream.result()
    last = stream.events[-1].id
    missed = [page.tick() for _ in range(3)]
    query = "window=20&metrics=cpu.percent"
    if by == "header":
        again = page.open(query, last_event_id=last)
    elif by == "after":
        again = page.open(f"{query}&after={last}")
    else:
        again = page.open(f"{query}&after=AAAAAAAAAAA.1", last_event_id=last)
    assert times(again.events) == missed
    assert not again.events[0].data["reset"]
    assert times(wait_time(again, newest := page.tick())) == [*missed, newest]


@pytest.mark.parametrize(
    "forged",
    ["", "x", "0" * 16 + ".1795218017000", ",", "-", "a.1,b.2", "\xff", "." * 5000, "9" * 64, "%0aid:1"],
)
def test_forged_or_old_id_gets_the_whole_window(page: Page, forged: str) -> None:
    stream = page.open(last_event_id=forged)
    assert stream.status == 200
    assert stream.events[0].data == page.answer("window=20&metrics=cpu.percent")
    wait_time(stream, page.tick())


def test_all_readers_get_the_same_bytes_built_once(page: Page) -> None:
    streams = [page.open() for _ in range(5)]
    late = page.open(f"metrics=cpu.percent&window=20&after={streams[0].events[-1].id}")
    builds = []
    builder = page.api._builder
    ticks = builder.ticks
    builder.ticks = lambda *arguments: builds.append(arguments) or ticks(*arguments)  # type: ignore[method-assign, func-returns-value]
    for _ in range(3):
        time_ms = page.tick()
        for stream in [*streams, late]:
            wait_time(stream, time_ms)
        last = {stream.messages[-1]["body"] for stream in streams}
        assert len(last) == 1
    # The late one has written its parameters in another order, which makes it another question.
    assert len(builds) == 2 * 3


def test_reader_who_comes_while_a_tick_is_built_gets_it_once(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = page.open()
    builds, may_end = Event(), Event()
    answer = StreamQuestion.answer

    def slow(*arguments: Any) -> Answer:
        if current_thread().name == "dashapp streams":
            builds.set()
            may_end.wait(PATIENCE_S)
        return answer(*arguments)

    monkeypatch.setattr(StreamQuestion, "answer", slow)
    time_ms = page.tick()
    wait_for(builds.is_set)
    late = page.open()
    assert times(late.events)[-1] == time_ms
    may_end.set()
    wait_time(early, time_ms)
    next_ms = page.tick()
    assert times(wait_time(early, next_ms))[-2:] == [time_ms, next_ms]
    # Now the two are in one bucket.
    assert times(wait_time(late, next_ms))[-2:] == [time_ms, next_ms]
    assert len(page.api._streams._streams._buckets) == 1


def test_several_questions_share_one_stream(page: Page) -> None:
    queries = ["window=20&metrics=cpu.percent", "window=10&metrics=memory.percent", "metrics=nothing"]
    stream = page.open("&".join(f"q={quote(query, safe='')}" for query in queries))
    whole, narrow, wrong = stream.events[0].data["frames"]
    assert whole == page.answer(queries[0])
    assert narrow == page.answer(queries[1])
    assert "is not a metric" in wrong["error"]
    time_ms = page.tick()
    event = wait_for(lambda: stream.events[1])
    assert [frame.get("t") for frame in event.data["frames"]] == [[time_ms], [time_ms], None]
    page.client.leave(stream)
    missed = page.tick()
    again = page.open("&".join(f"q={quote(query, safe='')}" for query in queries), last_event_id=event.id)
    assert [frame.get("t") for frame in again.events[0].data["frames"]] == [[missed], [missed], None]


def test_new_generation_of_the_store_gets_the_whole_window(page: Page) -> None:
    stream = page.open()
    page.store.clear()
    time_ms = page.tick()
    event = wait_time(stream, time_ms)[-1]
    assert event.data["reset"]
    assert event.data["t"] == [time_ms]


def test_coarse_window_has_an_event_for_each_tick_with_its_values(page: Page) -> None:
    for _ in range(3000):
        page.tick()
    stream = page.open("window=7200&metrics=cpu.percent&points=50")
    first = stream.events[0].data
    assert first["step"] > 1
    for _ in range(3):
        time_ms = page.tick()
        wait_for(lambda: stream.events[-1].data["newest"] == time_ms)  # noqa: B023
        event = stream.events[-1]
        assert not event.data["reset"]
        assert event.data["last"]["cpu.percent"] == page.time % 100
    points = times(stream.events)
    assert points == sorted(set(points))


def test_curves_come_with_each_tick(page: Page) -> None:
    stream = page.open("window=20&curves=1")
    assert "curves" not in stream.events[0].data
    page.store.set_curves({"cpu": Curves([[1.0, 2.0]], [[3.0, 4.0]], ["a"])})
    event = wait_time(stream, page.tick())[-1]
    assert list(event.data["curves"]) == ["cpu"]


def test_slow_reader_is_closed_and_delays_nobody(page: Page) -> None:
    quick = page.open()
    slow = page.client.request("/api/stream?window=20&metrics=cpu.percent", stalled=True)
    # In a bucket with the others as soon as its first event waits.
    for _ in range(MAX_WAITING_EVENTS + 3):
        time_ms = page.tick()
        wait_time(quick, time_ms)
    page.client.read_on(slow)
    wait_for(lambda: slow.done.done() or time_ms in times(slow.events))
    received = times(slow.events)
    assert received == sorted(set(received))
    assert not quick.is_ended


def test_answer_that_fails_ends_its_streams_and_delays_no_other(
    page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing, other = page.open("window=20&metrics=memory.percent"), page.open()
    answer = StreamQuestion.answer

    def fail(question: StreamQuestion, *arguments: Any) -> Answer:
        if "memory" in question.text:
            raise ZeroDivisionError
        return answer(question, *arguments)

    monkeypatch.setattr(StreamQuestion, "answer", fail)
    wait_time(other, page.tick())
    failing.result()
    assert failing.is_ended
    wait_time(other, page.tick())
    assert [record.message for record in caplog.records] == ["the answer to a stream failed"]


def test_silent_store_keeps_its_streams_alive(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tick_streams, "KEEP_ALIVE_S", 0.01)
    stream = page.open()
    wait_for(lambda: stream.text.count(b"\n: no new tick") >= 2)
    assert len(stream.events) == 1
    wait_time(stream, page.tick())


def test_keep_alive_moves_enough_bytes_for_the_watch_of_connections() -> None:
    # One of them may come shortly after the time in question.
    count = STALL_TIMEOUT_S // tick_streams.KEEP_ALIVE_S - 1
    assert count * len(tick_streams.KEEP_ALIVE["body"]) >= MIN_BYTES


def test_thread_ends_with_the_last_stream(page: Page) -> None:
    streams = [page.open() for _ in range(3)]
    ticks = page.api._streams._streams
    assert ticks._is_running
    for stream in streams:
        page.client.leave(stream)
    wait_for(lambda: not ticks._is_running)
    assert ticks._buckets == {}
    assert ticks._bucket_of == {}
    again = page.open()
    wait_time(again, page.tick())


def test_events_are_json_of_one_line(page: Page) -> None:
    stream = page.open("window=20")
    for line in stream.text.decode().split("\n"):
        if line.startswith("data:"):
            json.loads(line[5:])


def test_large_later_event_ends_the_streams_and_is_built_once(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server would copy it for each. They get it when they ask again, a few at a time."""
    monkeypatch.setattr(tick_streams, "MAX_WHOLE_BYTES", 100)
    slow, reader = page.open(), page.open()
    stream_count = len(slow.messages)
    builder = page.api._builder
    ticks, builds = builder.ticks, []
    builder.ticks = lambda *arguments: builds.append(1) or ticks(*arguments)  # type: ignore[method-assign, func-returns-value]
    page.tick()
    for stream in (slow, reader):
        stream.result()
        assert stream.is_ended
        assert len(stream.messages) == stream_count + 1
    assert len(builds) == 1
