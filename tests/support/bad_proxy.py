"""A proxy in front of a server, with the faults of real ones for its event streams."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler
from math import inf
from random import Random
from threading import Lock
from urllib.parse import urlsplit

from closable_server import ClosableServer
from ports import release, server_port

HOP_HEADERS = ("connection", "keep-alive", "transfer-encoding", "content-length")
STREAM_PATH = "/api/stream"
LOGIN_PAGE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n"
    b"<!doctype html><title>Sign in</title>"
)
# Bytes after which a stream is cut: from within its headers to after a few events.
CUT = (1, 1200)


class BadProxy:
    """Forwards requests to `target` (a URL) and counts the streams, also those that are open.

    `cut`: decides after how many bytes it closes a stream. `holds`: it passes the headers of a stream on, but
    no event, as a proxy that collects whole responses. `html`: it answers requests for streams with a page.
    `strips`: names of headers that it removes from responses of the API.
    """

    def __init__(self, target: str) -> None:
        self.cut: Random | None = None
        self.holds = False
        self.html = False
        self.strips: frozenset[str] = frozenset()
        self.streams = self.open_streams = 0
        parts = urlsplit(target)
        self.target = (parts.hostname or "", parts.port or 80)
        self._lock = Lock()
        self._server = _Server(server_port(), self)
        self._server.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def cut_length(self) -> float:
        """Return the bytes of the next stream."""
        return inf if self.cut is None else self.cut.randint(*CUT)

    @contextmanager
    def opened(self) -> Iterator[None]:
        with self._lock:
            self.open_streams += 1
        try:
            yield
        finally:
            with self._lock:
                self.open_streams -= 1

    def strip(self, head: bytes) -> bytes:
        lines = head.split(b"\r\n")
        return b"\r\n".join(line for line in lines if line.split(b":")[0].decode().lower() not in self.strips)

    def close(self) -> None:
        self._server.stop()
        release(self._server.server_address[1])


@contextmanager
def bad_proxy(target: str) -> Iterator[BadProxy]:
    proxy = BadProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()


class _Server(ClosableServer):
    def __init__(self, port: int, proxy: BadProxy) -> None:
        super().__init__(port, _Handler)
        self.proxy = proxy


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        proxy = self.server.proxy
        try:
            if urlsplit(self.path).path.endswith(STREAM_PATH):
                self._stream(proxy)
            else:
                self._forward(proxy)
        except (OSError, HTTPException):
            self.close_connection = True  # the server has stopped, or the browser left

    do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def _forward(self, proxy: BadProxy) -> None:
        connection = HTTPConnection(proxy.target[0], proxy.target[1], timeout=30)
        try:
            length = int(self.headers.get("content-length") or 0)
            # The host stays that of the browser, so that the server accepts its origin.
            headers = {name: text for name, text in self.headers.items() if name.lower() not in HOP_HEADERS}
            connection.request(self.command, self.path, self.rfile.read(length) or None, headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        self.send_response(response.status, response.reason)
        skipped = {*HOP_HEADERS, "date", "server", *(proxy.strips if "/api/" in self.path else ())}
        for name, value in response.getheaders():
            if name.lower() not in skipped:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _stream(self, proxy: BadProxy) -> None:
        self.close_connection = True
        proxy.streams += 1
        if proxy.html:
            self.wfile.write(LOGIN_PAGE)
            return
        left = proxy.cut_length()
        with proxy.opened(), socket.create_connection(proxy.target) as upstream:
            lines = [f"{name}: {text}" for name, text in self.headers.items() if name.lower() != "connection"]
            upstream.sendall("\r\n".join([self.requestline, *lines, "connection: close", "", ""]).encode())
            part = proxy.strip(_head(upstream))
            while part:
                self.wfile.write(part[: int(min(left, len(part)))])
                left -= len(part)
                readable, _, _ = select.select([self.connection, upstream], [], [])
                # The browser sends nothing more, so it has left.
                if left <= 0 or self.connection in readable:
                    return
                part = upstream.recv(65536)
                if proxy.holds and part:
                    part = b""
                    select.select([self.connection], [], [])

    def log_message(self, format: str, *args: object) -> None: ...


def _head(upstream: socket.socket) -> bytes:
    """Read the status line and the headers of a response, and nothing after them."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        if not (part := upstream.recv(1)):
            break
        head += part
    return head
