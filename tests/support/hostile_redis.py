"""Documents of another program in a shared Redis, and the check that every page still works."""

from __future__ import annotations

import time
from typing import Any

from wsgi_client import ask

from dashapp.http.types import WSGIApp
from dashapp.stores.redis.keys import Keys

SCRIPT = "<script>alert(1)</script>"
HTML = f'"><img src=x onerror=alert(1)>{SCRIPT}'
KEYS = Keys("a")
PATHS = [
    *("/", "/_dash-layout", "/api/ticks", "/api/ticks?window=7200", "/api/ticks?window=600000"),
    *("/api/metrics", "/api/ticks?hosts=1&curves=1", "/api/hosts", "/api/alerts", "/api/csv?window=600000"),
    *("/api/events", "/api/runs", "/api/top", "/api/badge/cpu.percent.svg", "/chart/cpu.percent"),
    *("/metrics", "/healthz", "/host/a/", "/host/a/api/ticks", "/host/a,b/api/ticks"),
]


def notices(app: WSGIApp) -> list[str]:
    return list(ask(app, "/api/ticks").json.get("notices", ()))


def assert_works(app: WSGIApp) -> None:
    """Check every response: none fails, contains HTML that a browser would run, or is large."""
    for path in PATHS:
        answer = ask(app, path, accept="text/html")
        assert answer.status < 500, (path, answer.status, answer.body[:300])
        assert len(answer.body) < 1_000_000, path
        assert b"Traceback" not in answer.body, path
        if "html" in answer.headers.get("content-type", ""):
            assert SCRIPT.encode() not in answer.body, path
            assert b"<img src=x" not in answer.body, path
        else:
            assert answer.headers["x-content-type-options"] == "nosniff"


def bump(client: Any, **fields: Any) -> bytes:
    """Write documents as the collector does, with a new version, which is returned."""
    version = str(time.monotonic_ns())
    client.hset(KEYS.documents, mapping={**fields, "mark": version})
    return version.encode()
