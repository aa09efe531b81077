"""A local HTTP server with responses that a test sets, such as a good or a hostile exporter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Act = Callable[[BaseHTTPRequestHandler], object]
TEXT = "text/plain; version=0.0.4; charset=utf-8"


def body(text: str | bytes, kind: str = TEXT, status: int = 200, **headers: str) -> Act:
    """Return a handler that responds with `text`; names of `headers` have underscores."""
    data = text.encode() if isinstance(text, str) else text

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        if kind:
            handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return act


class Exporter:
    """`act` sends the response; `asked` has the path and the headers of every request."""

    def __init__(self) -> None:
        self.act: Act = body("")
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
                with suppress(OSError):
                    outer.act(self)

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing: the tests read `asked`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/metrics"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def exporting() -> Iterator[Exporter]:
    exporter = Exporter()
    try:
        yield exporter
    finally:
        exporter.stop()
