"""Cost of a password per update, and of an invalid request: an app with and without one.

One process calls both in turns, as in bench/mounted.py. Then 500 viewers poll the whole server.
"""

from __future__ import annotations

import http.client
import io
import time
from contextlib import closing
from statistics import median
from typing import Any
from urllib.parse import urlencode

from bench import crowd
from bench.cost import cpu
from bench.served import Served, command, fill, folder, free_port, launched
from bench.table import Row
from dashapp.config.settings import parse_settings
from dashapp.http.types import WSGIApp
from dashapp.stores.disk.reader import DiskReader
from dashapp.web.app import create_app

PASSWORD = "correct horse 7"
TURNS, CALLS = 60, 400
VIEWERS, SECONDS = 500, 10
BAD = ("/api/ticks?window=1", "/share/x/", "/nothing", "/login?next=//evil.test", "/api/ticks?a=1&a=2")


def run() -> list[Row]:
    with folder() as store:
        fill(store, 200)
        reader = DiskReader(store)
        flags = [f"--store={store}", "--limit=100000"]
        bare = create_app(reader, parse_settings(flags, {}), folder=store)
        locked = create_app(reader, parse_settings(flags, {"DASHAPP_PASSWORD": PASSWORD}), folder=store)
        rows = _compare(bare, locked)
        port = free_port()
        with launched(command(store, port), port, DASHAPP_PASSWORD=PASSWORD) as served:
            served.wait("/healthz")
            return [*rows, _watched(served)]


def _compare(bare: WSGIApp, locked: WSGIApp) -> list[Row]:
    cookie = _cookie(_call(locked, "/login", urlencode({"password": PASSWORD}).encode()))
    plain: list[float] = []
    guarded: list[float] = []
    for turn in range(TURNS + 5):
        order = [(bare, plain), (locked, guarded)]
        for app, costs in order if turn % 2 else reversed(order):
            start = time.process_time()
            for _ in range(CALLS):
                _call(app, "/api/ticks", cookie=cookie)
            costs.append(1e6 * (time.process_time() - start) / CALLS)
    costs = []
    for path in BAD * 20:
        start = time.process_time()
        _call(locked, path, cookie=cookie)
        costs.append(1000 * (time.process_time() - start))
    more = median(theirs - ours for ours, theirs in zip(plain[5:], guarded[5:], strict=True))
    return [
        Row("password, additional CPU per update", more, "µs", 5, f"of {median(plain):.1f} µs in Python"),
        Row("CPU of an invalid request", max(costs), "ms", 10, f"the most expensive of {len(BAD)} kinds"),
    ]


def _call(app: WSGIApp, path: str, body: bytes | None = None, cookie: str = "") -> list[tuple[str, str]]:
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET" if body is None else "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8050",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body or b""),
        "CONTENT_LENGTH": str(len(body or b"")),
        "HTTP_HOST": "127.0.0.1:8050",
        "HTTP_COOKIE": cookie,
    }
    got: list[tuple[str, str]] = []
    statuses: list[str] = []

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        statuses.append(status)
        got.extend(headers)

    b"".join(app(environ, start))
    assert not statuses[0].startswith("429")
    return got


def _cookie(headers: list[tuple[str, str]]) -> str:
    return dict(headers)["set-cookie"].partition(";")[0]


def _watched(served: Served) -> Row:
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)) as connection:
        connection.request("POST", "/login", urlencode({"password": PASSWORD}))
        answer = connection.getresponse()
        answer.read()
        cookie = _cookie([("set-cookie", answer.headers["set-cookie"])])
    web = served.web()
    count, spent = crowd.once_a_second(
        served.port,
        VIEWERS,
        SECONDS,
        lambda: cpu(web),
        metrics="",
        rhythm=crowd.LIKE_THE_PAGE,
        cookie=cookie,
    )
    if count.failures or count.answers < 0.98 * VIEWERS * SECONDS:
        raise RuntimeError(f"{count.answers} answers, {count.failures} failed: no figure to go by")
    what = f"server CPU per update behind the login, {VIEWERS} viewers of all charts"
    return Row(what, 1e6 * spent / count.answers, "µs", 60, f"{count.received / count.answers:.0f} bytes")
