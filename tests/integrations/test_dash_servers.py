"""attach under servers with several workers: one of them collects, and another takes over."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
from host_servers import Server, assert_other_worker_takes_over
from processes import alive
from waiting import wait_for

INTERVAL_MS = 200
HOST = """
import os
import dash, dashapp

dash_app = dash.Dash(__name__)
dashapp.attach(dash_app, **{settings})
dash_app.layout = dashapp.LiveGraph("demo.*")
app = dash_app.server

@app.get("/pid")
def pid():
    return str(os.getpid())
"""


class DashServer(Server):
    HOST = HOST
    TICKS = "/_dashapp/api/ticks?window=100"

    def times(self) -> list[int]:
        status, body = self.get(self.TICKS)
        return list(json.loads(body)["t"]) if status == 200 else []

    def serving(self) -> Self:
        super().serving()
        return self


Start = Callable[..., DashServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers: list[DashServer] = []

    def begin(server: str, **settings: Any) -> DashServer:
        settings = {"store": "data", "sources": ["demo"], "interval": INTERVAL_MS / 1000, **settings}
        servers.append(DashServer(tmp_path, server, **settings))
        return servers[-1].serving()

    yield begin
    for each in servers:
        each.end()


# The tests below start gunicorn without preload, and waitress.
@pytest.mark.parametrize("name", ["gunicorn preload", "granian"])
def test_attach_collects_once_in_all_workers(start: Start, name: str) -> None:
    server = start(name)
    workers = 2 if "gunicorn" in name else 1
    wait_for(lambda: len({server.get("/pid")[1] for _ in range(20)}) >= workers)
    only = server.collector()
    times = wait_for(lambda: server.times() if len(server.times()) > 10 else [])
    steps = {later - earlier for earlier, later in pairwise(times)}
    assert min(steps) >= INTERVAL_MS
    assert [each.pid for each in server.collectors()] == [only.pid]
    server.popen.send_signal(signal.SIGTERM)
    wait_for(lambda: not alive(only))
    assert "Traceback" not in server.said


def test_attach_reports_source_that_cannot_be_imported(start: Start) -> None:
    server = start("waitress", sources=["host:nothing_of_that_name"])
    problem = 'source is "host:nothing_of_that_name"'
    wait_for(lambda: problem in server.get(server.TICKS)[1].decode().replace('\\"', '"'))
    assert server.collectors() == []


def test_attach_collects_with_settings_file_of_public_monitor(start: Start, tmp_path: Path) -> None:
    (tmp_path / "dashapp.toml").write_text('host = "0.0.0.0"\nwindow = 86400\nworkers = 2\n')
    server = start("waitress")
    server.moves()
    server.collector()


def test_attach_collects_named_function_in_one_worker_and_elects_another(tmp_path: Path) -> None:
    # The collector and its check import the app, which calls attach again.
    server = OrdersServer(tmp_path, "gunicorn", store="data", sources=["host:orders"], interval=0.2)
    try:
        server.serving().moves()
        only = server.collector()
        server.moves()
        assert [each.pid for each in server.collectors()] == [only.pid]
        assert psutil.Process(only.pid).children() == []
        assert_other_worker_takes_over(server)
    finally:
        server.end()


class OrdersServer(DashServer):
    HOST = f"{HOST}\n\ndef orders():\n    return 7.0\n"
