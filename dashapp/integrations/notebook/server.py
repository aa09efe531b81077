"""The server of a notebook's kernel: collector, store and pages are threads of the kernel.

The store is in memory. The server listens on a free port of 127.0.0.1. Its addresses begin with a secret,
because other users of the machine can reach the port.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore, Event, Lock
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from dashapp.collector.service import collect_with_settings
from dashapp.config.settings import Settings, parse_settings
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.model.ticks import SettingsError
from dashapp.process.threads import PerProcessThread, start_thread
from dashapp.sources.function import source_of_function
from dashapp.sources.registry import source_problem
from dashapp.stores.factory import rows_to_keep
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue

HOST = "127.0.0.1"
# A browser has up to six connections to the server for all its charts.
MAX_CONNECTIONS = 64
URL_VARIABLE, TOKEN_VARIABLE = "DASHAPP_URL", "DASHAPP_PUSH_TOKEN"
# Sites that may show the chart in a frame. The secret in its address decides who can.
FRAME_ANCESTORS = "frame-ancestors 'self' http: https: vscode-webview: vscode-file:"

Functions = Mapping[str, Callable[[], Any]]


def parse_sources(names: Iterable[str]) -> Settings:
    """Return the settings of a kernel with these sources. SettingsError if one is wrong."""
    flags = [f"--source={name}" for name in names]
    # The settings of another server must not change this one.
    settings = parse_settings(["--store=memory:", *flags], {}, "dashapp.show", serving=False)
    problems = [source_problem(spec, settings.interval) for spec in settings.source]
    if any(problems):
        raise SettingsError([problem for problem in problems if problem])
    return settings


class KernelServer:
    """The only server of this process. `root` is its address, with a slash at the end."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._functions: dict[str, Callable[[], Any]] = {}
        self._settings = parse_sources(())
        self._store = MemoryStore(keep=rows_to_keep(self._settings.interval))
        self._queue = MemoryPushQueue(self._settings.interval)
        self._path = f"/{secrets.token_urlsafe(16)}"
        self._stop = Event()
        self._collector: PerProcessThread | None = None
        self._server = make_server(HOST, 0, self._serve, _Server, _Handler)
        self.port = self._server.server_port
        self.process = os.getpid()
        self.root = f"http://{HOST}:{self.port}{self._path}/"
        # A program that pushes elsewhere keeps its server.
        self.has_pushes = not os.environ.get(TOKEN_VARIABLE)
        self._push_token = secrets.token_hex(16)
        if self.has_pushes:
            os.environ |= {URL_VARIABLE: self.root.rstrip("/"), TOKEN_VARIABLE: self._push_token}
        self._app = self._build_app()

    def collect(self, names: Sequence[str], functions: Functions) -> None:
        """Collect these sources in addition to the machine and all earlier ones.

        A function replaces an earlier one of its name. SettingsError if a source is wrong.
        """
        new_names = [*self._names, *(name for name in names if name not in self._names)]
        new_functions = {**self._functions, **functions}
        settings = replace(parse_sources(new_names), push_token=self._push_token)
        if self._collector is not None and (new_names, new_functions) == (self._names, self._functions):
            return
        self._names, self._functions, self._settings = new_names, new_functions, settings
        self._stop.set()
        if self._collector is not None:
            self._collector.join()
        else:
            start_thread("dashapp server", self._server.serve_forever)
        stop = self._stop = Event()
        sources = [source_of_function(name, call) for name, call in new_functions.items()]

        def run() -> None:
            collect_with_settings(settings, self._store, self._queue, stop, sources)

        self._collector = PerProcessThread("dashapp collector", run, self._report, stop.wait)
        self._collector.start()

    def _build_app(self) -> WSGIApp:
        from dashapp.web.app import create_app

        settings = replace(self._settings, push_token=self._push_token, processes="always")
        return create_app(self._store, settings, self._queue, mounted=True, restricted=True)

    def _report(self, sentence: str) -> None:
        self._store.notice_sink("collector").set(sentence)

    def _serve(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer below the secret path, for any host name: a proxy sends its own."""
        path: str = environ["PATH_INFO"]
        if not secrets.compare_digest(path.encode()[: len(self._path) + 1], f"{self._path}/".encode()):
            start_response("404 Not Found", [("content-type", "text/plain"), ("content-length", "0")])
            return [b""]
        inner = {**environ, "PATH_INFO": path[len(self._path) :], "SCRIPT_NAME": self._path}
        inner["HTTP_HOST"] = f"{HOST}:{self.port}"

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*_frame_headers(headers)], *rest)

        return self._app(inner, start)


def _frame_headers(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for name, value in headers:
        if name.lower() == "content-security-policy":
            yield name, value.replace("frame-ancestors 'self'", FRAME_ANCESTORS)
        elif name.lower() != "x-frame-options":
            yield name, value


class _Server(ThreadingMixIn, WSGIServer):
    """Serves each connection in a thread, up to a limit: other users can connect, too."""

    daemon_threads = True
    # A request in flight must not delay the end of the kernel.
    block_on_close = False
    request_queue_size = 64

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._free = BoundedSemaphore(MAX_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()


class _Handler(WSGIRequestHandler):
    """Logs nothing: the output of a cell is for its results."""

    # Seconds that a client may take for each part of its request.
    timeout = 30

    def log_message(self, format: str, *args: Any) -> None: ...


_server: KernelServer | None = None
_lock = Lock()


def kernel_server() -> KernelServer:
    """Return the server of this process, and create it at first. A forked process gets its own."""
    global _server
    with _lock:
        if _server is None or _server.process != os.getpid():
            _server = KernelServer()
        return _server
