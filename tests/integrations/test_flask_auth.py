"""Access to mounted pages: by host name, by proxy, and by the `protect` function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Response, abort, redirect, request, session
from flask_host import ALL_PATHS, Host, Mounted, Visitor, mounter, store_of_a_tick
from push_pipeline import TOKEN
from werkzeug.local import LocalProxy
from werkzeug.middleware.proxy_fix import ProxyFix

import dashapp

store = pytest.fixture(store_of_a_tick)
mounted = pytest.fixture(mounter)


# Hosts and proxies.


def test_mount_uses_trusted_hosts_of_application(mounted: Mounted) -> None:
    host = mounted(config={"TRUSTED_HOSTS": [".shop.test"]})
    assert host.ask("/monitor/", host="www.shop.test").status == 200
    for path in ("/monitor/", "/monitor/api/ticks", "/monitor"):
        assert host.ask(path, host="evil.test").status == 400


def test_hosts_setting_applies_only_to_mounted_pages(mounted: Mounted) -> None:
    host = mounted(hosts=["ops.shop.test"])
    assert host.ask("/monitor/", host="ops.shop.test").status == 200
    assert host.ask("/monitor/", host="shop.test").status == 400
    assert host.ask("/", host="shop.test").status == 200


@pytest.mark.parametrize("first", ["mount", "proxy"])
def test_protect_sees_client_behind_proxy_fix(store: Path, first: str) -> None:
    host = Host()
    asked: list[tuple[str, str]] = []

    def protect() -> bool:
        asked.append((request.remote_addr or "", request.script_root))
        return request.remote_addr == "203.0.113.9"

    def wrap() -> None:
        host.app.wsgi_app = ProxyFix(host.app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]

    if first == "proxy":
        wrap()
    dashapp.mount(host.app, "/monitor/", store=store, collect=False, protect=protect)
    if first == "mount":
        wrap()
    forwarded = {"x_forwarded_for": "203.0.113.9", "x_forwarded_prefix": "/outer"}
    assert host.ask("/monitor/", **forwarded).status == 200
    assert asked == [("203.0.113.9", "/outer")]
    assert host.ask("/monitor/").status == 403
    assert host.ask("/", **forwarded).body == b"home 1"


# Access control.


def logged_in() -> Any:
    return bool(session.get("user"))


@pytest.mark.parametrize("path", ALL_PATHS)
def test_protect_covers_every_path(mounted: Mounted, path: str) -> None:
    host = mounted(protect=logged_in)
    for method in ("GET", "POST", "HEAD"):
        if (method, path) == ("POST", "/monitor/api/push"):
            continue  # needs a token instead, see below
        answer = host.ask(path, method=method)
        assert answer.status == 403
        assert answer.headers["cache-control"] == "no-store"
    assert host.ask("/").status == 200


def test_protect_allows_logged_in_session(mounted: Mounted) -> None:
    host = mounted(protect=logged_in)
    client = host.app.test_client()
    assert client.get("/monitor/").status_code == 403
    with client.session_transaction() as mine:
        mine["user"] = "ann"
    assert client.get("/monitor/").status_code == 200
    assert client.get("/monitor/api/ticks").json["t"]  # type: ignore[index]


def test_protect_may_redirect_to_login(mounted: Mounted) -> None:
    def protect() -> Any:
        if session.get("user"):
            return True
        session["next"] = request.full_path
        return redirect("/login")

    host = mounted(protect=protect)
    client = host.app.test_client()
    answer = client.get("/monitor/?window=60")
    assert (answer.status_code, answer.location) == (302, "/login")
    assert host.seen == ["before /monitor/", "after /monitor/", "teardown /monitor/"]
    with client.session_transaction() as mine:
        assert mine["next"] == "/monitor/?window=60"


def test_protect_may_abort(mounted: Mounted) -> None:
    host = mounted(protect=lambda: abort(401))
    answer = host.ask("/monitor/")
    assert (answer.status, answer.body) == (401, b"the host's own 401")


async def check() -> bool:
    return True


def is_admin() -> bool:
    return False


@pytest.mark.parametrize(
    "verdict", [False, None, 0, "", {}, (), Visitor(), LocalProxy(Visitor), is_admin, len]
)
def test_protect_denies_on_value_that_grants_nothing(mounted: Mounted, verdict: Any) -> None:
    assert mounted(protect=lambda: verdict).ask("/monitor/").status == 403


def test_protect_denies_when_a_coroutine_is_not_awaited(
    mounted: Mounted, caplog: pytest.LogCaptureFixture
) -> None:
    assert mounted(protect=lambda: check()).ask("/monitor/").status == 403
    assert "await a coroutine" in caplog.text


@pytest.mark.parametrize(
    "verdict", [True, 1, "ann", {"id": 1}, ["admin"], object(), LocalProxy(lambda: "ann")]
)
def test_protect_allows_on_true_value_that_is_no_response(mounted: Mounted, verdict: Any) -> None:
    """A login of one's own keeps the user's name in the session."""
    answer = mounted(protect=lambda: verdict).ask("/monitor/")
    assert answer.status == 200
    assert b"dashapp" in answer.body


@pytest.mark.parametrize(
    "make",
    [lambda: ("not you", 403), lambda: ("not you", 403, {"x-a": "b"}), lambda: Response("not you", 403)],
)
def test_protect_returns_its_response_unchanged(mounted: Mounted, make: Any) -> None:
    answer = mounted(protect=make).ask("/monitor/api/ticks")
    assert (answer.status, answer.body) == (403, b"not you")


@pytest.mark.parametrize(("token", "status"), [(TOKEN, 200), ("another-wrong-token", 403), ("", 401)])
def test_push_needs_only_its_token_below_protected_mount(
    mounted: Mounted, monkeypatch: pytest.MonkeyPatch, token: str, status: int
) -> None:
    monkeypatch.setenv("DASHAPP_PUSH_TOKEN", TOKEN)
    host = mounted(protect=lambda: False)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    body = b'{"metrics": {"loss": 1}}'
    assert host.ask("/monitor/api/push", method="POST", body=body, **headers).status == status
    assert host.ask("/monitor/api/push", method="GET", **headers).status == 403
    lines = host.ask("/monitor/write", method="POST", body=b"loss value=1", **headers)
    assert lines.status == (204 if status == 200 else 401)
    assert host.ask("/monitor/write/x", method="POST", body=body, **headers).status == 403
    assert host.ask("/monitor/api/ticks", method="POST", body=body, **headers).status == 403


def test_protect_denies_when_it_raises(mounted: Mounted) -> None:
    host = mounted(config={"TESTING": False, "PROPAGATE_EXCEPTIONS": False}, protect=lambda: 1 // 0)
    answer = host.ask("/monitor/api/ticks")
    assert answer.status == 500
    assert b"cursor" not in answer.body
