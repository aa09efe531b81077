"""A web server for browser tests, on its own port, with faults that a test sets."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any

from closable_server import ClosableServer
from event_streams import events
from ports import release, server_port

from dashapp.http.streams import CAN_STREAM, STILL_ALLOWED, STREAM_PATH, StreamBody
from dashapp.http.types import WSGIApp

# How the page gets ticks: the servers of most tests offer no streams.
POLL, STREAM = TRANSPORTS = "poll", "stream"

# Only requests for points get faults, at any mount path; the metric list and the page do not.
TROUBLED = ("/api/ticks", "/api/frames")


class Trouble:
    """WSGI middleware with faults for every request for ticks, and for streams of them.

    `latency` is in seconds; `answer` replaces the application's response by (status, content type, body);
    `dropping` closes the connection without a response. Events of streams are as late; with `answer` or
    `dropping` open streams end. `opening_latency` delays the responses of streams, and `breaks_event` stops
    the server within their next event.
    """

    def __init__(self, app: WSGIApp) -> None:
        self.asked: list[str] = []
        self.streams: list[str] = []
        self._app = app
        self.calm()

    def calm(self) -> None:
        self.latency = self.opening_latency = 0.0
        self.answer: tuple[str, str, bytes] | None = None
        self.dropping = self.breaks_event = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
        is_stream = path.endswith(STREAM_PATH)
        if not (is_stream or path.endswith(TROUBLED)):
            return self._app(environ, start_response)
        # The latency is fixed when the request arrives, although the test may change it meanwhile.
        latency = self.latency + (self.opening_latency if is_stream else 0)
        # The overview asks once for the whole history; tests count requests for ticks.
        if is_stream:
            self.streams.append(query)
        elif not query.startswith("metrics="):
            self.asked.append(query)
        wait(environ["connection"], latency)
        if self.dropping:
            raise ConnectionAbortedError
        if self.answer is None:
            return self._app(environ, start_response)
        status, kind, body = self.answer
        start_response(status, [("content-type", kind), ("content-length", str(len(body)))])
        return [body]


def wait(connection: socket.socket, seconds: float) -> None:
    """Wait; ConnectionAbortedError when the browser closes its connection."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.05))
        if _gone(connection):
            raise ConnectionAbortedError


def _gone(connection: socket.socket) -> bool:
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
    except (OSError, ValueError):
        return True


class _Handler(BaseHTTPRequestHandler):
    """Handler with keep-alive, as in every real server; the library closes by default."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.url_scheme": "http",
            "wsgi.input": self.rfile,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "CONTENT_LENGTH": self.headers.get("content-length", ""),
            "connection": self.connection,
            **({CAN_STREAM: True} if self.server.served.transport == STREAM else {}),
            **{"HTTP_" + name.upper().replace("-", "_"): text for name, text in self.headers.items()},
        }
        got: list[Any] = []
        try:
            parts = self.server.served.trouble(environ, lambda *answer: got.extend(answer))
            if isinstance(parts, StreamBody):
                parts.access = environ.get(STILL_ALLOWED)
                self._stream(got[0], got[1], parts)
                return
            body = b"".join(parts)
        except ConnectionAbortedError:
            self.close_connection = True
            return
        status, headers = got[:2]
        self.send_response(int(status.split()[0]), status.partition(" ")[2])
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _stream(self, status: str, headers: Any, body: StreamBody) -> None:
        self.close_connection = True
        served = self.server.served
        with contextlib.closing(events(body)) as messages:
            self.send_response(int(status.split()[0]), status.partition(" ")[2])
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for message in messages:
                if _gone(self.connection):
                    return
                if message is None:
                    continue
                at, event = message
                wait(self.connection, at + served.trouble.latency - time.monotonic())
                if served.trouble.dropping or served.trouble.answer:
                    return
                if served.trouble.breaks_event:
                    self.wfile.write(b"%x\r\n%s" % (len(event), event[: len(event) // 2]))
                    Thread(target=served.stop).start()
                    return
                self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.write(b"0\r\n\r\n")

    do_HEAD = do_POST = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None: ...


class _Server(ClosableServer):
    def __init__(self, port: int, served: Served) -> None:
        super().__init__(port, _Handler)
        self.served = served


class Served:
    """An application on 127.0.0.1 until `stop`; `start` serves it again on the same port.

    `transport`: POLL, or STREAM if it offers streams too.
    """

    def __init__(self, app: WSGIApp, transport: str = POLL) -> None:
        self.transport = transport
        self.trouble = Trouble(app)
        self._server: _Server | None = None
        # A reserved port, so that no other program takes it between `stop` and `start`.
        self._port = server_port()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    @property
    def is_running(self) -> bool:
        return self._server is not None

    def start(self) -> None:
        self._server = _Server(self._port, self)
        self._server.start()

    def stop(self) -> None:
        """Refuse connections and close those that are open."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def close(self) -> None:
        """Stop for good, and leave the port to the next server of this process."""
        self.stop()
        release(self._port)
