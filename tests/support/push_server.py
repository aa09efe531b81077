"""A fake push server, and programs that push to it."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from processes import ROOT
from push_pipeline import TOKEN
from waiting import PATIENCE_S

from dashapp import client
from dashapp.client import PushClient, PushTransport


class Server:
    """Accepts pushes; `answer` returns the status for the metrics of a request, and may block."""

    def __init__(self, port: int = 0) -> None:
        self.answer: Callable[[dict[str, float]], int] = lambda metrics: 200
        self.error = "a sentence about {status}"
        self.got: list[dict[str, float]] = []
        self.entries: list[dict[str, Any]] = []
        self.headers: list[Any] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.headers.append((self.path, self.headers["authorization"]))
                entries = body if isinstance(body, list) else [body]
                metrics = {
                    name: value for entry in entries for name, value in entry.get("metrics", {}).items()
                }
                status = server.answer(metrics)
                if status == 200:
                    server.got.append(metrics)
                    server.entries += entries
                text = json.dumps({"error": server.error.format(status=status)}).encode()
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
        self._thread.join()


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


class OverError(Exception):
    """Ends the client's thread after the test."""


class EndingMixin(PushClient):
    """A client whose thread and connection end with the test."""

    is_over = False
    transport: PushTransport | None = None

    def _make_transport(self) -> PushTransport:
        self.transport = super()._make_transport()
        return self.transport

    def _run(self) -> None:
        with suppress(OverError):
            super()._run()

    def _sleep(self, due: float, is_pending: bool) -> list[Event]:
        found = [] if self.is_over else super()._sleep(due, is_pending)
        if self.is_over:
            raise OverError
        return found

    def end(self) -> None:
        self.is_over = True
        if self._thread is not None:
            self._wake.put(Event())
            self._thread.join(PATIENCE_S)
        if self.transport is not None:
            self.transport._close()


class Ending(EndingMixin):
    """A push client whose thread ends with the test."""


def pusher_of_a_test(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushClient]:
    """Yield a client that retries soon; its thread ends with the test."""
    monkeypatch.setattr(atexit, "register", lambda *_: None)
    monkeypatch.setattr(os, "register_at_fork", lambda **_: None)
    monkeypatch.setattr(client, "REQUEST_TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr(client, "BACKOFF_INITIAL_S", 0.02)
    senders: list[PushTransport] = []

    def made(*words: Any) -> PushTransport:
        senders.append(PushTransport(*words))
        return senders[-1]

    monkeypatch.setattr(client, "PushTransport", made)
    pusher = Ending()
    yield pusher
    pusher.end()
    for each in senders:
        each._close()


# On a busy machine, two seconds may be too short for the last request of a program.
PATIENT = f"import dashapp.client; dashapp.client.PushClient.flush.__defaults__ = ({PATIENCE_S},)\n"


def run(
    code: str,
    server: Server | None = None,
    *,
    patient: bool = True,
    file: Path | None = None,
    check: bool = True,
    **env: str,
) -> subprocess.CompletedProcess[str]:
    """Run a program; a `patient` one waits longer for its last request than by default.

    `file`: the program is written to it, because processes that it spawns import it.
    """
    url = {"DASHAPP_URL": f"http://127.0.0.1:{server.port}"} if server else {}
    program = (PATIENT if patient else "") + textwrap.dedent(code)
    if file is not None:
        file.write_text(program, "utf-8")
    return subprocess.run(
        [sys.executable, "-W", "error", *(("-c", program) if file is None else (str(file),))],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DASHAPP_PUSH_TOKEN": TOKEN, **url, **env},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        check=check,
    )


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the log messages of dashapp, without those of libraries."""
    return [record.getMessage() for record in caplog.records if record.name == "dashapp"]
