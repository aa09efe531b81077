"""Clients of event streams: one calls an ASGI application, one has a socket to a server."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from waiting import PATIENCE_S, wait_for

from dashapp.http.asgi import AsgiBridge


@dataclass
class SentEvent:
    """An event as a browser parses it."""

    id: str
    data: Any


def parse_events(text: bytes) -> list[SentEvent]:
    """Return the complete events. AssertionError for a line that is none of ours."""
    events = []
    complete, _, _ = text.rpartition(b"\n\n")
    for block in complete.split(b"\n\n") if complete else ():
        fields: dict[str, str] = {}
        for line in block.decode().split("\n"):
            name, separator, value = line.partition(":")
            assert separator, line
            assert name in ("", "id", "data", "retry"), line
            fields[name] = value
        if "data" in fields:
            events.append(SentEvent(fields["id"], json.loads(fields["data"])))
    return events


@dataclass
class AsgiExchange:
    """One request to an ASGI application, and what it has sent so far.

    While `is_stalled`, the client reads nothing, and `send` waits.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    body: list[bytes] = field(default_factory=list)
    done: Any = None

    async def receive(self) -> dict[str, Any]:
        if self.body:
            part = self.body.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(self.body)}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        self.messages.append(dict(message))
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.gone.set()

    @property
    def status(self) -> int:
        wait_for(lambda: self.messages)
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        wait_for(lambda: self.messages)
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def text(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def events(self) -> list[SentEvent]:
        return parse_events(self.text)

    @property
    def is_ended(self) -> bool:
        return bool(self.messages) and not self.messages[-1].get("more_body", True)

    def result(self) -> bytes:
        """Wait until the application has returned; its exceptions are raised here."""
        self.done.result(PATIENCE_S)
        return self.text


class AsgiClient:
    """Calls an application in an event loop of its own, in a thread."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.loop = asyncio.new_event_loop()
        self._exchanges: list[AsgiExchange] = []
        self._thread = Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.loop_name = self._thread.name

    def request(
        self,
        target: str,
        *,
        method: str = "GET",
        peer: str = "127.0.0.1",
        body: Sequence[bytes] = (b"",),
        stalled: bool = False,
        http_version: str = "1.1",
        headers: Sequence[tuple[str, str]] = (),
        **named: str,
    ) -> AsgiExchange:
        """Send a request. `named`: header names in lower case, with underscores for hyphens."""
        path, _, query = target.partition("?")
        fields = [("host", "127.0.0.1:8050"), *headers]
        fields += [(name.replace("_", "-"), value) for name, value in named.items()]
        scope = {
            "type": "http",
            "http_version": http_version,
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in fields],
            "client": (peer, 4711),
            "server": ("127.0.0.1", 8050),
            "scheme": "http",
        }

        async def create() -> AsgiExchange:
            exchange = AsgiExchange(body=[*body])
            if not stalled:
                exchange.reads.set()
            return exchange

        exchange = asyncio.run_coroutine_threadsafe(create(), self.loop).result(PATIENCE_S)
        call = self.app(scope, exchange.receive, exchange.send)
        exchange.done = asyncio.run_coroutine_threadsafe(call, self.loop)
        self._exchanges.append(exchange)
        return exchange

    def leave(self, exchange: AsgiExchange) -> None:
        """Let the client of a request disconnect."""
        self.loop.call_soon_threadsafe(exchange.gone.set)

    def read_on(self, exchange: AsgiExchange) -> None:
        """Let a client that was stalled read everything."""
        self.loop.call_soon_threadsafe(exchange.reads.set)

    def close(self) -> None:
        for exchange in self._exchanges:
            self.read_on(exchange)
            self.leave(exchange)
        for exchange in self._exchanges:
            wait_for(exchange.done.done)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE_S)
        self.loop.close()


@contextmanager
def asgi_client(app: Any, threads: int = 4) -> Iterator[AsgiClient]:
    """Yield a client of a WSGI application behind the bridge."""
    client = AsgiClient(AsgiBridge(app, threads))
    try:
        yield client
    finally:
        client.close()


class StreamSocket:
    """A connection to a real server with one stream. It reads only in its methods."""

    def __init__(
        self, port: int, path: str = "/api/stream?window=10", version: str = "1.1", **headers: str
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        fields = {"Host": f"127.0.0.1:{port}", "Accept": "text/event-stream"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"GET {path} HTTP/{version}", *(f"{name}: {value}" for name, value in fields.items())]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._raw = b""
        self.is_closed = False

    def read(self) -> bool:
        """Read once more. Return False at the end of the connection."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self._raw += data
        self.is_closed = not data
        return bool(data)

    @property
    def head(self) -> bytes:
        while b"\r\n\r\n" not in self._raw and self.read():
            pass
        return self._raw.partition(b"\r\n\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.head.split()[1])

    @property
    def body(self) -> bytes:
        """The body that was read so far."""
        is_chunked = b"transfer-encoding: chunked" in self.head.lower()
        body = self._raw.partition(b"\r\n\r\n")[2]
        if not is_chunked:
            return body
        return b"".join(self._chunks(body))

    @property
    def is_complete(self) -> bool:
        """Whether the server has ended the response, and not only cut the connection."""
        return self._raw.endswith(b"\r\n0\r\n\r\n")

    def _chunks(self, body: bytes) -> Iterator[bytes]:
        while b"\r\n" in body:
            size, _, rest = body.partition(b"\r\n")
            length = int(size, 16)
            if length == 0 or len(rest) < length + 2:
                return
            yield rest[:length]
            body = rest[length + 2 :]

    @property
    def events(self) -> list[SentEvent]:
        return parse_events(self.body)

    def wait_events(self, count: int) -> list[SentEvent]:
        """Read until there are `count` events, and return all."""
        while len(self.events) < count:
            assert self.read(), f"the stream ended after {len(self.events)} events: {self._raw[-500:]!r}"
        return self.events

    def read_to_end(self) -> None:
        while self.read():
            pass

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> StreamSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
