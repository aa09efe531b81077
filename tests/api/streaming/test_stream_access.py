"""Access to streams: every way to authenticate, and the end of each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from authenticated_app import METRICS, PASSWORD, TOKEN, filled, guarded, link, sign_in
from stream_client import AsgiClient, AsgiExchange, asgi_client
from waiting import wait_for

from dashapp.config.settings import parse_settings
from dashapp.http.middleware.authentication import AuthenticationMiddleware
from dashapp.http.middleware.sessions import SESSION_LIFETIME_S
from dashapp.http.middleware.share_links import DAY_S
from dashapp.http.streams import OpenStreams
from dashapp.model.ticks import Tick
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

STREAM = "/api/stream?window=20"
PROXY = "192.0.2.9"


@pytest.fixture
def store() -> MemoryStore:
    return filled()


@pytest.fixture
def client(store: MemoryStore) -> Iterator[AsgiClient]:
    with asgi_client(guarded("--public", store=store, push_token=TOKEN)) as found:
        found.app.streams = OpenStreams(check_interval=0.02)
        yield found


def authentication(app: Any) -> AuthenticationMiddleware:
    """Return the middleware within others."""
    while not isinstance(app, AuthenticationMiddleware):
        app = app._app
    return app


def opened(exchange: AsgiExchange) -> AsgiExchange:
    wait_for(lambda: exchange.events)
    assert exchange.status == 200
    return exchange


def status_of(client: AsgiClient, target: str = STREAM, **more: Any) -> int:
    exchange = client.request(target, **more)
    assert b"4711" not in exchange.result()
    return exchange.status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"accept": "text/event-stream"}, 401),
        ({"cookie": "dashapp-session-8050=" + "x" * 68}, 401),
        ({"authorization": "Bearer wrong"}, 403),
        ({"authorization": f"Bearer {TOKEN}"}, 403),
        ({"x_remote_user": "ann"}, 401),
        ({"last_event_id": "0" * 16 + ".1"}, 401),
        ({"host": "evil.test"}, 401),
    ],
)
def test_stream_without_a_login_is_rejected(client: AsgiClient, headers: dict[str, str], status: int) -> None:
    assert status_of(client, **headers) == status
    assert status_of(client, method="HEAD", **headers) == status
    if "authorization" in headers:
        return  # further attempts get status 429
    for path in (
        "//api/stream",
        "/api/stream/",
        "/host/x/api/stream",
        "/share/x/api/stream",
        "/x/api/stream",
    ):
        assert status_of(client, path, **headers) in (401, 403), path


def test_session_and_password_open_a_stream(client: AsgiClient) -> None:
    cookie = sign_in(client.app._app)
    opened(client.request(STREAM, cookie=cookie))
    opened(client.request(STREAM, authorization=f"Bearer {PASSWORD}"))
    assert status_of(client, cookie=cookie[:-2]) == 401


@pytest.mark.parametrize("end", ["expiry", "new key"])
def test_stream_ends_with_its_session(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    app = guarded(store=store)
    sessions = authentication(app)._sessions
    with asgi_client(app) as client:
        client.app.streams = OpenStreams(check_interval=0.02)
        by_cookie = opened(client.request(STREAM, cookie=sign_in(app)))
        by_password = opened(client.request(STREAM, authorization=f"Bearer {PASSWORD}"))
        if end == "expiry":
            monkeypatch.setattr(sessions, "_clock", lambda: time.time() + SESSION_LIFETIME_S + 1)
        else:
            monkeypatch.setattr(sessions._key, "_value", b"another key")
        by_cookie.result()
        assert by_cookie.is_ended
        assert not by_password.is_ended


def test_share_link_streams_its_view_until_it_expires(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = guarded(store=store)
    shares = authentication(app)._shares
    path = f"{link(app)}api/stream"
    with asgi_client(app) as client:
        client.app.streams = OpenStreams(check_interval=0.02)
        stream = opened(client.request(f"{path}?window=20"))
        assert [*stream.events[0].data["y"]] == ["cpu.percent"]
        store.append(Tick(int(time.time()) + 1, 1, {metric.key: 4711.0 for metric in METRICS}))
        wait_for(lambda: len(stream.events) == 2)
        # A slow machine also has a gap before it.
        assert {key: values[-1] for key, values in stream.events[1].data["y"].items()} == {
            "cpu.percent": 4711.0
        }
        narrow = client.request(f"{path}?window=20&metrics=secret.plan")
        assert b"secret" in narrow.result()
        assert narrow.status == 400
        assert status_of(client, path.replace("/api", "x/api")) == 403
        monkeypatch.setattr(shares, "_clock", lambda: time.time() + DAY_S + 60)
        stream.result()
        assert stream.is_ended
        assert status_of(client, path) == 403


def test_user_of_a_trusted_proxy_opens_a_stream() -> None:
    flags = ("--trusted-proxy", PROXY, "--proxy-user", "X-Remote-User", "--public")
    with asgi_client(guarded(*flags, password="")) as client:
        opened(client.request(STREAM, peer=PROXY, x_remote_user="ann"))
        assert status_of(client, peer=PROXY) == 403
        assert status_of(client, peer="198.51.100.7", x_remote_user="ann") == 403
        assert status_of(client, peer=PROXY, headers=[("x_remote_user", "ann")]) == 403
        both = [("x-remote-user", "ann"), ("x-remote-user", "bob")]
        assert status_of(client, peer=PROXY, headers=both) == 403


def test_public_page_streams_without_private_names() -> None:
    settings = parse_settings(["--store", "memory:", "--public"], {})
    with asgi_client(create_app(filled(), settings)) as client:
        stream = opened(client.request("/api/stream?window=20"))
        assert stream.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("hosts", ["evil.test", "", "127.0.0.1.evil.test"])
def test_unknown_host_name_gets_no_stream(hosts: str) -> None:
    """A page of another site cannot read the stream by DNS rebinding."""
    with asgi_client(create_app(filled(), parse_settings(["--store", "memory:"], {}))) as client:
        exchange = client.request(STREAM, headers=[("host", hosts)])
        exchange.result()
        assert exchange.status == 400
        assert "access-control-allow-origin" not in exchange.headers
