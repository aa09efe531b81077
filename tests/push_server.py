"""A server that takes pushes as a test says, and programs that push to it."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from processes import ROOT
from pushed import TOKEN
from waiting import PATIENCE_S

from dashapp.client import Pusher


class Server:
    """Takes pushes as a test says: `answer` gives the status of each from its metrics, and may wait."""

    def __init__(self, port: int = 0) -> None:
        self.answer: Callable[[dict[str, float]], int] = lambda metrics: 200
        self.got: list[dict[str, float]] = []
        self.headers: list[Any] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.headers.append((self.path, self.headers["authorization"]))
                status = server.answer(body["metrics"])
                if status == 200:
                    server.got.append(body["metrics"])
                text = json.dumps({"error": f"a sentence about {status}"}).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None: ...

        class Listening(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None: ...

        self._server = Listening(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def newest(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for metrics in list(self.got):
            found |= metrics
        return found

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def serving(port: int = 0) -> Iterator[Server]:
    server = Server(port)
    try:
        yield server
    finally:
        server.stop()


def pushed_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving() as found:
        monkeypatch.setenv("DASHAPP_URL", f"http://127.0.0.1:{found.port}")
        monkeypatch.setenv("DASHAPP_PUSH_TOKEN", TOKEN)
        yield found


def pusher_of_a_test(server: Server, monkeypatch: pytest.MonkeyPatch) -> Pusher:
    """Its thread is a daemon's, and sleeps for ever when the test is over."""
    monkeypatch.setattr(atexit, "register", lambda *_: None)
    return Pusher()


def run(code: str, server: Server | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """A program of its own."""
    url = {"DASHAPP_URL": f"http://127.0.0.1:{server.port}"} if server else {}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DASHAPP_PUSH_TOKEN": TOKEN, **url, **env},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What we logged: a library that an earlier test left a thread of may log as well."""
    return [record.getMessage() for record in caplog.records if record.name == "dashapp"]
