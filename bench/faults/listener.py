"""A receiver of alerts that is as unreliable as real services.

It rejects some messages and never answers others. It counts the lines of the messages that it accepts.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

# Share of requests that it rejects, and share that it never answers.
REJECT_SHARE, HANG_SHARE = 0.15, 0.1


class Listener:
    """Receives alerts on a local port.

    `lines`: how often each line was in an accepted message. `counted`: alerts that a message only counted,
    without a line. If `calm`, it accepts everything.
    """

    def __init__(self, seed: int) -> None:
        self.lines: Counter[str] = Counter()
        self.messages = self.counted = 0
        self.calm = False
        self._random = random.Random(seed)
        self._stop = Event()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                listener._respond(self, json.loads(body))

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"json://127.0.0.1:{self._server.server_address[1]}/"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def _respond(self, handler: BaseHTTPRequestHandler, message: dict[str, str]) -> None:
        draw = 1.0 if self.calm else self._random.random()
        if draw < HANG_SHARE:
            self._stop.wait(60)
            return
        accepted = draw >= HANG_SHARE + REJECT_SHARE
        if accepted:
            self.messages += 1
            lines = message["message"].splitlines()
            self.lines.update(lines)
            if match := re.match(r"([0-9,]+) earlier changes", lines[0]):
                self.counted += int(match[1].replace(",", ""))
        handler.send_response(200 if accepted else 503)
        handler.end_headers()

    def close(self) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
