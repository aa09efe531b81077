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
    bare_costs: list[float] = []
    locked_costs: list[float] = []
    for turn in range(TURNS + 5):
        order = [(bare, bare_costs), (locked, locked_costs)]
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
    difference = median(
        locked_cost - bare_cost
        for bare_cost, locked_cost in zip(bare_costs[5:], locked_costs[5:], strict=True)
    )
    return [
        Row(
            "password, additional CPU per update",
            difference,
            "µs",
            5,
            f"of {median(bare_costs):.1f} µs in Python",
        ),
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
    response_headers: list[tuple[str, str]] = []
    statuses: list[str] = []

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        statuses.append(status)
        response_headers.extend(headers)

    b"".join(app(environ, start))
    assert not statuses[0].startswith("429")
    return response_headers


def _cookie(headers: list[tuple[str, str]]) -> str:
    return dict(headers)["set-cookie"].partition(";")[0]


def sign_in(port: int) -> str:
    """Sign in to a server with PASSWORD, and return the cookie."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("POST", "/login", urlencode({"password": PASSWORD}))
        response = connection.getresponse()
        response.read()
        return _cookie([("set-cookie", response.headers["set-cookie"])])


def _watched(served: Served) -> Row:
    cookie = sign_in(served.port)
    web = served.web()
    count, cpu_seconds = crowd.once_a_second(
        served.port,
        VIEWERS,
        SECONDS,
        lambda: cpu(web),
        metrics="",
        rhythm=crowd.LIKE_THE_PAGE,
        cookie=cookie,
    )
    if count.failures or count.responses < 0.98 * VIEWERS * SECONDS:
        raise RuntimeError(f"{count.responses} responses, {count.failures} failed: the result is not valid")
    what = f"server CPU per update behind the login, {VIEWERS} viewers of all charts"
    return Row(
        what, 1e6 * cpu_seconds / count.responses, "µs", 60, f"{count.received / count.responses:.0f} bytes"
    )
