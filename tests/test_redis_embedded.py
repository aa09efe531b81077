"""In other people's apps over a Redis: the monitor in a Flask app, functions of a Dash app."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis_server import RedisServer, needs_redis
from redis_store import stored
from test_mount_servers import Server
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


@pytest.fixture(params=[Server, DashServer], ids=["mount", "attach"])
def server(request: pytest.FixtureRequest, tmp_path: Path, redis: RedisServer) -> Iterator[Server]:
    found: Server = request.param(tmp_path, "waitress", store=redis.url, name="shop", interval=0.2)
    yield found.serving()
    found.end()


def test_it_collects_under_its_name_and_shows_it(server: Server, redis: RedisServer) -> None:
    server.moves()
    assert stored(redis, "shop")


def test_19_while_redis_is_away_the_host_is_quick_and_after_it_all_is_there(
    server: Server, redis: RedisServer
) -> None:
    server.moves()
    redis.kill()
    killed = time.time()
    wait_for(lambda: time.time() - killed > 3)
    began = time.monotonic()
    assert server.get("/")[0] == 200
    assert time.monotonic() - began < 1
    assert b"the last that came" in server.get(server.TICKS)[1]
    redis.start()
    server.moves()
    wait_for(lambda: [each for each in stored(redis, "shop") if killed + 1 < each < killed + 2])


def test_what_another_process_collects_is_shown(server: Server, redis: RedisServer, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = type(server)(folder, "waitress", store=redis.url, name="shop", collect=False)
    try:
        other.serving().moves()
    finally:
        other.end()
