"""attach in a Dash app: the paths that it serves, and the arguments that it rejects."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dash import Dash
from dash_host import filled, get, loss, refused, theirs
from flask import Flask, abort
from waiting import PATIENCE_S
from wsgi_client import ask

from dashapp import LiveGraph, attach
from dashapp.api.endpoints import PATHS
from dashapp.http.asgi import AsgiBridge
from dashapp.http.responses import NO_STORE, SHARED_ONE_SECOND
from dashapp.model.alerts.controls import MUTE, AlertAction, AlertControls
from dashapp.model.events import BOOT, USER, Event, EventLog
from dashapp.model.runs import Run
from dashapp.model.thresholds import AlertState, Threshold
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.documents import ALERT_CONTROLS, EVENTS, RUNS, THRESHOLDS


@pytest.fixture
def attached(tmp_path: Path) -> Dash:
    app = Dash(__name__)
    attach(app, store=filled(tmp_path / "store"), collect=False)
    app.layout = LiveGraph("loss")
    return app


def test_attach_serves_api_below_its_prefix(attached: Dash) -> None:
    frame = get(attached, "/_dashapp/api/ticks?window=100&like=lo*").json
    assert frame["y"] == {"loss": [0, 1, 2, 3, 4]}
    assert get(attached, "/_dashapp/api/metrics").json[0]["key"] == "loss"


def test_page_loads_script_and_style_once_and_cacheable(attached: Dash) -> None:
    page = get(attached, "/").body.decode()
    for name, kind in (("live_graph.js", "text/javascript"), ("live_graph.css", "text/css")):
        (address,) = [part.split('"')[0] for part in page.split('"') if name in part]
        answer = get(attached, address, accept_encoding="gzip")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"


def test_style_applies_only_to_live_graph(attached: Dash) -> None:
    style = get(attached, "/_dashapp/live_graph.css").body.decode()
    rules = [line for line in style.splitlines() if line.rstrip().endswith(("{", "}")) and "{" in line]
    for rule in rules:
        assert rule.lstrip().startswith((".dashapp-live", "@media")), rule


def test_attach_leaves_paths_of_app_unchanged(attached: Dash) -> None:
    plain = theirs()
    assert get(attached, "/api/ticks").body[:15] == get(plain, "/api/ticks").body[:15]  # Dash's own page
    assert get(attached, "/_dashapp/nothing").status == 404
    assert get(attached, "/_dashapp/api/nothing").status == 404
    assert get(attached, "/_dashapp/../secret").status == 404


def test_attach_uses_prefix_of_app(tmp_path: Path) -> None:
    app = Dash(__name__, routes_pathname_prefix="/tool/", requests_pathname_prefix="/proxy/tool/")
    attach(app, store=filled(tmp_path / "store"), collect=False)
    app.layout = LiveGraph("loss")
    assert get(app, "/tool/_dashapp/api/metrics").status == 200
    assert '"/proxy/tool/_dashapp/live_graph.js?m=' in get(app, "/tool/").body.decode()


def test_login_hook_of_app_protects_api(tmp_path: Path) -> None:
    server = Flask("theirs")
    server.before_request(lambda: abort(401))
    app = Dash(__name__, server=server)
    attach(app, store=filled(tmp_path / "store"), collect=False)
    assert get(app, "/_dashapp/api/ticks").status == 401


def test_login_by_dash_endpoint_names_protects_api(tmp_path: Path) -> None:
    server = Flask("theirs")
    app = Dash(__name__, server=server, url_base_pathname="/dashboard/")
    attach(app, store=filled(tmp_path / "store"), collect=False)
    app.layout = LiveGraph("loss")
    # A common login: every view of Dash, found by its name, is wrapped.
    for name in [name for name in server.view_functions if name.startswith("/dashboard/")]:
        server.view_functions[name] = lambda **_: abort(401)
    assert get(app, "/dashboard/_dash-layout").status == 401
    assert get(app, "/dashboard/_dashapp/api/ticks").status == 401


@pytest.mark.parametrize("status", [200, 401])
def test_fastapi_login_dependency_protects_api(tmp_path: Path, status: int) -> None:
    # Only here: each worker of pytest imports all modules of tests.
    from fastapi import Depends, FastAPI, HTTPException

    def login() -> None:
        if status != 200:
            raise HTTPException(status)

    app = Dash(__name__, server=FastAPI(dependencies=[Depends(login)]))
    attach(app, store=filled(tmp_path / "store"), collect=False)
    app.layout = LiveGraph("loss")
    assert request_by_asgi(app, "/_dash-layout")[0] == status
    assert request_by_asgi(app, "/_dashapp/api/ticks")[0] == status


@pytest.mark.parametrize(("public", "caching"), [(True, SHARED_ONE_SECOND), (False, NO_STORE)])
def test_shared_caching_is_allowed_only_for_public_app(tmp_path: Path, public: bool, caching: str) -> None:
    app = Dash(__name__)
    attach(app, store=filled(tmp_path / "store"), collect=False, public=public)
    app.layout = LiveGraph("loss")
    for question in ("ticks?window=100&metrics=loss", "metrics"):
        assert get(app, f"/_dashapp/api/{question}").headers["cache-control"] == caching


def test_frames_endpoint_returns_several_frames(attached: Dash) -> None:
    questions = ("q=window%3D100%26like%3Dloss", "q=window%3D10%26like%3Dgone", "q=window%3D1")
    first, second, third = get(attached, f"/_dashapp/api/frames?{'&'.join(questions)}").json["frames"]
    assert first["y"] == {"loss": [0, 1, 2, 3, 4]}
    assert second["y"] == {}
    assert second["t"] == first["t"]
    assert "expected seconds from 10" in third["error"]


@pytest.mark.parametrize("query", ["", "q=window%3D10&x=1", "&".join(["q=window%3D10"] * 17)])
def test_frames_endpoint_rejects_invalid_number_of_queries(attached: Dash, query: str) -> None:
    answer = get(attached, f"/_dashapp/api/frames?{query}")
    assert (answer.status, list(answer.json)) == (400, ["error"])


@pytest.mark.parametrize("query", ["like=", "like=,", "like=a&metrics=loss", "like=" + ",".join("a" * 65)])
def test_ticks_endpoint_rejects_invalid_patterns(attached: Dash, query: str) -> None:
    assert get(attached, f"/_dashapp/api/ticks?{query}").status == 400


def request_by_asgi(app: Dash, path: str, method: str = "GET") -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[dict[str, Any]] = []
    parts = [{"type": "http.request"}]

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        if not parts:
            await asyncio.Event().wait()  # the client stays connected
        return parts.pop()

    path, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [],
    }
    scope |= {"root_path": "", "scheme": "http", "app": app.server}
    with ThreadPoolExecutor(1) as pool:  # this thread may already run an event loop, that of the browser
        pool.submit(lambda: asyncio.run(app.server(scope, receive, send))).result(PATIENCE_S)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), body


def test_attach_serves_api_on_fastapi(tmp_path: Path) -> None:
    app = Dash(__name__, backend="fastapi")
    attach(app, store=filled(tmp_path / "store"), collect=False)
    status, headers, body = request_by_asgi(app, "/_dashapp/api/ticks?like=loss")
    assert (status, json.loads(body)["y"]) == (200, {"loss": [0, 1, 2, 3, 4]})
    assert headers[b"content-type"] == b"application/json"
    assert request_by_asgi(app, "/_dashapp/api/ticks", "HEAD")[::2] == (200, b"")
    assert request_by_asgi(app, "/_dashapp/live_graph.js")[0] == 200
    assert request_by_asgi(app, "/_dashapp/nothing")[0] == 404
    csv = request_by_asgi(app, "/_dashapp/api/csv?metrics=loss&from=1699999990000&to=1700000009000")
    assert csv[2].decode().count("\n") >= 6
    assert "already called" in refused(lambda: attach(app, store=tmp_path, collect=False))


def test_second_attach_is_rejected(tmp_path: Path) -> None:
    app = theirs()
    attach(app, store=tmp_path, collect=False)
    assert "one call serves all" in refused(lambda: attach(app, store=tmp_path, collect=False))


def test_attach_rejects_app_with_route_below_prefix(tmp_path: Path) -> None:
    app = theirs()
    app.server.add_url_rule("/_dashapp/mine", endpoint="mine", view_func=lambda: "mine")
    assert "/_dashapp/mine" in refused(lambda: attach(app, store=tmp_path, collect=False))
    assert get(app, "/_dashapp/mine").body == b"mine"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"interval": 0}, 'interval is "0"; expected seconds from 0.1 to 60'),
        ({"intervall": 1}, "intervall is not a setting; did you mean interval?"),
        ({"port": 80}, "port is not a setting here: attach serves no page"),
        ({"source": "demo"}, "source is not a setting here: use sources"),
        ({"sources": []}, "sources is empty"),
        ({"sources": [lambda: 1]}, "sources contains <lambda>; give it a name"),
        ({"sources": [loss, loss]}, "two functions loss"),
        ({"sources": [3]}, "sources contains 3"),
        ({"sources": ["no such"]}, "source is"),
        ({"sources": ["replay:/no/such.csv"]}, "/no/such.csv"),
        ({"store": "reddis://x"}, "store is"),
        ({"store": "/proc/nowhere"}, "which is not writable"),
        ({"collect": False}, "expected a folder or a Redis with collect=False"),
    ],
)
def test_attach_rejects_invalid_settings(settings: dict[str, Any], said: str) -> None:
    assert said in refused(lambda: attach(Dash(__name__), **settings))


def test_attach_ignores_settings_file_and_environment_of_monitor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DASHAPP_PASSWORD", "correct horse 7")
    (tmp_path / "dashapp.toml").write_text('host = "0.0.0.0"\nwindow = 86400\nworkers = 2\n')
    attach(theirs(), store=tmp_path / "store", collect=False)
    attach(theirs(), store="memory:", sources=[loss])


@pytest.mark.parametrize("app", [Flask("theirs"), None, Dash(__name__, server=False)])
def test_attach_rejects_object_other_than_dash_app_with_server(app: Any) -> None:
    assert "attach" in refused(lambda: attach(app))


def test_missing_store_is_logged_and_served_empty(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = theirs()
    attach(app, store=tmp_path / "nowhere", collect=False)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "dashapp"]
    assert "contains no store yet" in line
    assert "python -m dashapp collect --store" in line
    assert get(app, "/_dashapp/api/ticks?like=loss").json["t"] == []
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("backend", ["flask", "fastapi"])
def test_attached_api_has_security_headers_and_little_to_ask(tmp_path: Path, backend: str) -> None:
    """Without a login of the app, a visitor may read the metrics, and nothing else."""
    app = Dash(__name__, backend=backend)
    attach(app, store=filled(tmp_path / "store"), collect=False)
    app.layout = LiveGraph("loss")

    def send(path: str, method: str = "GET") -> tuple[int, dict[str, str]]:
        if backend == "flask":
            answer = ask(app.server.wsgi_app, f"/_dashapp/{path}", method=method)
            return answer.status, answer.headers
        status, fields, _ = request_by_asgi(app, f"/_dashapp/{path}", method)
        return status, {name.decode(): text.decode() for name, text in fields.items()}

    for path in ("api/ticks", "api/metrics", "api/csv", "api/nothing", "live_graph.js", "nothing"):
        _, headers = send(path)
        assert headers["x-content-type-options"] == "nosniff", path
        # Data have no links.
        assert path.startswith("api/") or headers["referrer-policy"] == "same-origin", path
        assert headers["content-security-policy"].startswith("default-src 'none'"), path
    missing = ("api/push", "api/share", "api/openapi.json", "api/hosts", "metrics", "login", "../assets/x")
    assert {send(path)[0] for path in missing} == {404}
    assert send("api/ticks?processes=1")[0] == 400
    for method in ("POST", "PUT", "DELETE"):
        assert send("api/ticks", method)[0] == 405
    assert "immutable" not in send("live_graph.js?m=1")[1]["cache-control"]


def store_with_secrets(folder: Path) -> Path:
    """Create a store to which a monitor has written what only its own pages show."""
    rule = Threshold.parse("loss > 3")
    action = AlertAction("1", MUTE, rule, 1_700_000_000.0, user="secret-user", comment="secret-comment")
    run = Run("1", "a", "a", "running", 1_700_000_000.0, config={"path": "/secret-path"})
    with closing(DiskStore(filled(folder))) as store:
        store.write_document(RUNS, [run])
        store.write_document(ALERT_CONTROLS, AlertControls().with_action(action))
        store.write_document(THRESHOLDS, [AlertState(rule, firing=True, since=1_700_000_004.0)])
        marks = [Event(1_700_000_001_000, "secret-mark", USER, 1), Event(1_700_000_002_000, "boot", BOOT, 2)]
        store.write_document(EVENTS, EventLog(tuple(marks)))
    return folder


@pytest.mark.parametrize(("public", "has_marks"), [(True, False), (False, True)])
def test_attach_serves_only_what_its_graphs_draw(tmp_path: Path, public: bool, has_marks: bool) -> None:
    """The store can be that of a monitor, with comments and configurations."""
    app = Dash(__name__)
    attach(app, store=store_with_secrets(tmp_path / "store"), collect=False, public=public)
    app.layout = LiveGraph("loss")
    frame = get(app, "/_dashapp/api/ticks?window=100&like=loss").body.decode()
    assert '"broken"' in frame
    found = frame
    for path in (*PATHS, "/api/hosts", "/api/share", "/api/openapi.json"):
        found += get(app, f"/_dashapp{path}").body.decode()
    assert "secret-mark" in found if has_marks else "secret-mark" not in found
    assert '"boot"' in found
    for secret in ("secret-user", "secret-comment", "secret-path"):
        assert secret not in found, secret
    for path in ("/api/runs", "/api/alerts", "/api/top", "/healthz"):
        assert get(app, f"/_dashapp{path}").status == 404, path


def test_attached_api_on_fastapi_limits_patterns(tmp_path: Path) -> None:
    app = Dash(__name__, backend="fastapi")
    attach(app, store=filled(tmp_path / "store"), collect=False)
    app.layout = LiveGraph("loss")
    frames = "/_dashapp/api/frames?" + "&".join(["q=like%3D" + "*" * 5] * 16)
    assert request_by_asgi(app, frames)[0] == 400
    assert request_by_asgi(app, "/_dashapp/api/ticks?like=" + "a" * 300)[0] == 400


def test_asgi_bridge_passes_address_of_client() -> None:
    """The limits of each client need it."""
    found: list[object] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        found.append(environ["REMOTE_ADDR"])
        start_response("200 OK", [])
        return []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(_: dict[str, Any]) -> None: ...

    bridge = AsgiBridge(app, 1)
    scope: dict[str, Any] = {"method": "GET", "path": "/", "query_string": b"", "headers": []}
    # In a thread of its own: a browser of another test may have an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        for client in (("8.8.8.8", 4711), None):
            pool.submit(asyncio.run, bridge(scope | {"client": client}, receive, send)).result()
    assert found == ["8.8.8.8", ""]
