"""Streams of real processes: ticks, access, slow clients, and the end of the server."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from urllib.parse import quote, urlencode

import pytest
from authenticated_app import PASSWORD, TOKEN
from nginx import proxied
from processes import Dashapp, dashapp, on_grid
from stream_client import SentEvent, StreamSocket
from thorough import amount
from tools import NO_NGINX, nginx
from waiting import PATIENCE_S

STEP_MS = 200
FAST = ("--interval", str(STEP_MS / 1000), "--source", "demo")
MANY = 1000
NARROW = "/api/stream?window=10&metrics=cpu.percent"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    with dashapp(tmp_path_factory.mktemp("streams"), *FAST) as found:
        found.serving().moves()
        yield found


def times(events: Sequence[SentEvent]) -> list[int]:
    return [t for event in events for t in event.data["t"]]


def test_stream_has_each_tick_once_also_after_it_was_cut(app: Dashapp) -> None:
    with StreamSocket(app.port) as stream:
        events = stream.wait_events(10)
        # A whole event, and then a part of the next one.
        last = events[-1].id
    with StreamSocket(app.port, Last_Event_ID=last) as again:
        later = again.wait_events(10)
    assert not later[0].data["reset"]
    shown = times([*events, *later])
    assert on_grid(shown, STEP_MS)
    # A tick of a busy machine can lack the metric by which `app.shown` knows gaps.
    assert set(shown[len(events[0].data["t"]) :]) <= set(app.ticks(7200)["t"])


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_stream_over_each_version_of_http(app: Dashapp, version: str) -> None:
    with StreamSocket(app.port, version=version) as stream:
        assert stream.status == 200
        assert on_grid(times(stream.wait_events(3)), STEP_MS)


def test_head_request_leaves_no_stream_open(app: Dashapp) -> None:
    with closing(HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        for _ in range(3):
            connection.request("HEAD", "/api/stream?window=10")
            answer = connection.getresponse()
            assert answer.status == 200
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.headers["x-accel-buffering"] == "no"
            assert answer.read() == b""


def test_idle_and_slow_readers_delay_nobody(app: Dashapp) -> None:
    """Some clients never read, and a download stalls: all others get each tick."""
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(StreamSocket(app.port, "/api/stream?window=7200"))
        for path in ("/api/csv", "/api/ticks?window=7200"):
            stalled = stack.enter_context(StreamSocket(app.port, path))
            assert stalled.socket
        viewers = [stack.enter_context(StreamSocket(app.port)) for _ in range(20)]
        for viewer in viewers:
            assert on_grid(times(viewer.wait_events(10)), STEP_MS)


def test_burst_of_connects_is_answered(app: Dashapp) -> None:
    """As many connects as possible: each gets its first event, and others have no delay."""
    count = amount(300, 3000)
    with ExitStack() as stack:
        watching = stack.enter_context(StreamSocket(app.port))
        watching.wait_events(1)
        clients = [stack.enter_context(StreamSocket(app.port)) for _ in range(count)]
        for client in clients:
            assert client.status == 200
            client.wait_events(1)
        assert app.get("/healthz")[0] == 200
        watching.wait_events(len(watching.events) + 2)
        assert on_grid(times(watching.events), STEP_MS)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_server_ends_streams_between_two_events_when_it_stops(tmp_path: Path, workers: str) -> None:
    with dashapp(tmp_path, "--source", "demo", "--workers", workers) as app, ExitStack() as stack:
        app.serving().moves()
        clients = [stack.enter_context(StreamSocket(app.port, NARROW)) for _ in range(MANY)]
        for client in clients:
            client.wait_events(1)
        app.popen.send_signal(signal.SIGTERM)
        readers = [Thread(target=client.read_to_end) for client in clients]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(PATIENCE_S)
        app.wait()
        for client in clients:
            assert client.is_complete
            # No part of an event is left over.
            assert client.body.endswith(b"\n\n")
            assert on_grid(times(client.events), 1000)
    assert "Traceback" not in app.said
    # The supervisor kills a server that does not end, which cuts events.
    assert "is killed" not in app.said


def sign_in(app: Dashapp) -> str:
    with closing(HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        connection.request("POST", "/login", urlencode({"password": PASSWORD}))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 303
        return answer.headers["set-cookie"].partition(";")[0]


def test_stream_needs_a_login_and_has_its_limits(tmp_path: Path) -> None:
    environ = {"DASHAPP_PASSWORD": PASSWORD, "DASHAPP_PUSH_TOKEN": TOKEN}
    with dashapp(tmp_path, *FAST, env=environ) as app, ExitStack() as stack:
        app.serving()

        def status(**headers: str) -> int:
            return stack.enter_context(StreamSocket(app.port, **headers)).status

        assert status() == 401
        assert status(Cookie="dashapp-session=x") == 401
        assert status(Authorization=f"Bearer {TOKEN}") == 403
        with StreamSocket(app.port, Cookie=sign_in(app)) as by_cookie:
            by_cookie.wait_events(3)
        with StreamSocket(app.port, Authorization=f"Bearer {PASSWORD}") as by_token:
            by_token.wait_events(3)


def test_stream_of_a_proxy_needs_its_user_and_no_underscores(tmp_path: Path) -> None:
    flags = ("--proxy-user", "X-User", "--trusted-proxy", "127.0.0.1")
    with dashapp(tmp_path, *FAST, *flags) as app, ExitStack() as stack:
        app.serving()
        lines = b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nX_User: ann\r\n\r\n"
        raw = stack.enter_context(socket.create_connection(("127.0.0.1", app.port), PATIENCE_S))
        raw.sendall(lines)
        assert b" 403 " in raw.recv(20)
        with StreamSocket(app.port, X_User="ann") as stream:
            stream.wait_events(3)


@pytest.mark.skipif(nginx() is None, reason=NO_NGINX)
def test_stream_passes_nginx_without_delay(app: Dashapp, tmp_path: Path) -> None:
    with proxied(app.port, tmp_path / "nginx") as front, ExitStack() as stack:
        # With the same request: nginx must not let one wait for the end of the other's response.
        streams = [stack.enter_context(StreamSocket(front.port)) for _ in range(3)]
        for stream in streams:
            assert on_grid(times(stream.wait_events(5)), STEP_MS)


def test_several_charts_in_one_stream(app: Dashapp) -> None:
    queries = "&".join(f"q={quote(query)}" for query in ("window=10", "window=20&metrics=cpu.percent"))
    with StreamSocket(app.port, f"/api/stream?{queries}") as stream:
        events = stream.wait_events(4)
    for position in (0, 1):
        assert on_grid([t for event in events for t in event.data["frames"][position]["t"]], STEP_MS)


def test_setting_poll_offers_no_stream(tmp_path: Path) -> None:
    with dashapp(tmp_path, env={"DASHAPP_TRANSPORT": "poll"}) as app:
        app.serving()
        status, body = app.get("/api/stream")
        assert status == 404
        assert b"/api/ticks" in body
