"""CPU time of a request to an app's own route, alone, and beside `mount` or `wsgi_app`.

One process calls all in short turns, so that a busy machine affects all alike. The median of the turns'
ratios counts. Meanwhile the collector of the mounted one runs, and one viewer polls.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import dashapp
from bench.served import fill, folder
from bench.table import Row

TURNS, CALLS = 120, 400
ROUTE = "/hello/you"
WARM = 2000


def run() -> list[Row]:
    with folder() as store:
        fill(store, 200)
        return _compare(store)


def _compare(store: Path) -> list[Row]:
    alone, mounted, control = _host(), _host(), _host()
    dashapp.mount(mounted, "/monitor/", store=store)
    beside: Any = DispatcherMiddleware(_host(), {"/monitor": dashapp.wsgi_app(store=store)})
    page = _environ("/monitor/api/ticks", "window=100")
    assert _call(mounted, page) == _call(beside, page) == "200 OK"
    apps = [alone, mounted, beside, control]
    for app in apps:
        _cpu_seconds(app, WARM)
    ratios, beside_ratios, control_ratios, differences, costs = [], [], [], [], []
    for turn in range(TURNS):
        # Change the order, so that no application is always first in a turn.
        order = apps if turn % 2 else apps[::-1]
        cpu_seconds = {id(app): _cpu_seconds(app, CALLS) for app in order}
        _call(mounted, page)
        _call(beside, page)
        ratios.append(cpu_seconds[id(mounted)] / cpu_seconds[id(alone)])
        beside_ratios.append(cpu_seconds[id(beside)] / cpu_seconds[id(alone)])
        control_ratios.append(cpu_seconds[id(control)] / cpu_seconds[id(alone)])
        differences.append(1e6 * (cpu_seconds[id(mounted)] - cpu_seconds[id(alone)]) / CALLS)
        costs.append(1e6 * cpu_seconds[id(alone)] / CALLS)
    note = f"two equal apps differ by {100 * (median(control_ratios) - 1):+.1f} %"
    return [
        Row("an app's own route, with dashapp mounted, slower by", 100 * (median(ratios) - 1), "%", 5, note),
        Row(
            "the same, additional CPU per request",
            median(differences),
            "µs",
            note=f"of {median(costs):.0f} µs",
        ),
        Row("own route beside wsgi_app, slower by", 100 * (median(beside_ratios) - 1), "%", 5, note),
    ]


def _host() -> Flask:
    app = Flask("host")
    app.before_request(lambda: None)
    app.add_url_rule("/hello/<name>", "hello", lambda name: f"Hello {name}")
    return app


def _cpu_seconds(app: Callable[..., Any], calls: int) -> float:
    """Return seconds of this thread's CPU."""
    environ = _environ(ROUTE, "")
    start = time.thread_time()
    for _ in range(calls):
        _call(app, dict(environ))
    return time.thread_time() - start


def _call(app: Callable[..., Any], environ: dict[str, Any]) -> str:
    statuses: list[str] = []
    response = app(environ, lambda status, *_: statuses.append(status))
    b"".join(response)
    if hasattr(response, "close"):
        response.close()
    return statuses[0]


def _environ(path: str, query: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
    }
