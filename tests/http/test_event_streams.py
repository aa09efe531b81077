"""Streams of slow, gone and no longer authorised clients, in a real event loop."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from stream_client import asgi_client
from waiting import PATIENCE_S, wait_for

from dashapp.http import asgi
from dashapp.http.asgi import AsgiBridge
from dashapp.http.large_responses import (
    MAX_LARGE_RESPONSES,
    MAX_WHOLE_BYTES,
    PART_BYTES,
)
from dashapp.http.streams import (
    IN_EVENT_LOOP,
    MAX_WAITING_EVENTS,
    STILL_ALLOWED,
    EventStream,
    OpenStreams,
    StreamBody,
    WouldBlockError,
    event_message,
    may_block,
)
from dashapp.http.types import StartResponse

Sent = list[dict[str, Any]]


def in_loop(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run in a thread of its own: a browser of another test may have an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work()).result(PATIENCE_S)


def bodies(sent: Sent) -> list[bytes]:
    return [message["body"] for message in sent]


class Client:
    """Has read everything until `stall`, and then nothing until `read_on`."""

    def __init__(self, at_once: bool) -> None:
        self.sent: Sent = []
        self.at_once = at_once
        self._reads = asyncio.Event()
        self._reads.set()

    def send(self, message: Any) -> Any:
        """Like granian: the message is queued in the call, unless the client reads slowly."""
        if self.at_once and self._reads.is_set():
            self.sent.append(message)
            return ()
        return self._send(message)

    async def _send(self, message: Any) -> None:
        await self._reads.wait()
        self.sent.append(message)

    def stall(self) -> None:
        self._reads.clear()

    def read_on(self) -> None:
        self._reads.set()


async def turns() -> None:
    """Let the event loop run everything that is ready."""
    for _ in range(20):
        # It waits for no time.
        await asyncio.sleep(0)


@pytest.mark.parametrize("at_once", [True, False])
def test_events_of_a_slow_client_wait_and_arrive_in_order(at_once: bool) -> None:
    async def work() -> None:
        client = Client(at_once)
        stream = EventStream(client.send, asyncio.get_running_loop())
        for text in (b"1", b"2"):
            stream.deliver(event_message(text))
            await turns()
        client.stall()
        for number in range(MAX_WAITING_EVENTS + 1):
            stream.deliver(event_message(b"%d" % (number + 3)))
        await turns()
        assert bodies(client.sent) == [b"1", b"2"]
        assert not stream.is_closed
        client.read_on()
        await turns()
        stream.deliver(event_message(b"last"))
        await turns()
        assert bodies(client.sent) == [b"1", b"2", b"3", b"4", b"5", b"last"]

    in_loop(work)


@pytest.mark.parametrize("at_once", [True, False])
def test_stream_of_a_client_that_is_too_slow_is_closed(at_once: bool) -> None:
    async def work() -> None:
        client = Client(at_once)
        stream = EventStream(client.send, asyncio.get_running_loop())
        client.stall()
        for number in range(MAX_WAITING_EVENTS + 2):
            assert not stream.is_closed
            stream.deliver(event_message(b"%d" % number))
        assert stream.is_closed
        stream.deliver(event_message(b"later"))
        client.read_on()
        await turns()
        # The end follows a whole event.
        assert b"later" not in bodies(client.sent)
        assert client.sent[0]["body"] == b"0"
        assert not client.sent[-1]["more_body"]

    in_loop(work)


@pytest.mark.parametrize("at_once", [True, False])
def test_comments_close_no_stream_of_a_slow_client(at_once: bool) -> None:
    async def work() -> None:
        client = Client(at_once)
        stream = EventStream(client.send, asyncio.get_running_loop())
        client.stall()
        for _ in range(10 * MAX_WAITING_EVENTS):
            stream.keep_alive(event_message(b": no news"))
        stream.deliver(event_message(b"event"))
        client.read_on()
        await turns()
        # One is enough.
        assert bodies(client.sent) == [b": no news", b"event"]
        stream.keep_alive(event_message(b": later"))
        await turns()
        assert bodies(client.sent)[-1] == b": later"

    in_loop(work)


def test_stream_whose_server_fails_to_send_is_closed() -> None:
    async def fail(_message: Any) -> None:
        raise OSError("the connection is gone")

    async def work() -> None:
        stream = EventStream(fail, asyncio.get_running_loop())
        stream.deliver(event_message(b"1"))
        stream.deliver(event_message(b"2"))
        await turns()
        assert stream.is_closed

    in_loop(work)


class Body(StreamBody):
    """A stream that a test controls."""

    def __init__(self) -> None:
        super().__init__(b"id:1\ndata:1\n\n")
        self.stream: EventStream | None = None
        self.closed = 0

    def start(self, stream: EventStream) -> None:
        self.stream = stream

    def close(self) -> None:
        self.closed += 1


def streaming_app(*bodies: Body, allowed: Callable[[], bool] | None = None) -> Any:
    """Return an application with a body for each request."""
    left = [*bodies]

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if allowed is not None:
            environ[STILL_ALLOWED] = ("key", allowed)
        start_response("200 OK", [("content-type", "text/event-stream")])
        return left.pop(0)

    return app


def test_stream_of_client_that_disconnects_is_closed_once() -> None:
    body = Body()
    with asgi_client(streaming_app(body)) as client:
        exchange = client.request("/api/stream")
        wait_for(lambda: body.stream)
        client.leave(exchange)
        exchange.result()
        assert body.closed == 1
        assert len(client.app.streams) == 0


def test_stream_ends_when_its_access_ends() -> None:
    allowed = [True]
    body = Body()
    bridge = AsgiBridge(streaming_app(body, allowed=lambda: allowed[0]), 1)
    bridge.streams = OpenStreams(check_interval=0.01)
    with asgi_client(None) as client:
        client.app = bridge
        exchange = client.request("/api/stream")
        wait_for(lambda: exchange.events)
        assert not exchange.is_ended
        allowed[0] = False
        exchange.result()
        assert exchange.is_ended
        assert body.closed == 1


def test_all_streams_are_closed_when_the_server_stops_and_none_opens_later() -> None:
    with asgi_client(streaming_app(*(Body() for _ in range(6)))) as client:
        exchanges = [client.request("/api/stream") for _ in range(5)]
        for exchange in exchanges:
            wait_for(lambda exchange=exchange: exchange.events)  # type: ignore[misc]
        client.app.streams.close()
        for exchange in exchanges:
            exchange.result()
            assert exchange.is_ended
        late = client.request("/api/stream")
        late.result()
        assert late.is_ended


@pytest.mark.parametrize("ends", ["server stops", "access ends"])
def test_many_streams_are_closed_by_one_wakeup_of_their_loop(
    ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        wakeups: list[object] = []
        wake = loop.call_soon_threadsafe

        def count(callback: Callable[..., object], *args: Any) -> Any:
            wakeups.append(callback)
            return wake(callback, *args)

        monkeypatch.setattr(loop, "call_soon_threadsafe", count)
        clients = [Client(at_once=True) for _ in range(500)]
        opened = OpenStreams(check_interval=0.01)
        access = ("ann", lambda: False) if ends == "access ends" else None
        streams = [EventStream(client.send, loop, access) for client in clients]
        for stream in streams:
            opened.add(stream)
        if ends == "server stops":
            opened.close()
        while not all(stream.is_closed for stream in streams):
            # It waits for a state.
            await asyncio.sleep(0.01)
        assert all(client.sent[-1]["more_body"] is False for client in clients)
        # A check that begins before all are there closes them in parts.
        assert 1 <= len(wakeups) < 50

    in_loop(work)


def test_may_block_raises_only_in_the_event_loop() -> None:
    may_block({})
    with pytest.raises(WouldBlockError):
        may_block({IN_EVENT_LOOP: True})


class Mark:
    """It exists as long as anything refers to the environ that contains it."""


def test_open_stream_does_not_keep_its_request() -> None:
    """It was a tenth of the memory of each stream."""
    body, kept = Body(), []

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        environ["mark"] = mark = Mark()
        kept.append(weakref.ref(mark))
        start_response("200 OK", [("content-type", "text/event-stream")])
        return body

    with asgi_client(app) as client:
        client.request("/api/stream")
        wait_for(lambda: body.stream)
        wait_for(lambda: kept[-1]() is None)


def large_body() -> Body:
    body = Body()
    body.first = b"id:1\ndata:" + b"1" * (4 * MAX_WHOLE_BYTES) + b"\n\n"
    return body


def test_large_first_event_is_sent_as_its_client_reads() -> None:
    """The server kept 10 MB for each of 32 streams that their client did not read."""
    body = large_body()
    with asgi_client(streaming_app(body)) as client:
        exchange = client.request("/api/stream", stalled=True)
        client.read_on(exchange)
        wait_for(lambda: body.stream)
        sizes = [len(message["body"]) for message in exchange.messages[1:]]
        assert max(sizes) <= PART_BYTES
        assert exchange.text == b"id:1\ndata:" + b"1" * (4 * MAX_WHOLE_BYTES) + b"\n\n"
        client.leave(exchange)
        exchange.result()
    assert body.closed == 1


def test_large_first_events_are_limited_until_their_clients_have_read_them() -> None:
    held = [large_body() for _ in range(MAX_LARGE_RESPONSES)]
    refused, small, late = large_body(), Body(), large_body()
    app = streaming_app(*held, refused, small, late)
    with asgi_client(app) as client:
        exchanges = []
        for body in held:
            exchanges.append(client.request("/api/stream", stalled=True))
            wait_for(lambda body=body: body.parts)  # type: ignore[misc]
        rejected = client.request("/api/stream")
        assert rejected.status == 503
        assert rejected.headers["retry-after"] == "1"
        rejected.result()
        assert refused.closed == 1
        assert client.request("/api/stream").status == 200
        wait_for(lambda: small.stream)
        # One reads everything, and another disconnects.
        client.read_on(exchanges[0])
        wait_for(lambda: held[0].stream)
        client.leave(exchanges[1])
        client.read_on(exchanges[1])
        exchanges[1].result()
        assert held[1].closed == 1
        assert client.request("/api/stream").status == 200
        wait_for(lambda: late.stream)


def test_stream_ends_after_a_while_so_that_its_login_is_checked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The login of a proxy or of an application in front is visible in requests only."""
    monkeypatch.setattr(asgi, "MAX_STREAM_S", 0.05)
    body = Body()
    with asgi_client(streaming_app(body)) as client:
        exchange = client.request("/api/stream")
        exchange.result()
        assert exchange.events
        assert exchange.is_ended
    assert body.closed == 1


def test_client_that_stalls_returns_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every server ends a connection that stalls."""
    monkeypatch.setattr(asgi, "MAX_PART_S", 0.05)
    body = large_body()
    bridge = AsgiBridge(streaming_app(body), 1)
    sent: Sent = []

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()
        sent.append(message)

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def work() -> None:
        scope = {"method": "GET", "path": "/api/stream", "query_string": b"", "headers": []}
        await bridge(scope, receive, send)

    in_loop(work)
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert body.closed == 1
    assert body.stream is None
