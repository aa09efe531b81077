"""A web server for browser tests, on its own port, with faults that a test sets."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from ports import free_port

from dashapp.http.types import WSGIApp

# Only requests for points get faults, at any mount path; the metric list and the page do not.
TROUBLED = ("/api/ticks", "/api/frames")


class Trouble:
    """WSGI middleware with faults for every request for ticks.

    `latency` is in seconds; `answer` replaces the application's response by (status, content type, body);
    `dropping` closes the connection without a response.
    """

    def __init__(self, app: WSGIApp) -> None:
        self.latency = 0.0
        self.answer: tuple[str, str, bytes] | None = None
        self.dropping = False
        self.asked: list[str] = []
        self._app = app

    def calm(self) -> None:
        self.latency, self.answer, self.dropping = 0.0, None, False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if not environ["PATH_INFO"].endswith(TROUBLED):
            return self._app(environ, start_response)
        # The latency is fixed when the request arrives, although the test may change it meanwhile.
        latency = self.latency
        # The overview asks once for the whole history; tests count requests for ticks.
        if not environ["QUERY_STRING"].startswith("metrics="):
            self.asked.append(environ["QUERY_STRING"])
        self._wait(environ["connection"], latency)
        if self.dropping:
            raise ConnectionAbortedError
        if self.answer is None:
            return self._app(environ, start_response)
        status, kind, body = self.answer
        start_response(status, [("content-type", kind), ("content-length", str(len(body)))])
        return [body]

    def _wait(self, connection: socket.socket, latency: float) -> None:
        end = time.monotonic() + latency
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
            **{"HTTP_" + name.upper().replace("-", "_"): text for name, text in self.headers.items()},
        }
        got: list[Any] = []
        try:
            body = b"".join(self.server.app(environ, lambda *answer: got.extend(answer)))
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

    do_HEAD = do_POST = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None: ...


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int, app: Any) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.app = app
        self.connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of closed browsers and stopped servers, which the tests cause."""


class Served:
    """An application on 127.0.0.1 until `stop`; `start` serves it again on the same port."""

    def __init__(self, app: WSGIApp) -> None:
        self.trouble = Trouble(app)
        self._server: _Server | None = None
        # A reserved port, so that no other program takes it between `stop` and `start`.
        self._port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        server = self._server = _Server(self._port, self.trouble)
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections and close those that are open."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        for connection in list(server.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
