"""A local webhook that records its messages, and that a test can make fail or hang."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


class Webhook:
    """A webhook that responds with `status`, or not at all while `hanging`.

    `heard` has the accepted messages as (time, message); `tried` counts the requests.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[float, dict[str, Any]]] = []
        self.tried = 0
        self.status = 200
        self.hanging = False
        self._end = Event()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["content-length"])))
                hook.tried += 1
                if hook.hanging:
                    hook._end.wait(60)
                    return
                if hook.status == 200:
                    hook.heard.append((time.time(), message))
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """The target's address, with a password that must stay secret."""
        return f"json://me:c4nary@127.0.0.1:{self.port}/alerts"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for _, message in self.heard]

    def close(self) -> None:
        self._end.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def webhook() -> Iterator[Webhook]:
    found = Webhook()
    try:
        yield found
    finally:
        found.close()
