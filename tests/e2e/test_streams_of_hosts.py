"""Streams of hosts in a real Redis: of one host, of an overlay, and of an unknown one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from processes import Dashapp, collector, dashapp, on_grid
from redis_server import RedisServer, needs_redis, redis_at
from stream_client import StreamSocket
from waiting import wait_for

pytestmark = needs_redis
STEP_MS = 500
QUERY = "window=10&metrics=cpu.percent"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_at(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def app(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    """A server without a collector, over the data of two hosts."""
    with ExitStack() as stack:
        for name in ("one", "two"):
            flags = ("--store", redis.url, "--name", name, "--interval", str(STEP_MS / 1000))
            stack.enter_context(collector(tmp_path_factory.mktemp(name), *flags))
        folder = tmp_path_factory.mktemp("web")
        web = stack.enter_context(dashapp(folder, "--no-collector", "--store", redis.url))
        web.serving()
        for name in ("one", "two"):
            wait_for(lambda name=name: web.get(f"/host/{name}/readyz")[0] == 200)  # type: ignore[misc]
        yield web


@pytest.mark.parametrize("host", ["one", "two"])
def test_stream_of_a_host_has_each_of_its_ticks_once(app: Dashapp, host: str) -> None:
    path = f"/host/{host}/api/stream?{QUERY}"
    with StreamSocket(app.port, path) as stream:
        events = stream.wait_events(6)
    with StreamSocket(app.port, path, Last_Event_ID=events[-1].id) as again:
        later = again.wait_events(4)
    assert not later[0].data["reset"]
    assert on_grid([t for event in [*events, *later] for t in event.data["t"]], STEP_MS)


def test_stream_of_an_overlay_has_the_ticks_of_all_hosts(app: Dashapp) -> None:
    with StreamSocket(app.port, "/host/one,two/api/stream?window=10&like=*/cpu.percent") as stream:
        events = stream.wait_events(8)
    since = max(position for position, event in enumerate(events) if event.data["reset"])
    assert on_grid([t for event in events[since:] for t in event.data["t"]], STEP_MS)
    assert {key for event in events for key in event.data["y"]} == {"one/cpu.percent", "two/cpu.percent"}


def test_stream_of_an_unknown_host_is_an_error(app: Dashapp) -> None:
    with StreamSocket(app.port, "/host/nobody/api/stream") as stream:
        assert stream.status == 404
