"""Mounted in real Flask servers: one collector for all processes, which exits with them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from host_servers import HOST, Server, assert_other_worker_takes_over
from processes import Process, alive, collector, stored
from waiting import wait_for

from dashapp.model.notices import GENERIC_NOTICE

Start = Callable[..., Server]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that recovers from everything that a test does to its collector and store."""
    server = Server(tmp_path_factory.mktemp("shop"), "waitress")
    try:
        yield server.serving()
    finally:
        server.end()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers: list[Server] = []

    def begin(server: str, **settings: Any) -> Server:
        servers.append(Server(tmp_path, server, **settings))
        return servers[-1].serving()

    yield begin
    for each in servers:
        each.end()


# The tests below start the others: waitress, gunicorn with threads, and flask with its reloader.
@pytest.mark.parametrize("name", ["flask", "gunicorn gevent", "gunicorn gevent preload", "granian"])
def test_one_collector_runs_and_exits_with_its_server(start: Start, name: str) -> None:
    server = start(name)
    # By then every worker has probably had a request; each tries to take the lock once a second.
    wait_for(lambda: len({server.get("/")[1] for _ in range(20)}) >= (2 if "gunicorn" in name else 1))
    server.moves()
    only = server.collector()
    for _ in range(3):
        server.moves()
    assert [each.pid for each in server.collectors()] == [only.pid]
    assert server.get("/monitor/")[0] == 200
    # A single process may be killed; of several, the first is stopped, and it stops the rest.
    server.popen.send_signal(signal.SIGKILL if name == "flask" else signal.SIGTERM)
    wait_for(lambda: not alive(only))
    assert "Traceback" not in server.said


def test_other_worker_starts_collector_when_leader_is_killed(start: Start) -> None:
    # The module of the source is the application, and each import mounts dashapp again.
    server = start("gunicorn threads", source=["host:orders"], threshold="host.orders > 1 for 1s")
    # A notice about the source comes before its values.
    wait_for(lambda: 7.0 in json.loads(server.get("/monitor/api/ticks?window=10")[1])["y"]["orders"])
    assert_other_worker_takes_over(server)
    only = server.collector()
    server.popen.terminate()
    wait_for(lambda: not alive(only))
    assert "Traceback" not in server.said


def test_killed_collector_is_restarted(shop: Server) -> None:
    first = shop.collector()
    first.kill()
    wait_for(lambda: [each for each in shop.collectors() if each.pid != first.pid])
    shop.moves()


def test_deleted_store_is_recreated(shop: Server) -> None:
    shop.moves()
    (shop.store / "old").touch()
    shutil.rmtree(shop.store, ignore_errors=True)
    assert not (shop.store / "old").exists()
    wait_for(lambda: stored(shop.store))
    shop.moves()
    shop.collector()


def test_import_of_application_starts_no_collector(tmp_path: Path) -> None:
    (tmp_path / "host.py").write_text(HOST.format(settings={}))
    process = Process([sys.executable, "-m", "flask", "--app", "host", "routes"], folder=tmp_path, env={})
    try:
        assert process.wait() == 0
        assert "/monitor/" in process.said
        assert sorted(each.name for each in tmp_path.iterdir() if each.name != "__pycache__") == ["host.py"]
    finally:
        process.end()


def test_mount_reads_store_of_other_collector(start: Start, tmp_path: Path) -> None:
    server = start("waitress", collect=False, store="data")
    wait_for(lambda: b"no collector has written" in server.get("/monitor/api/ticks")[1])
    with collector(tmp_path, "--store", "data"):
        server.moves()
        wait_for(lambda: "notices" not in json.loads(server.get("/monitor/api/ticks")[1]))
        assert server.collectors() == []


def test_invalid_source_is_reported_once(start: Start) -> None:
    server = start("waitress", source="host:nothing_of_that_name")
    said = 'source is "host:nothing_of_that_name"'
    # Without `protect`, the page does not show the name of the source.
    wait_for(lambda: GENERIC_NOTICE.encode() in server.get("/monitor/api/ticks")[1])
    assert server.said.count(said) == 1
    assert server.collectors() == []


class RestlessServer(Server):
    """A server that changes its folder and is its own interpreter, as uWSGI is."""

    HOST = (
        HOST
        + """
import os, sys
os.chdir("/")
sys.executable = "/bin/false"
"""
    )


def test_collector_starts_when_server_changes_folder_and_executable(tmp_path: Path) -> None:
    (tmp_path / "monitor.toml").write_text('source = ["demo"]\n')
    server = RestlessServer(tmp_path, "waitress", config="monitor.toml")
    try:
        server.serving().moves()
        assert b"demo." in server.get(server.TICKS)[1]
    finally:
        server.end()


def test_collector_restarts_with_flask_reloader(start: Start) -> None:
    server = start("flask with reloader")
    first, served = server.collector(), server.get("/")[1]
    server.moves()
    with (server.store.parent / "host.py").open("a") as file:
        file.write("\n# changed\n")
    wait_for(lambda: server.get("/")[1] not in (b"", served))
    wait_for(lambda: not alive(first))
    server.moves()
    only = server.collector()
    server.popen.terminate()
    wait_for(lambda: not alive(only))


def test_interrupt_of_process_group_stops_collector_without_error(start: Start) -> None:
    server = start("waitress")
    only = server.collector()
    for _ in range(3):
        server.moves()
    assert [each.pid for each in server.collectors()] == [only.pid]
    # Send it to the whole process group, as a terminal does.
    os.killpg(server.pid, signal.SIGINT)
    server.wait()
    wait_for(lambda: not alive(only))
    assert "the collector exited" not in server.said
