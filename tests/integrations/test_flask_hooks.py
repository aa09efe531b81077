"""The mounted pages are a route of the host, so its hooks protect them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, redirect, request, session
from flask_host import ALL_PATHS, Host, Mounted, mounter, store_of_a_tick, wsgi
from wsgi_client import ask

import dashapp
from dashapp.model.ticks import MountError

store = pytest.fixture(store_of_a_tick)
mounted = pytest.fixture(mounter)


def login_required() -> Any:
    if request.endpoint != "login" and not session.get("user"):
        return redirect("/login")
    return None


@pytest.mark.parametrize("path", ALL_PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "DELETE"])
def test_mount_redirects_to_login_of_before_request_hook(mounted: Mounted, path: str, method: str) -> None:
    host = mounted()
    host.app.before_request(login_required)
    answer = host.ask(path, method=method)
    assert (answer.status, answer.headers["location"]) == (302, "/login")
    assert b"cursor" not in answer.body


def test_mount_serves_page_and_api_after_login_of_hook(mounted: Mounted) -> None:
    host = mounted()
    host.app.before_request(login_required)
    client = host.app.test_client()
    with client.session_transaction() as mine:
        mine["user"] = "ann"
    assert client.get("/monitor/").status_code == 200
    assert client.get("/monitor/api/ticks").json["t"]  # type: ignore[index]


@pytest.mark.parametrize("path", ALL_PATHS)
def test_mount_is_forbidden_when_before_request_hook_aborts(mounted: Mounted, path: str) -> None:
    host = mounted()
    host.app.before_request(lambda: abort(403))
    assert host.ask(path).status == 403


def test_mount_is_protected_by_earlier_hook(store: Path) -> None:
    app = Flask("host")
    app.before_request(lambda: abort(401))
    dashapp.mount(app, "/monitor/", store=store, collect=False)
    assert ask(wsgi(app), "/monitor/api/ticks").status == 401


def test_mount_ignores_hook_of_blueprint(store: Path) -> None:
    app = Flask("host")
    dashapp.mount(app, "/monitor/", store=store, collect=False)
    admin = Blueprint("admin", "admin", url_prefix="/admin")
    admin.before_request(lambda: abort(401))
    admin.add_url_rule("/", "home", lambda: "")
    app.register_blueprint(admin)
    assert ask(wsgi(app), "/admin/").status == 401
    assert ask(wsgi(app), "/monitor/api/ticks").status == 200


def test_after_request_hooks_add_headers_but_keep_content_security_policy(mounted: Mounted) -> None:
    plain = mounted().ask("/monitor/").headers["content-security-policy"]
    host = mounted()

    @host.app.after_request
    def strict(response: Response) -> Response:
        response.headers["content-security-policy"] = "default-src 'none'"
        response.headers["strict-transport-security"] = "max-age=1"
        return response

    for path in ("/monitor/", "/monitor/api/ticks"):
        answer = host.ask(path)
        assert (answer.headers["x-host"], answer.headers["strict-transport-security"]) == ("yes", "max-age=1")
        assert answer.headers["content-security-policy"] != "default-src 'none'"
    assert host.ask("/monitor/").headers["content-security-policy"] == plain
    assert host.ask("/").headers["content-security-policy"] == "default-src 'none'"


def test_mount_sends_cookies_of_host_with_pages_only(mounted: Mounted) -> None:
    host = mounted()

    @host.app.before_request
    def idle_timeout() -> None:
        session.permanent = True
        session["seen"] = session.get("seen", 0) + 1

    assert "set-cookie" in host.ask("/monitor/").headers
    for path in ("/monitor/api/ticks", "/monitor/assets/style.css", "/monitor/api/csv", "/monitor/nothing"):
        assert "set-cookie" not in host.ask(path).headers, path


def test_mount_keeps_its_404_when_host_has_error_pages(mounted: Mounted) -> None:
    host = mounted()
    assert list(host.ask("/monitor/api/nothing").json) == ["error"]
    assert host.ask("/monitor/nothing").body != b"the host's own 404"
    assert host.ask("/nothing").body == b"the host's own 404"


@pytest.mark.parametrize("method", ["OPTIONS", "DELETE", "TRACE"])
def test_mount_handles_every_method(mounted: Mounted, method: str) -> None:
    answer = mounted().ask("/monitor/api/ticks", method=method)
    assert answer.status == 405
    assert list(answer.json) == ["error"]


class Csrf:
    """Flask-WTF's CSRFProtect, as far as its `exempt` goes."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.exempt_views: set[str] = set()
        app.extensions["csrf"] = self
        app.before_request(self.protect)

    def exempt(self, view: Any) -> None:
        self.exempt_views.add(f"{view.__module__}.{view.__name__}")

    def protect(self) -> None:
        view = self.app.view_functions.get(request.endpoint or "")
        if request.method == "POST" and f"{view.__module__}.{getattr(view, '__name__', '')}" not in (
            self.exempt_views
        ):
            abort(400)


def test_mount_accepts_push_when_host_has_csrf_extension(mounted: Mounted) -> None:
    token = "a-token-of-more-than-sixteen"
    host = mounted(push_token=token)
    host.app.add_url_rule("/form", "form", lambda: "", methods=["POST"])
    Csrf(host.app)  # after mount: the order does not matter
    push = {"method": "POST", "body": b'{"metrics": {"orders": 3}}', "authorization": f"Bearer {token}"}
    assert host.ask("/monitor/api/push", **push).status == 200
    assert host.ask("/form", method="POST").status == 400


def test_mount_sends_body_unbuffered_and_closes_it(mounted: Mounted) -> None:
    events: list[str] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            for number in range(3):
                events.append(f"made {number}")
                yield b"%d\n" % number

        def close(self) -> None:
            events.append("closed")

    def rows(_: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [("content-type", "text/csv")])
        return Body()

    host = mounted()
    host.app.extensions["dashapp"].mounted["/monitor/"].monitor._app = rows
    with host.app.test_client() as client:
        answer = client.get("/monitor/api/csv", buffered=False)
        parts = answer.iter_encoded()
        assert next(parts) == b"0\n"
        assert events == ["made 0"]
        assert [*parts] == [b"1\n", b"2\n"]
        answer.close()
    assert events == ["made 0", "made 1", "made 2", "closed"]


class OwnResponse(Response):
    default_mimetype = "text/plain"


@pytest.mark.parametrize("path", ["/monitor/", "/monitor/api/ticks", "/monitor/healthz"])
def test_mount_serves_host_with_own_response_class(store: Path, path: str) -> None:
    class OwnFlask(Flask):
        response_class = OwnResponse

    app = OwnFlask("host")
    app.after_request(
        lambda response: response.headers.update({"content-security-policy": "none"}) or response
    )
    dashapp.mount(app, "/monitor/", store=store, collect=False)
    answer = ask(wsgi(app), path)
    assert answer.status == 200
    assert answer.headers["content-security-policy"] != "none"


def test_mount_serves_all_names_with_host_matching(store: Path) -> None:
    app = Flask("host", host_matching=True, static_host="static.test")
    app.add_url_rule("/", "home", lambda: "home", host="shop.test")
    dashapp.mount(app, "/monitor/", store=store, collect=False, hosts=["shop.test", "www.test"])
    for name in ("shop.test", "www.test"):
        assert ask(wsgi(app), "/monitor/api/ticks", host=name).status == 200
    assert ask(wsgi(app), "/", host="shop.test").body == b"home"


def test_mount_starts_when_earlier_hook_redirects(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = Flask("host")
    app.before_request(lambda: redirect("/login"))
    dashapp.mount(app, "/monitor/", store=store, collect=False)
    app.add_url_rule("/monitor/later", "later", lambda: "")
    assert ask(wsgi(app), "/").status == 302
    assert [line for line in caplog.messages if re.search("contains the route", line)]


def test_url_for_links_to_mount(mounted: Mounted) -> None:
    host: Host = mounted("/ops/monitor")
    with host.app.test_request_context("/", environ_overrides={"SCRIPT_NAME": "/outer"}):
        assert host.app.url_for("dashapp:/ops/monitor/") == "/outer/ops/monitor/"


def test_mount_sends_no_cookie_with_not_modified_response(mounted: Mounted) -> None:
    host = mounted()

    @host.app.before_request
    def visit() -> None:
        session["seen"] = session.get("seen", 0) + 1

    tag = host.ask("/monitor/assets/style.css").headers["etag"]
    answer = host.ask("/monitor/assets/style.css", if_none_match=tag)
    assert answer.status == 304
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("replacement", ["another response", "an error"])
def test_csv_slot_is_free_after_hook_drops_response(mounted: Mounted, replacement: str) -> None:
    """Two downloads may run at a time; a dropped one kept its slot for good."""
    host = mounted()

    @host.app.after_request
    def drop(response: Response) -> Response:
        if request.path.endswith("/api/csv") and request.args.get("drop"):
            if replacement == "an error":
                raise ValueError("a hook that fails")
            return Response("dropped")
        return response

    host.app.config["PROPAGATE_EXCEPTIONS"] = False
    for _ in range(4):
        host.ask("/monitor/api/csv?drop=1")
    assert host.ask("/monitor/api/csv").status == 200


def test_mount_accepts_push_whose_body_a_hook_has_read(mounted: Mounted) -> None:
    host = mounted(push_token="4f9c2e7ab15d8036")
    host.app.before_request(lambda: request.get_data() and None)
    answer = host.ask(
        "/monitor/api/push",
        method="POST",
        body=b'{"metrics": {"loss": 0.31}}',
        authorization="Bearer 4f9c2e7ab15d8036",
    )
    assert answer.status == 200, answer.body


def test_mount_ignores_further_slashes_in_front(mounted: Mounted) -> None:
    assert mounted().ask("//monitor/api/ticks").body == b"the host's own 404"


def test_mount_with_dot_in_prefix_is_no_blueprint(store: Path) -> None:
    app = Flask("host")
    dashapp.mount(app, "/mon.v2/", store=store, collect=False)
    blueprints: list[str | None] = []
    app.before_request(lambda: blueprints.append(request.blueprint))
    assert ask(wsgi(app), "/mon.v2/api/ticks").status == 200
    assert blueprints == [None]


def test_mount_after_first_request_is_rejected(store: Path) -> None:
    app = Flask("host")
    ask(wsgi(app), "/")
    with pytest.raises(MountError, match="before it serves"):
        dashapp.mount(app, "/monitor/", store=store, collect=False)
