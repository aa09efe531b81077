"""Viewers without a browser: keep-alive connections that send the page's requests, cheaply.

One asyncio loop runs the viewers that poll once a second; one bare epoll loop those that poll without a
pause.
"""

from __future__ import annotations

import asyncio
import select
import socket
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

ONE_CHART = "cpu.percent"
# The headers of the page's fetch in Chromium, so that the server has as much to parse.
_HEADERS = (
    "Host: 127.0.0.1:{port}\r\n"
    "Connection: keep-alive\r\n"
    "Pragma: no-cache\r\n"
    "Cache-Control: no-cache\r\n"
    'sec-ch-ua-platform: "Linux"\r\n'
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/150.0.0.0 Safari/537.36\r\n"
    'sec-ch-ua: "Chromium";v="150", "Not.A/Brand";v="24"\r\n'
    "sec-ch-ua-mobile: ?0\r\n"
    "Accept: */*\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Referer: http://127.0.0.1:{port}/\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n\r\n"
)


@dataclass
class Count:
    """Requests and responses of a crowd since the last `clear`."""

    responses: int = 0
    failures: int = 0
    points: int = 0
    received: int = 0
    sent: int = 0

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]


class PollClient:
    """Writes the requests of one viewer, and reads its cursor from the responses."""

    def __init__(
        self,
        port: int,
        metrics: str,
        count: Count,
        path: str = "/api/ticks?window=100",
        cookie: str = "",
    ) -> None:
        metrics_param = f"&metrics={metrics}" if metrics else ""
        cookie_header = f"Cookie: {cookie}\r\n" if cookie else ""
        self._before = f"GET {path}".encode()
        self._after = f"{metrics_param} HTTP/1.1\r\n{cookie_header}{_HEADERS.format(port=port)}".encode()
        self._cursor = b""
        self._buffer = b""
        self._count = count

    def request(self) -> bytes:
        request = self._before + self._cursor + self._after
        self._count.sent += len(request)
        return request

    def receive(self, data: bytes) -> bool:
        """Add received data; return whether the response is complete."""
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return False
        position = self._buffer.lower().find(b"content-length:", 0, head)
        length = int(self._buffer[position + 15 : self._buffer.find(b"\r", position)])
        if len(self._buffer) < head + 4 + length:
            return False
        response, self._buffer = self._buffer, b""
        count = self._count
        count.responses += 1
        count.received += len(response)
        body = response[head + 4 :]
        if body.startswith(b"\x1f\x8b"):
            body = zlib.decompress(body, 31)
        start = body.find(b'"cursor":"')
        if not response.startswith(b"HTTP/1.1 200") or start < 0:
            count.failures += 1
            return True
        self._cursor = b"&after=" + body[start + 10 : body.find(b'"', start + 10)]
        if body.find(b'"t":[]') < 0:
            count.points += 1
        return True


class _Viewer(asyncio.Protocol):
    def __init__(self, client: PollClient) -> None:
        self._client = client
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._client.receive(data)

    def poll(self) -> None:
        if self.transport is not None:
            self.transport.write(self._client.request())


@dataclass(frozen=True)
class Rhythm:
    """Times of requests in a second: the first after `start` seconds, the last `spread` later."""

    start: float = 0.0
    spread: float = 1.0


EVEN = Rhythm()
# Like the page: a margin after the tick is due, and up to 60 ms of its own (assets/data/subscription.js).
LIKE_THE_PAGE = Rhythm(0.04, 0.06)


def once_a_second(
    port: int,
    viewers: int,
    seconds: float,
    mark: Callable[[], float],
    *,
    metrics: str = ONE_CHART,
    rhythm: Rhythm = EVEN,
    path: str = "/api/ticks?window=100",
    cookie: str = "",
) -> tuple[Count, float]:
    """Let `viewers` poll for `seconds`; return their counts and the increase of `mark()`."""
    return asyncio.run(_once_a_second(port, viewers, seconds, mark, metrics, rhythm, path, cookie))


async def _once_a_second(
    port: int,
    viewers: int,
    seconds: float,
    mark: Callable[[], float],
    metrics: str,
    rhythm: Rhythm,
    path: str,
    cookie: str,
) -> tuple[Count, float]:
    loop = asyncio.get_running_loop()
    count = Count()
    crowd = []
    for _ in range(viewers):
        client = PollClient(port, metrics, count, path, cookie)
        _, viewer = await loop.create_connection(partial(_Viewer, client), "127.0.0.1", port)
        crowd.append(viewer)
    # The first two rounds fetch the whole window and warm up the server; they do not count.
    warm = 2
    origin = loop.time() - time.time() % 1 + 1 + rhythm.start
    for second in range(warm + round(seconds)):
        if second == warm:
            await asyncio.sleep(origin + second - 0.01 - loop.time())
            count.clear()
            before = mark()
        for position, viewer in enumerate(crowd):
            due = origin + second + rhythm.spread * position / viewers
            if (remaining := due - loop.time()) > 0.0005:
                await asyncio.sleep(remaining)
            viewer.poll()
    await asyncio.sleep(max(0.0, origin + warm + round(seconds) - 0.01 - loop.time()))
    cost = mark() - before
    for viewer in crowd:
        if viewer.transport is not None:
            viewer.transport.close()
    return count, cost


def without_pause(port: int, connections: int, seconds: float) -> tuple[Count, float]:
    """Poll again after each response, on each connection; return the counts and the seconds."""
    count = Count()
    epoll = select.epoll()
    crowd: dict[int, tuple[socket.socket, PollClient]] = {}
    try:
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = PollClient(port, ONE_CHART, count)
            crowd[connection.fileno()] = connection, client
            epoll.register(connection.fileno(), select.EPOLLIN)
            connection.sendall(client.request())
        start = time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            for number, _event in epoll.poll(1):
                connection, client = crowd[number]
                data = connection.recv(65536)
                if not data:
                    raise ConnectionError("the server closed a keep-alive connection")
                if client.receive(data):
                    connection.sendall(client.request())
        return count, elapsed
    finally:
        epoll.close()
        for connection, _client in crowd.values():
            connection.close()
