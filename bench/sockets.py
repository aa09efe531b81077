"""Viewers of the originals without a browser: WebSockets that listen, and clients that poll."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
POLL = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    "Content-Length: 0\r\nX-Requested-With: XMLHttpRequest\r\n\r\n"
)
# "40" with a mask of zeros: a socket.io client connects.
CONNECT_FRAME = b"\x81\x82\x00\x00\x00\x0040"
WARM = 3.0


@dataclass
class UpdateCount:
    updates: int = 0


class Listener(asyncio.Protocol):
    """Counts the frames that begin with `mark`. `opening`: what it sends in an open socket."""

    def __init__(self, request: bytes, mark: bytes, count: UpdateCount, opening: bytes = b"") -> None:
        self._request, self._mark, self._count = request, mark, count
        self._opening = opening
        self._buffer = b""
        self._is_open = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_open:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            self._is_open, self._buffer = True, self._buffer[head + 4 :]
            if self.transport is not None:
                self.transport.write(self._opening)
        while len(self._buffer) >= 2:
            start, length = 2, self._buffer[1] & 127
            if length == 126:
                start, length = 4, int.from_bytes(self._buffer[2:4], "big")
            if len(self._buffer) < start + length:
                return
            self._receive(self._buffer[start : start + length])
            self._buffer = self._buffer[start + length :]

    def _receive(self, text: bytes) -> None:
        if text.startswith(b"0{") and self.transport is not None:
            self.transport.write(CONNECT_FRAME)
        elif text.startswith(self._mark):
            self._count.updates += 1


class Poller(Listener):
    """Counts responses: each contains `mark` once."""

    def data_received(self, data: bytes) -> None:
        self._count.updates += data.count(self._mark)

    def poll(self) -> None:
        if self.transport is not None:
            self.transport.write(self._request)


def text_frame(text: bytes) -> bytes:
    """Return a frame of a client with 126 to 65,535 bytes, under a mask of zeros."""
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text


async def watched(
    port: int,
    path: str,
    viewers: int,
    seconds: float,
    mark: Callable[[], float],
    word: bytes,
    polled: bool,
    opening: bytes = b"",
) -> tuple[int, float]:
    """Run `viewers` for `seconds`; return their updates and the increase of `mark()`.

    `word`: how an update begins. `opening`: what each sends in its open socket.
    """
    loop = asyncio.get_running_loop()
    count = UpdateCount()
    request = (POLL if polled else HANDSHAKE).format(path=path, port=port).encode()
    kind = partial(Poller if polled else Listener, request, word, count, opening)
    crowd = []
    for _ in range(viewers):
        _, viewer = await loop.create_connection(kind, "127.0.0.1", port)
        crowd.append(viewer)
    await asyncio.sleep(WARM)
    count.updates, before = 0, mark()
    start = loop.time()
    for second in range(round(seconds)):
        for position, viewer in enumerate(crowd if polled else ()):
            assert isinstance(viewer, Poller)
            # Each page counts its seconds from its own start.
            await asyncio.sleep(start + second + position / viewers - loop.time())
            viewer.poll()
        await asyncio.sleep(start + second + 1 - loop.time())
    increase = mark() - before
    for viewer in crowd:
        if viewer.transport is not None:
            viewer.transport.close()
    return count.updates, increase
