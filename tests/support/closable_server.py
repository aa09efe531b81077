"""An HTTP server of tests that closes its open connections when it stops.

Otherwise a browser that keeps a connection would reach the old server on a port that a new one has.
"""

from __future__ import annotations

import contextlib
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

POLL_S = 0.02


class ClosableServer(ThreadingHTTPServer):
    """Serves on 127.0.0.1 in threads, from `start` to `stop`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self._connections: set[socket.socket] = set()

    def start(self) -> None:
        Thread(target=self.serve_forever, args=(POLL_S,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections and close those that are open."""
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of closed browsers and stopped servers, which the tests cause."""
