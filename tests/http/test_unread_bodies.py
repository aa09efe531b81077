"""Responses that their clients do not read: sent in parts, and bounded in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from stream_client import AsgiExchange, asgi_client
from waiting import PATIENCE_S, wait_for

from dashapp.http.asgi import AsgiBridge
from dashapp.http.streams import EventStream, StreamBody
from dashapp.http.types import StartResponse
from dashapp.http.unread_bodies import MAX_SMALL_BYTES, PART_BYTES, StalledClientError, UnreadBodies

SIZES = (0, 1, MAX_SMALL_BYTES, MAX_SMALL_BYTES + 1, MAX_SMALL_BYTES + PART_BYTES, 5 * MAX_SMALL_BYTES + 7)


class FirstEvent(StreamBody):
    """A stream with one event."""

    def start(self, stream: EventStream) -> None: ...

    def close(self) -> None: ...


def body_of(size: int) -> bytes:
    return bytes(number % 251 for number in range(size))


def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the number of bytes in the query, as a stream below /api/stream."""
    body = body_of(int(environ["QUERY_STRING"]))
    if environ["PATH_INFO"] == "/api/stream":
        start_response("200 OK", [("content-type", "text/event-stream")])
        return FirstEvent(body)
    start_response("200 OK", [("content-length", str(len(body)))])
    return [body]


def body_parts(exchange: AsgiExchange) -> list[int]:
    return [len(message["body"]) for message in exchange.messages[1:]]


@pytest.mark.parametrize("size", SIZES)
def test_body_of_any_size_arrives_in_parts_of_limited_size(size: int) -> None:
    with asgi_client(app) as client:
        exchange = client.request(f"/file?{size}")
        assert exchange.result() == body_of(size)
        assert "more_body" not in exchange.messages[-1]
        assert max(body_parts(exchange)) <= (PART_BYTES if size > MAX_SMALL_BYTES else MAX_SMALL_BYTES)


@pytest.mark.parametrize("size", SIZES)
def test_first_event_of_any_size_arrives_in_parts_of_limited_size(size: int) -> None:
    with asgi_client(app) as client:
        exchange = client.request(f"/api/stream?{size}")
        wait_for(lambda: len(exchange.messages) > 1 and exchange.text == body_of(size))
        assert max(body_parts(exchange)) <= (PART_BYTES if size > MAX_SMALL_BYTES else MAX_SMALL_BYTES)
        client.leave(exchange)
        exchange.result()


class StalledClient:
    """A client that reads the headers of a response and nothing else."""

    def __init__(self, bridge: AsgiBridge, path: str, size: int) -> None:
        self.sent: list[int] = []
        scope: dict[str, Any] = {
            "method": "GET",
            "path": path,
            "query_string": str(size).encode(),
            "headers": (),
        }
        scope["client"] = ("::ffff:192.0.2.1", "4711")
        call = bridge(scope, self._receive, self._send)
        self.task = asyncio.get_running_loop().create_task(call)

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(len(message.get("body", b"")))
        if len(self.sent) > 1:
            await asyncio.Event().wait()

    async def _receive(self) -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)  # between two looks


@pytest.mark.parametrize("path", ["/file", "/api/stream"])
def test_unread_body_ends_when_newer_ones_need_its_memory(path: str) -> None:
    """A server that copies what it is given copied 395 kB for each of a thousand such clients."""

    async def main(bridge: AsgiBridge) -> None:
        size = 4 * MAX_SMALL_BYTES
        bridge._unread = UnreadBodies(2 * size, client_bytes=0)
        clients = []
        ended: list[tuple[str, int]] = []
        bridge._end = ended.append
        for _ in range(3):
            clients.append(StalledClient(bridge, path, size))
            await until(lambda: len(clients[-1].sent) > 1)
        await until(clients[0].task.done)
        assert [client.sent for client in clients] == [[0, PART_BYTES]] * 3
        assert [client.task.done() for client in clients] == [True, False, False]
        assert ended == [("192.0.2.1", 4711)], "the server would keep its buffers"
        for client in clients:
            client.task.cancel()

    with asgi_client(app) as client:
        asyncio.run_coroutine_threadsafe(main(client.app), client.loop).result(3 * PATIENCE_S)


class Reader:
    """A task that holds a body until it is released."""

    def __init__(self, unread: UnreadBodies, body: bytes) -> None:
        self.released = asyncio.Event()
        self.is_dropped = False
        self.task = asyncio.get_running_loop().create_task(self._run(unread, body))

    async def _run(self, unread: UnreadBodies, body: bytes) -> None:
        try:
            async with unread.hold(body):
                await self.released.wait()
        except StalledClientError:
            self.is_dropped = True


def dropped(*groups: tuple[bytes, int], limit: int, client_bytes: int = 0) -> list[bool]:
    """Return which readers are dropped: for each group a body, and the number of its readers."""

    async def main() -> list[bool]:
        unread = UnreadBodies(limit, client_bytes)
        readers = []
        for body, count in groups:
            for _ in range(count):
                readers.append(Reader(unread, body))
                await asyncio.sleep(0)  # the task of this reader begins
        for _ in range(10):
            await asyncio.sleep(0)  # the tasks of those that are dropped go on
        result = [reader.is_dropped for reader in readers]
        for reader in readers:
            reader.released.set()
            await reader.task
        assert unread._size == 0
        assert not unread._bodies
        assert not unread._reader_counts
        return result

    with asgi_client(app) as client:
        return asyncio.run_coroutine_threadsafe(main(), client.loop).result()


def test_body_of_many_clients_counts_once() -> None:
    assert not any(dropped((bytes(1000), 50), limit=1000))


def test_clients_of_one_body_are_limited() -> None:
    """The server keeps some parts of it for each of them."""
    assert dropped((bytes(1000), 5), limit=1300, client_bytes=100) == [True, True, False, False, False]


def test_oldest_body_is_dropped_for_newer_ones() -> None:
    bodies = [(bytes(400), 1) for _ in range(4)]
    assert dropped(*bodies, limit=1000) == [True, True, False, False]


def test_clients_of_a_shared_body_stay_while_others_can_be_dropped() -> None:
    shared, first, second = bytes(400), bytearray(400), bytearray(400)
    groups = ((shared, 3), (bytes(first), 1), (bytes(second), 1))
    assert dropped(*groups, limit=1000) == [False, False, False, True, False]


def test_single_body_above_the_limit_is_sent() -> None:
    assert dropped((bytes(5000), 1), limit=1000) == [False]
