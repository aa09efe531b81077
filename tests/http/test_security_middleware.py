"""Security middleware: known hosts, headers on every response, no debug routes."""

from __future__ import annotations

import json

import pytest
from wsgi_client import Answer, ask

from dashapp.config.settings import parse_settings
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import Tick
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app


def app_of(*flags: str) -> WSGIApp:
    store = MemoryStore()
    store.append(Tick(1_800_000_000, 1, {"cpu.percent": 1}))
    return create_app(store, parse_settings(list(flags), {}))


@pytest.fixture(scope="module")
def app() -> WSGIApp:
    return app_of()


PATHS = ["/", "/api/ticks", "/healthz", "/readyz", "/assets/style.css", "/_dash-layout", "/nothing"]

GOOD_HOSTS = [
    "localhost",
    "LocalHost:8050",
    "127.0.0.1",
    "127.0.0.1:8050",
    "127.0.0.1:1",
    "[::1]",
    "[::1]:8050",
]
BAD_HOSTS = [
    "",
    "evil.test",
    "evil.test:8050",
    "localhost.evil.test",
    "127.0.0.1.evil.test",
    "evil.test.localhost.test",
    "localhostx",
    "xlocalhost",
    "127.0.0.2",
    "127.0.0.10",
    "[::1].evil.test",
    "[::1]evil",
    "[::2]",
    "::1",
    "[::1",
    "0.0.0.0",
    "evil.test@localhost",
    "localhost@evil.test",
    "localhost:8050:evil.test",
    "localhost:evil",
    "localhost/evil",
    "localhost,evil.test",
    "localhost evil.test",
    "localhost\t",
    "localhost.",
    ":8050",
    "*",
    "null",
]


@pytest.mark.parametrize("host", GOOD_HOSTS)
@pytest.mark.parametrize("path", ["/", "/api/ticks", "/assets/style.css"])
def test_host_header_of_local_machine_is_accepted(app: WSGIApp, host: str, path: str) -> None:
    assert ask(app, path, host=host).status == 200


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_unknown_host_header_is_rejected(app: WSGIApp, host: str) -> None:
    for path in PATHS:
        for method in ("GET", "POST", "HEAD"):
            answer = ask(app, path, host=host, method=method)
            assert answer.status == 400
            assert "DASHAPP_HOSTS" in answer.json["error"]


def test_configured_host_header_is_accepted() -> None:
    app = app_of("--hosts", "mon.test,Other.test")
    for host in ("mon.test", "other.test:80", "localhost"):
        assert ask(app, "/", host=host).status == 200
    assert ask(app, "/", host="evil.test").status == 400


@pytest.mark.parametrize(
    ("flag", "host"),
    [
        ("127.0.0.2", "127.0.0.2:8050"),
        ("::1", "[::1]:8050"),
        ("0:0::0:1", "[::1]"),
    ],
)
def test_host_header_of_listen_address_is_accepted(flag: str, host: str) -> None:
    assert ask(app_of("--host", flag), "/", host=host).status == 200


def test_public_server_accepts_any_host_header_without_hosts() -> None:
    assert ask(app_of("--public"), "/", host="anything.test").status == 200
    named = app_of("--public", "--hosts", "mon.test")
    assert ask(named, "/", host="mon.test").status == 200
    assert ask(named, "/", host="anything.test").status == 400


def answers(app: WSGIApp) -> list[tuple[str, Answer]]:
    """Return one response of every kind."""
    tag = ask(app, "/assets/style.css").headers["etag"]
    found = [(path, ask(app, path)) for path in PATHS]
    found += [
        ("304", ask(app, "/assets/style.css", if_none_match=tag)),
        ("400", ask(app, "/api/ticks?window=1")),
        ("bad host", ask(app, "/", host="evil.test")),
        ("405", ask(app, "/api/ticks", method="POST")),
        ("405 page", ask(app, "/", method="POST")),
        ("post", ask(app, "/_dash-update-component", method="POST")),
        ("404 api", ask(app, "/api/nothing")),
        ("404 asset", ask(app, "/assets/nothing.css")),
        ("404 suite", ask(app, "/_dash-component-suites/dash/nothing.js")),
        ("up", ask(app, "/assets/../pyproject.toml")),
        ("up encoded", ask(app, "/assets/..%2fpyproject.toml")),
        ("head", ask(app, "/", method="HEAD")),
    ]
    return found


def test_every_kind_of_response_has_security_headers(app: WSGIApp) -> None:
    statuses = set()
    for name, answer in answers(app):
        statuses.add(answer.status)
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff", name
        assert headers["cross-origin-resource-policy"] == "same-origin", name
        # JSON has no links, so that a policy for referrers would have no effect.
        is_json = headers.get("content-type") == "application/json"
        assert headers.get("referrer-policy") == "same-origin" or is_json, name
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'"), name
        assert "frame-ancestors 'self'" in policy, name
        assert "unsafe-eval" not in policy, name
        assert "access-control-allow-origin" not in headers, name
        assert "set-cookie" not in headers, name
        assert "x-powered-by" not in headers, name
        assert b"Traceback" not in answer.body, name
        assert b"/work/" not in answer.body, name
        assert b"site-packages" not in answer.body, name
    assert {200, 304, 400, 404, 405} <= statuses


def test_content_security_policy_allows_only_own_scripts(app: WSGIApp) -> None:
    policy = dict(
        part.split(" ", 1)
        for part in ask(app, "/").headers["content-security-policy"].split("; ")
        if " " in part
    )
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["base-uri"] == policy["object-src"] == "'none'"
    assert policy["form-action"] == "'self'"
    scripts = policy["script-src"].split()
    assert scripts[0] == "'self'"
    assert all(each.startswith("'sha256-") for each in scripts[1:])
    assert "unsafe-inline" not in policy["script-src"]


def test_unknown_path_returns_404(app: WSGIApp) -> None:
    for path in ("/nothing", "/admin", "/_reload-hash", "/api/nothing", "/index.html", "/mcp", "/_mcp"):
        assert ask(app, path).status == 404


def test_files_outside_assets_are_not_served(app: WSGIApp) -> None:
    for path in ("/assets/../pyproject.toml", "/assets//etc/passwd", "/assets/..%2f..%2fetc/passwd"):
        answer = ask(app, path)
        assert answer.status >= 400 or b"build-system" not in answer.body
        assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "environ", [{"DASH_DEBUG": "1"}, {"DASH_MCP_ENABLED": "1"}, {"FLASK_DEBUG": "1"}, {"DASH_UI": "1"}]
)
def test_environment_variables_enable_no_debug_route(
    app: WSGIApp, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    other = app_of()
    page = ask(other, "/")
    assert page.status == 200
    for path in ("/_mcp", "/mcp", "/_dash-mcp", "/_reload-hash", "/console", "/_alive_token", "/_dash-dev"):
        assert ask(other, path).status == ask(app, path).status != 200
    for mark in (b'"ui":true', b"dash_dev_tools"):
        assert (mark in page.body) == (mark in ask(app, "/").body)
    assert b'"hot_reload":{' not in page.body


def test_responses_contain_nothing_of_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "canary-4711")
    app = app_of("--store", "/tmp/canary-4712")
    for _, answer in answers(app):
        assert b"canary-471" not in answer.body
        assert "canary-471" not in json.dumps(answer.headers)


def test_unknown_component_package_returns_404(app: WSGIApp) -> None:
    assert ask(app, "/_dash-component-suites/evil/x.js").status == 404
    assert ask(app, "/_dash-component-suites/").status == 404
