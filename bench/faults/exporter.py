"""An exporter with many series: some that come and go, and others whose number changes."""

from __future__ import annotations

import math
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

# Series of the wide page, and seconds for which it has each number of them.
WIDE, WIDE_PERIOD_S = (150, 500), 45
# Series of the churning page at a time, and how many of them each second replaces.
CHURNING, CHURN_PER_S = 100, 5


class WideExporter:
    """Serves /wide and /churn on a local port."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = (_wide() if self.path == "/wide" else _churning()).encode()
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def sources(self) -> list[str]:
        return [f"prometheus:{self._url}/{name}" for name in ("wide", "churn")]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _wide() -> str:
    now = time.time()
    count = WIDE[int(now / WIDE_PERIOD_S) % 2]
    lines = (f'wide{{n="{number}"}} {50 + 50 * math.sin(number + now):.2f}' for number in range(count))
    return "# TYPE wide gauge\n" + "\n".join(lines) + "\n"


def _churning() -> str:
    first = int(CHURN_PER_S * time.time()) % 10**7
    lines = (f'pod_bytes{{pod="p{number}"}} {number}' for number in range(first, first + CHURNING))
    return "# TYPE pod_bytes gauge\n" + "\n".join(lines) + "\n"
