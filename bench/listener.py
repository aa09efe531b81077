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
REFUSED, HUNG = 0.15, 0.1


class Listener:
    """Receives alerts on a local port.

    `heard`: how often each line was in an accepted message. `counted`: alerts that a message only counted,
    without a line. If `calm`, it accepts everything.
    """

    def __init__(self, seed: int) -> None:
        self.heard: Counter[str] = Counter()
        self.messages = self.counted = 0
        self.calm = False
        self._random = random.Random(seed)
        self._end = Event()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                listener._answer(self, json.loads(body))

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"json://127.0.0.1:{self._server.server_address[1]}/"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, handler: BaseHTTPRequestHandler, message: dict[str, str]) -> None:
        chance = 1.0 if self.calm else self._random.random()
        if chance < HUNG:
            self._end.wait(60)
            return
        taken = chance >= HUNG + REFUSED
        if taken:
            self.messages += 1
            lines = message["message"].splitlines()
            self.heard.update(lines)
            if found := re.match(r"([0-9,]+) earlier changes", lines[0]):
                self.counted += int(found[1].replace(",", ""))
        handler.send_response(200 if taken else 503)
        handler.end_headers()

    def close(self) -> None:
        self._end.set()
        self._server.shutdown()
        self._server.server_close()
