"""Every route without credentials, and the security headers of every response."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from authenticated_app import METRICS, TOKEN, guarded, sign_in
from effort import calls_of
from wsgi_client import Answer, ask

from dashapp.api.endpoints import PATHS
from dashapp.api.ingest.routes import TOKEN_PATHS
from dashapp.http.streams import STREAM_PATH
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import Tick
from dashapp.stores.memory import MemoryStore
from dashapp.web.pages import FILE_PREFIXES, PAGE_PATHS

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "")
UNKNOWN = [
    "/nothing",
    "/api/nothing",
    "/.git/config",
    "/.env",
    "/admin",
    "//",
    "/./",
    "/%2e%2e/",
    "/\x00",
    "",
]
UNKNOWN += [
    "/healthz/",
    "/healthz/../api/ticks",
    "//healthz",
    "/HEALTHZ",
    "/healthz;x",
    "/healthz%2f",
    "/login/x",
]
UNKNOWN += [
    "/share",
    "/share/",
    "/share//api/ticks",
    "/share/x",
    "/static/",
    "/console",
    "/mcp",
    "/_mcp",
    "é",
]


@pytest.fixture(scope="module")
def app() -> WSGIApp:
    """Its only tick lasts an hour, so that `/readyz` finds fresh data even in slow tests."""
    store = MemoryStore()
    store.describe(METRICS)
    store.append(Tick(int(time.time()), 3600, dict.fromkeys((metric.key for metric in METRICS), 4711.0)))
    return guarded("--public", store=store, push_token=TOKEN)


def routes(app: WSGIApp) -> Iterator[str]:
    """Yield the paths of the page, of Dash and of the API, and paths that do not exist."""
    yield from (
        *PATHS,
        *PAGE_PATHS,
        *sorted(TOKEN_PATHS),
        "/api/share",
        "/api/alerts/mute",
        "/api/openapi.json",
        "/metrics",
        "/logout",
    )
    yield from (f"{folder}x" for folder in FILE_PREFIXES)
    cookie = sign_in(app)
    page = ask(app, "/", cookie=cookie).body
    yield from ("/" + each.decode() for each in re.findall(rb'(?:src|href)="\./([^"]+)"', page))
    yield from ("/chart/cpu.percent", "/chart/nothing", "/chart/", "/chart", "/api/badge/cpu.percent.svg")
    yield from ("/_dash-update-component", "/_reload-hash", "/_favicon.ico", "/_alive_token", "/_dash-dev")
    yield from UNKNOWN


def test_only_health_check_is_served_without_password(app: WSGIApp) -> None:
    paths = list(dict.fromkeys(routes(app)))
    assert len(paths) > 50
    for path in paths:
        for method in METHODS:
            for accept in ("*/*", "text/html"):
                answer = ask(app, path, method=method, accept=accept)
                where = f"{method} {path!r} {accept}: {answer.status}"
                if path.partition("?")[0] in ("/healthz", "/ping", "/health"):
                    assert answer.status in (200, 204, 405), where
                    continue
                assert answer.status in (303, 400, 401, 403, 405), where
                assert "set-cookie" not in answer.headers or path == "/logout", where
                assert len(answer.body) < 700, where
                if answer.status == 303:
                    assert re.fullmatch(r"(\./|(\.\./)+)login(\?next=[^/:]*)?", answer.headers["location"]), (
                        where
                    )
                assert b"4711" not in answer.body, where


def test_all_routes_are_served_with_session(app: WSGIApp) -> None:
    cookie = sign_in(app)
    queries = {"/api/frames": "?q=window%3D100", "/api/usual": "?metrics=cpu.percent"}
    for path in (*PATHS, *PAGE_PATHS, "/metrics", "/api/openapi.json", "/assets/style.css"):
        # A WSGI server has no streams: tests/api/streaming/test_stream_access.py
        status = 404 if path == STREAM_PATH else 200
        assert ask(app, path + queries.get(path, ""), cookie=cookie).status == status, path


def responses_of_every_kind(app: WSGIApp, cookie: str) -> Iterator[Answer]:
    """Yield one response of every kind."""
    for path in ("/", "/login", "/assets/style.css", "/_dash-layout", "/share/x/", "/nothing"):
        yield ask(app, path, cookie=cookie, accept="text/html")
        yield ask(app, path, accept="text/html")
    yield ask(app, "/", host="")
    yield ask(app, "/logout", method="POST", origin="https://evil.test")
    yield ask(app, "/login", method="POST", body=b"password=wrong", peer="198.51.100.7")


# https://owasp.org/www-project-secure-headers, as far as a page without external requests needs them.
OWASP = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-permitted-cross-domain-policies": "none",
}
# Headers that help attackers more than other clients.
TELLING = ("server", "x-powered-by", "x-aspnet-version", "x-runtime", "access-control-allow-origin")


def test_every_response_has_owasp_headers(app: WSGIApp) -> None:
    statuses = set()
    for answer in responses_of_every_kind(app, sign_in(app)):
        statuses.add(answer.status)
        for name, text in OWASP.items():
            assert answer.headers[name] == text
        assert "camera=()" in answer.headers["permissions-policy"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "form-action 'self'" in answer.headers["content-security-policy"]
        assert "no-store" in answer.headers["cache-control"] or "immutable" in answer.headers["cache-control"]
        assert not set(TELLING) & set(answer.headers)
        assert "strict-transport-security" not in answer.headers, "it was no https"
    assert {200, 303, 401, 403, 404} - statuses <= {401}


def test_hsts_header_is_sent_only_over_https() -> None:
    app = guarded("--trusted-proxy", "127.0.0.1", "--hosts", "monitor.example")
    sure = ask(app, "/login", x_forwarded_proto="https").headers["strict-transport-security"]
    assert sure.startswith("max-age=31536000")
    unsure = ask(app, "/login", x_forwarded_proto="https", peer="192.0.2.1").headers
    assert "strict-transport-security" not in unsure


@pytest.mark.parametrize(
    "path",
    [
        "/login",
        "/logout",
        "/api/share",
        "/api/alerts/rules",
        *sorted(TOKEN_PATHS),
        "/_dash-update-component",
        "/",
    ],
)
@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": ""}, False),
        ({"origin": "https://evil.test"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://127.0.0.1:8051"}, False),
        ({"origin": "http://127.0.0.1.evil.test"}, False),
        ({"origin": "http://127.0.0.1:8050"}, True),
        ({"sec_fetch_site": "same-origin", "origin": "http://127.0.0.1:8050"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({}, True),
    ],
)
def test_cross_site_requests_are_rejected(
    app: WSGIApp, path: str, headers: dict[str, str], taken: bool
) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = ask(app, path, method=method, body=b"", peer="203.0.113.5", **headers)
        crossed = answer.status == 403 and b"cross-site" in answer.body
        assert crossed is not taken, method


BAD = [
    ("/api/ticks?window=1", {}),
    ("/api/ticks", {}),
    ("/api/ticks", {"cookie": "dashapp-00000000=" + "x" * 4000}),
    ("/share/" + "x" * 6000 + "/", {}),
    ("/share/W1siY3B1Il0sNjAuMCxudWxsLDFd.awFVTA.NIX7p0w6qCZjjoZB2EEx3CQ73_zEenDGc0ufdnMWAxU/", {}),
    ("/login?next=" + "/" * 8000, {}),
    ("/" + "../" * 2000, {"accept": "text/html"}),
    ("/nothing", {"authorization": "Bearer " + "x" * 8000}),
    *((f"/api/{path}?" + "a=1&" * 2000, {}) for path in ("ticks", "frames", "alerts", "csv")),
    ("/api/frames?" + "&".join(["q=" + "a%3D1%26" * 500] * 16), {}),
]


@pytest.mark.parametrize(("path", "headers"), BAD)
def test_bad_request_takes_little_work(path: str, headers: dict[str, str]) -> None:
    app = guarded()
    for fields in (headers, {"cookie": sign_in(app)} | headers):

        def send(path: str, peer: str, fields: dict[str, str] = fields) -> None:
            assert ask(app, path, peer=peer, **fields).status < 500  # type: ignore[arg-type]

        send(path, "192.0.2.1")  # the first call fills caches, but not with the response of the second
        # Some hundred calls are usual; 10 ms would be tens of thousands.
        assert calls_of(lambda send=send: send(f"{path}&", "192.0.2.2")) < 5000  # type: ignore[misc]
