"""wsgi_app in real servers: one collector for all workers, which exits with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from host_servers import Server, assert_other_worker_takes_over
from processes import alive
from waiting import wait_for


class WsgiServer(Server):
    HOST = """
import os
from werkzeug.middleware.dispatcher import DispatcherMiddleware
import dashapp

def home(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    # A request for the monitor starts the collector of this process.
    b"".join(monitor(environ | {{"PATH_INFO": "/healthz"}}, lambda *_: None))
    return [str(os.getpid()).encode()]

monitor = dashapp.wsgi_app(**{settings})
app = DispatcherMiddleware(home, {{"/monitor": monitor}})
"""


class AsgiServer(Server):
    HOST = """
import os
from a2wsgi import WSGIMiddleware
from fastapi import FastAPI
import dashapp

app = FastAPI()
app.mount("/monitor", WSGIMiddleware(dashapp.wsgi_app(**{settings})))

@app.get("/")
def home():
    return os.getpid()
"""


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers: list[Server] = []

    def begin(kind: type[Server], name: str) -> Server:
        servers.append(kind(tmp_path, name))
        return servers[-1].serving()

    yield begin
    for each in servers:
        each.end()


def test_workers_forked_after_import_share_one_collector(start: Start) -> None:
    server = start(WsgiServer, "gunicorn preload")
    wait_for(lambda: len({server.get("/")[1] for _ in range(20)}) == 2)
    assert_other_worker_takes_over(server)
    only = server.collector()
    server.popen.terminate()
    wait_for(lambda: not alive(only))
    assert "Traceback" not in server.said


def test_collector_restarts_with_uvicorn_reloader(start: Start) -> None:
    server = start(AsgiServer, "uvicorn with reloader")
    wait_for(lambda: server.get("/monitor/")[0] == 200)
    first, served = server.collector(), server.get("/")[1]
    server.moves()
    with (server.store.parent / "host.py").open("a") as file:
        file.write("\n# changed\n")
    wait_for(lambda: server.get("/")[1] not in (b"", served))
    wait_for(lambda: not alive(first))
    server.moves()
    assert len(server.collectors()) == 1
