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

    answers: int = 0
    failures: int = 0
    points: int = 0
    received: int = 0
    sent: int = 0

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]


class Asker:
    """Writes the requests of one viewer, and reads its cursor from the responses."""

    def __init__(
        self,
        port: int,
        metrics: str,
        count: Count,
        path: str = "/api/ticks?window=100",
        cookie: str = "",
    ) -> None:
        narrowed = f"&metrics={metrics}" if metrics else ""
        more = f"Cookie: {cookie}\r\n" if cookie else ""
        self._before = f"GET {path}".encode()
        self._after = f"{narrowed} HTTP/1.1\r\n{more}{_HEADERS.format(port=port)}".encode()
        self._cursor = b""
        self._buffer = b""
        self._count = count

    def question(self) -> bytes:
        question = self._before + self._cursor + self._after
        self._count.sent += len(question)
        return question

    def take(self, data: bytes) -> bool:
        """Add received data; return whether the response is complete."""
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return False
        place = self._buffer.lower().find(b"content-length:", 0, head)
        length = int(self._buffer[place + 15 : self._buffer.find(b"\r", place)])
        if len(self._buffer) < head + 4 + length:
            return False
        answer, self._buffer = self._buffer, b""
        count = self._count
        count.answers += 1
        count.received += len(answer)
        body = answer[head + 4 :]
        if body.startswith(b"\x1f\x8b"):
            body = zlib.decompress(body, 31)
        start = body.find(b'"cursor":"')
        if not answer.startswith(b"HTTP/1.1 200") or start < 0:
            count.failures += 1
            return True
        self._cursor = b"&after=" + body[start + 10 : body.find(b'"', start + 10)]
        if body.find(b'"t":[]') < 0:
            count.points += 1
        return True


class _Viewer(asyncio.Protocol):
    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._asker.take(data)

    def ask(self) -> None:
        if self.transport is not None:
            self.transport.write(self._asker.question())


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
        asker = Asker(port, metrics, count, path, cookie)
        _, viewer = await loop.create_connection(partial(_Viewer, asker), "127.0.0.1", port)
        crowd.append(viewer)
    # The first two rounds fetch the whole window and warm up the server; they do not count.
    warm = 2
    origin = loop.time() - time.time() % 1 + 1 + rhythm.start
    for second in range(warm + round(seconds)):
        if second == warm:
            await asyncio.sleep(origin + second - 0.01 - loop.time())
            count.clear()
            before = mark()
        for place, viewer in enumerate(crowd):
            due = origin + second + rhythm.spread * place / viewers
            if (left := due - loop.time()) > 0.0005:
                await asyncio.sleep(left)
            viewer.ask()
    await asyncio.sleep(max(0.0, origin + warm + round(seconds) - 0.01 - loop.time()))
    cost = mark() - before
    for viewer in crowd:
        if viewer.transport is not None:
            viewer.transport.close()
    return count, cost


def without_pause(port: int, connections: int, seconds: float) -> tuple[Count, float]:
    """Poll again after each response, on each connection; return the counts and the seconds."""
    count = Count()
    poll = select.epoll()
    crowd: dict[int, tuple[socket.socket, Asker]] = {}
    try:
        for _ in range(connections):
            link = socket.create_connection(("127.0.0.1", port), timeout=5)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asker = Asker(port, ONE_CHART, count)
            crowd[link.fileno()] = link, asker
            poll.register(link.fileno(), select.EPOLLIN)
            link.sendall(asker.question())
        start = time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            for number, _event in poll.poll(1):
                link, asker = crowd[number]
                data = link.recv(65536)
                if not data:
                    raise ConnectionError("the server closed a keep-alive connection")
                if asker.take(data):
                    link.sendall(asker.question())
        return count, spent
    finally:
        poll.close()
        for link, _asker in crowd.values():
            link.close()
