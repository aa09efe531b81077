"""dashapp in other applications with Redis: mounted in Flask, attached to Dash."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from host_servers import Server
from redis_server import RedisServer, needs_redis, redis_at
from redis_store import stored
from waiting import wait_for

pytestmark = needs_redis

DASH = """
import dash, dashapp

dash_app = dash.Dash(__name__)
dashapp.attach(dash_app, sources={{"loss": lambda: 0.5}}, **{settings})
dash_app.layout = dashapp.LiveGraph("loss")
app = dash_app.server
"""


class DashServer(Server):
    HOST = DASH
    TICKS = "/_dashapp/api/ticks?window=100"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_at(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=[Server, DashServer], ids=["mount", "attach"], scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis: RedisServer
) -> Iterator[Server]:
    name = request.param.__name__
    found: Server = request.param(
        tmp_path_factory.mktemp("host"), "waitress", store=redis.url, name=name, interval=0.2
    )
    try:
        yield found.serving()
    finally:
        found.end()


def test_app_collects_under_its_host_name(server: Server, redis: RedisServer) -> None:
    server.moves()
    assert stored(redis, type(server).__name__)


def test_redis_address_is_in_no_command_line(server: Server, redis: RedisServer) -> None:
    server.moves()
    assert not [each.pid for each in server.family() if redis.url in " ".join(each.cmdline())]


def test_19_app_works_during_redis_outage_and_loses_no_ticks(server: Server, redis: RedisServer) -> None:
    server.moves()
    redis.kill()
    killed = time.time()
    wait_for(lambda: b"the last data received" in server.get(server.TICKS)[1])
    assert server.get("/")[0] == 200
    # Long enough for some ticks in the outage.
    wait_for(lambda: time.time() - killed > 2.5)
    redis.start()
    server.moves()
    name = type(server).__name__
    wait_for(lambda: [each for each in stored(redis, name) if killed < each < killed + 1.5])


def test_app_shows_ticks_of_other_process(server: Server, redis: RedisServer, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    name = type(server).__name__
    other = type(server)(folder, "waitress", store=redis.url, name=name, collect=False)
    try:
        other.serving().moves()
    finally:
        other.end()
