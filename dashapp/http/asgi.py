"""Serves a WSGI application of ours on an ASGI server.

Health checks, cached responses and streams are answered in the event loop. Everything that can block runs in
a thread: the application decides with `may_block`, and the bridge then repeats the request there.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_to_bytes

from dashapp.http.large_responses import MAX_WHOLE_BYTES, LargeResponses
from dashapp.http.streams import (
    CAN_STREAM,
    IN_EVENT_LOOP,
    IS_REPEATED,
    STILL_ALLOWED,
    STREAM_PATH,
    EventStream,
    OpenStreams,
    Send,
    StreamBody,
    WouldBlockError,
    event_message,
)
from dashapp.http.types import WSGIApp
from dashapp.http.unread_bodies import MAX_SMALL_BYTES, PART_BYTES, StalledClientError, UnreadBodies, parts_of

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]

# Paths whose responses are nearly always ready, of the root, a host or a share link. Below any other path the
# application may wait for a lock, or compare a thousand names.
_QUICK_PATHS = frozenset(("/healthz", "/readyz", "/api/ticks", "/api/frames", STREAM_PATH))
_PAGE_PREFIX = re.compile(r"/(?:host|share)/[^/]*(?=/)")
# Seconds after which a stream ends. Its client resumes, and only a new request can show that a login of the
# proxy or of the application in front has ended.
MAX_STREAM_S = 600.0
# Seconds until a client has taken one part of a body. Not every server ends a connection that stalls.
MAX_PART_S = 300.0
DISCONNECT = "http.disconnect"


# The message that begins a response, and its body.
Response = tuple[dict[str, Any], Any]


class AsgiBridge:
    """An ASGI application that runs `app`, in at most `threads` threads when it can block.

    `end`: closes the connection of an address and a port. A server keeps the buffers of one that ends
    without it until its client reads again.
    """

    def __init__(
        self, app: WSGIApp, threads: int, end: Callable[[tuple[str, int]], object] = lambda peer: None
    ) -> None:
        self._end = end
        self.streams = OpenStreams()
        self._unread = UnreadBodies()
        self._app = app
        self._threads = threads
        self._large = LargeResponses()
        # Requests that a thread answers now, by path, query and id.
        self._running: dict[tuple[str | None, ...], asyncio.Event] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request."""
        environ = build_environ(scope)
        response = None
        if _is_quick(environ["PATH_INFO"]) and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            response = self._call_in_loop(environ)
            if response is None:
                environ = {**build_environ(scope), IS_REPEATED: True}
                response = await self._call_once(environ, receive)
        if response is None:
            response = await self._call_in_thread(environ, receive)
        start, body = response
        peer = scope.get("client")
        try:
            if isinstance(body, bytes):
                await send(start)
                # A client that reads slowly keeps in memory what these names refer to.
                del environ, response, start, scope, receive
                await send({"type": "http.response.body", "body": await self._send_beginning(body, send)})
            elif isinstance(body, StreamBody):
                streaming = self._stream(start, body, receive, send)
                del environ, response, start, scope
                await streaming
            else:
                await self._send_parts(start, body, receive, send)
        except StalledClientError:
            if peer:
                # granian passes the port as text.
                self._end((peer[0].removeprefix("::ffff:"), int(peer[1])))

    def _call_in_loop(self, environ: dict[str, Any]) -> Response | None:
        """Return the response; None if that would block. It changes the environ."""
        environ[IN_EVENT_LOOP] = True
        try:
            return self._call(environ)
        except WouldBlockError:
            return None

    async def _call_once(self, environ: dict[str, Any], receive: Receive) -> Response:
        """Call in a thread, unless another request for the same does so already.

        That one puts its response into the cache. So a thousand viewers who request the same need one thread.
        """
        key = tuple(environ.get(name) for name in ("PATH_INFO", "QUERY_STRING", "HTTP_LAST_EVENT_ID"))
        running = self._running.get(key)
        if running is not None:
            await running.wait()
            response = self._call_in_loop({**environ})
            return await self._call_in_thread(environ, receive) if response is None else response
        self._running[key] = running = asyncio.Event()
        try:
            return await self._call_in_thread(environ, receive)
        finally:
            del self._running[key]
            running.set()

    async def _call_in_thread(self, environ: dict[str, Any], receive: Receive) -> Response:
        loop = asyncio.get_running_loop()
        environ["wsgi.input"] = RequestBody(receive, loop)
        return await loop.run_in_executor(self._executor(), self._call, environ)

    def _call(self, environ: dict[str, Any]) -> Response:
        started: list[Any] = []
        body: Any = self._app(environ, lambda *arguments: started.extend(arguments))
        status, headers = started[:2]
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        if isinstance(body, list):
            body = b"" if is_head else b"".join(body)
            if len(body) > MAX_WHOLE_BYTES:
                status, headers, body = self._large.split(environ, status, headers, body)
            return _start(status, headers), body
        if isinstance(body, StreamBody):
            body.access = environ.get(STILL_ALLOWED)
            if len(body.first) > MAX_WHOLE_BYTES:
                status, headers, body = self._large.split(environ, status, headers, body)
            return _start(status, headers), body
        if is_head or (IN_EVENT_LOOP not in environ and _is_small(headers)):
            parts = body
            try:
                body = b"" if is_head else b"".join(parts)
            finally:
                _close(parts)
        return _start(status, headers), body

    async def _stream(self, start: dict[str, Any], body: StreamBody, receive: Receive, send: Send) -> None:
        """Send events until the client disconnects, or until another part closes the stream."""
        loop = asyncio.get_running_loop()
        stream = EventStream(send, loop, body.access)
        end = loop.call_later(MAX_STREAM_S, stream.close)
        gone: asyncio.Task[None] | None = None
        try:
            await send(start)
            del start
            self.streams.add(stream)
            if len(body.first) <= MAX_SMALL_BYTES:
                stream.deliver(event_message(body.first))
            else:
                gone = loop.create_task(_until_disconnect(receive))
                async with self._unread.hold(body.first):
                    for part in body.parts or parts_of(body.first):
                        if gone.done() or stream.is_closed:
                            break
                        await _send_part(send, part)
                _close(body.parts)
            body.first = b""
            body.start(stream)
            await (gone or _until_disconnect(receive))
        finally:
            end.cancel()
            if gone is not None:
                gone.cancel()
            stream.is_closed = True
            self.streams.discard(stream)
            _close(body.parts)
            body.close()

    async def _send_beginning(self, body: bytes, send: Send) -> bytes:
        """Send a body in parts, each when the client has read those before it; return the last part."""
        rest = memoryview(body)
        if len(rest) > MAX_SMALL_BYTES:
            async with self._unread.hold(body):
                while len(rest) > PART_BYTES:
                    await send(event_message(bytes(rest[:PART_BYTES])))
                    rest = rest[PART_BYTES:]
        return bytes(rest)

    async def _send_parts(self, start: Any, body: Iterable[bytes], receive: Receive, send: Send) -> None:
        """Send a body whose parts a thread computes, each when the client has read those before it."""
        loop = asyncio.get_running_loop()
        gone = loop.create_task(_until_disconnect(receive))

        def send_all() -> None:
            try:
                for part in body:
                    if gone.done():
                        return
                    asyncio.run_coroutine_threadsafe(_send_part(send, part), loop).result()
            finally:
                _close(body)

        try:
            await send(start)
            await loop.run_in_executor(self._executor(), send_all)
        finally:
            gone.cancel()
        await send({"type": "http.response.body", "body": b""})

    def _executor(self) -> ThreadPoolExecutor:
        # A server may create the application before it forks its workers, and threads do not survive that.
        if self._pool is None or self._process != os.getpid():
            self._pool = ThreadPoolExecutor(self._threads, "dashapp request")
            self._process = os.getpid()
        return self._pool


class RequestBody:
    """The body of a request, for a thread. It reads no more of it than the application asks for."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._loop = loop
        self._buffer = b""
        self._is_complete = False

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, or fewer if the body ends or the client disconnects before."""
        parts, count = [self._buffer], len(self._buffer)
        while not self._is_complete and (size < 0 or count < size):
            message = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
            part = message.get("body", b"")
            parts.append(part)
            count += len(part)
            self._is_complete = message["type"] == DISCONNECT or not message.get("more_body", False)
        data = b"".join(parts)
        end = len(data) if size < 0 else size
        self._buffer = data[end:]
        return data[:end]

    async def _next(self) -> Any:
        return await self._receive()


def _is_quick(path: str) -> bool:
    if path.startswith(("/host/", "/share/")):
        path = _PAGE_PREFIX.sub("", path, 1)
    return path in _QUICK_PATHS


async def _send_part(send: Send, part: bytes) -> None:
    """Send a part of a body. StalledClientError if the client does not take it."""
    try:
        async with asyncio.timeout(MAX_PART_S):
            await send(event_message(part))
    except TimeoutError:
        raise StalledClientError from None


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != DISCONNECT:
        pass


def _start(status: str, headers: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the message that begins a response."""
    fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return {"type": "http.response.start", "status": int(status[:3]), "headers": fields}


def _is_small(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether the headers name the length of a body, which is small."""
    return any(name.lower() == "content-length" and int(value) <= MAX_WHOLE_BYTES for name, value in headers)


def _close(body: object) -> None:
    with suppress(AttributeError):
        body.close()  # type: ignore[attr-defined]


_CONSTANTS: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    # Werkzeug's extension: the end of the input is the end of the body.
    "wsgi.input_terminated": True,
    CAN_STREAM: True,
}


def build_environ(scope: Scope) -> dict[str, Any]:
    """Return the WSGI environment of an HTTP request (PEP 3333), without its input."""
    server, client = scope.get("server") or ("", 0), scope.get("client") or ("", 0)
    raw_path = scope.get("raw_path")
    if raw_path is None:
        path = scope["path"].encode()
    else:
        path = unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path
    environ = {
        **_CONSTANTS,
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "wsgi.url_scheme": scope.get("scheme", "http"),
    }
    for name, value in scope["headers"]:
        key = _HEADER_KEYS.get(name)
        if key is None:
            key = _header_key(name)
        if not key:
            continue
        text = value.decode("latin-1")
        if key in environ:
            text = f"{environ[key]}{';' if key == 'HTTP_COOKIE' else ','}{text}"
        environ[key] = text
    return environ


def _header_key(name: bytes) -> str:
    """Return the key of a header; empty for a name with an underscore.

    X_User and X-User have the same key in the environ, and only a proxy may set it.
    """
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


# Headers of browsers that no response depends on. They take a third of the time for an environ.
_UNUSED_HEADERS = (
    *(b"cache-control", b"connection", b"dnt", b"pragma", b"priority", b"referer", b"sec-ch-ua"),
    *(b"sec-ch-ua-mobile", b"sec-ch-ua-platform", b"sec-fetch-mode", b"user-agent"),
)
_USUAL_HEADERS = (
    *(b"accept", b"accept-encoding", b"accept-language", b"cookie", b"host", b"sec-fetch-dest"),
    *(b"sec-fetch-site", b"x-forwarded-for", b"x-forwarded-proto"),
)
_HEADER_KEYS = {
    **{name: _header_key(name) for name in _USUAL_HEADERS},
    **dict.fromkeys(_UNUSED_HEADERS, ""),
}
