"""CPU time of a request to an app's own route, with and without dashapp mounted beside it.

One process calls both in short turns, so that a busy machine affects both alike. The median of the turns'
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
    page = _environ("/monitor/api/ticks", "window=100")
    assert _call(mounted, page) == "200 OK"
    for each in (alone, mounted, control):
        _spent(each, WARM)
    ours, noise, costs, bare = [], [], [], []
    for turn in range(TURNS):
        # Change the order, so that no application is always first in a turn.
        order = [alone, mounted, control] if turn % 2 else [control, mounted, alone]
        spent = {id(each): _spent(each, CALLS) for each in order}
        _call(mounted, page)
        ours.append(spent[id(mounted)] / spent[id(alone)])
        noise.append(spent[id(control)] / spent[id(alone)])
        costs.append(1e6 * (spent[id(mounted)] - spent[id(alone)]) / CALLS)
        bare.append(1e6 * spent[id(alone)] / CALLS)
    note = f"two equal apps differ by {100 * (median(noise) - 1):+.1f} %"
    return [
        Row("an app's own route, with dashapp mounted, slower by", 100 * (median(ours) - 1), "%", 5, note),
        Row("the same, additional CPU per request", median(costs), "µs", note=f"of {median(bare):.0f} µs"),
    ]


def _host() -> Flask:
    app = Flask("host")
    app.before_request(lambda: None)
    app.add_url_rule("/hello/<name>", "hello", lambda name: f"Hello {name}")
    return app


def _spent(app: Flask, calls: int) -> float:
    """Return seconds of this thread's CPU."""
    environ = _environ(ROUTE, "")
    begun = time.thread_time()
    for _ in range(calls):
        _call(app, dict(environ))
    return time.thread_time() - begun


def _call(app: Callable[..., Any], environ: dict[str, Any]) -> str:
    got: list[str] = []
    answer = app(environ, lambda status, *_: got.append(status))
    b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return got[0]


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
