"""Random requests: the server answers each of them, and none causes a server error.

The seed is fixed, so that a failure is repeatable.
"""

from __future__ import annotations

import random
from urllib.parse import quote

import pytest
from authenticated_app import TOKEN, guarded, sign_in
from thorough import amount
from wsgi_client import ask

from dashapp.api.endpoints import PATHS
from dashapp.api.ingest.routes import TOKEN_PATHS
from dashapp.api.params import PARAMETERS
from dashapp.http.types import WSGIApp
from dashapp.web.pages import PAGE_PATHS

COUNT = amount(3000, 10_000)
HOSTS = ["127.0.0.1", "localhost:8050", "evil.test", "", "[::1]", "a" * 300, "127.0.0.1\r\nx: y", "é", "*"]
METHODS = ["GET"] * 8 + ["POST", "HEAD", "PUT", "OPTIONS", "TRACE", "get", "", "G\x00T"]
PLACES = [
    *PATHS,
    *PAGE_PATHS,
    "/api/openapi.json",
    *sorted(TOKEN_PATHS),
    "/api/share",
    "/metrics",
    "/login",
    "/logout",
]
PLACES += [
    "/assets/style.css",
    "/assets/",
    "/assets/vendor",
    "/_dash-component-suites/dash/dcc/x.js",
    "/share/x/",
]
PLACES += ["/_dash-component-suites/", "/_dash-component-suites/dash/../../app.py", "/_dash-update-component"]
VALUES = [
    "1",
    "100",
    "-1",
    "0",
    "1e400",
    "nan",
    "null",
    "true",
    "[]",
    "{}",
    "'",
    '"',
    "<script>",
    "%00",
    "%",
    "%zz",
]
VALUES += [
    "../../etc/passwd",
    "é",
    "\U0001f4a3",
    "\x00",
    "a" * 300,
    "9" * 400,
    "cpu.percent",
    "*",
    "cpu.*,*",
    ",",
]
VALUES += [
    "ASNFZ4mrze8.1",
    "ASNFZ4mrze8.9999999999999999.1.1",
    "ASNFZ4mrze9.1",
    "0123456789abcdef.1",
    "\ud800",
    "1795249284726",
    "1_0",
    " 1",
    "٣",
]
NAMES = ["accept", "accept_encoding", "authorization", "cookie", "if_none_match", "origin", "sec_fetch_site"]
NAMES += [
    "x_forwarded_for",
    "x_forwarded_proto",
    "x_forwarded_user",
    "content_encoding",
    "range",
    "content_type",
]
NAMES += ["if_modified_since", "transfer_encoding", "expect", "user_agent", "referer"]


class Fuzz:
    def __init__(self, seed: int, cookie: str) -> None:
        self._random = random.Random(seed)
        self.cookie = cookie

    def text(self) -> str:
        chance = self._random
        if chance.random() < 0.7:
            return chance.choice(VALUES)
        size = chance.choice([0, 1, 3, 20, 200])
        return "".join(
            chr(chance.choice([chance.randrange(32, 127), chance.randrange(1, 255)])) for _ in range(size)
        )

    def path(self) -> str:
        chance = self._random
        place = chance.choice(PLACES)
        if chance.random() < 0.2:
            at = chance.randrange(len(place) + 1)
            place = place[:at] + self.text().replace("?", "") + place[at:]
        names = [
            chance.choice([*PARAMETERS, "q", "panel", "next", "m", self.text()])
            for _ in range(chance.randrange(4))
        ]
        values = (self.text() for _ in names)
        escape = chance.random() < 0.6
        query = "&".join(
            f"{name}={quote(text, safe='', errors='replace') if escape else text}"
            for name, text in zip(names, values, strict=True)
        )
        return f"{place}?{query}" if query else place

    def headers(self) -> dict[str, str]:
        chance = self._random
        found = {chance.choice(NAMES): self.text() for _ in range(chance.randrange(3))}
        if chance.random() < 0.7:
            found["cookie"] = self.cookie
        if chance.random() < 0.1:
            found["authorization"] = f"Bearer {chance.choice([TOKEN, 'x', self.text()])}"
        return found

    def body(self) -> bytes | None:
        chance = self._random
        if chance.random() < 0.6:
            return None
        text = chance.choice(
            ['{"metrics": {"a": 1}}', '{"panels": ["cpu"], "days": 1, "window": 30}', "password=x", ""]
        )
        data = bytearray(text.encode() + self.text().encode(errors="replace"))
        for _ in range(chance.randrange(3)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data)

    def choose(self, given: list[str]) -> str:
        return self._random.choice(given)


def as_wsgi(text: str) -> str:
    """Return text as a WSGI server passes it: one character per byte (PEP 3333)."""
    return text.encode("utf-8", "replace").decode("latin-1")


@pytest.fixture(params=["password", "public"])
def app(request: pytest.FixtureRequest) -> WSGIApp:
    flags = ("--trusted-proxy", "127.0.0.1", "--proxy-user", "X-Forwarded-User", "--limit", "100000")
    if request.param == "public":
        return guarded("--public", "--limit", "100000", password="", push_token=TOKEN)
    return guarded(*flags, push_token=TOKEN)


def test_random_requests_cause_no_server_error(app: WSGIApp) -> None:
    login = ask(app, "/login").status == 200
    fuzz = Fuzz(4711, sign_in(app) if login else "a=b")
    statuses: dict[int, int] = {}
    for number in range(COUNT // 2):
        path, method, host = fuzz.path(), fuzz.choose(METHODS), fuzz.choose(HOSTS[:2] * 6 + HOSTS)
        headers, body = fuzz.headers(), fuzz.body()
        peer = f"192.0.2.{number % 250}"
        fields = {name: as_wsgi(text) for name, text in headers.items()}
        answer = ask(app, as_wsgi(path), method=method, host=as_wsgi(host), body=body, peer=peer, **fields)
        what = f"{method} {path!r} {host!r} {headers} {body!r} -> {answer.status} {answer.body[:200]!r}"
        # A 503 for stale data is a valid response.
        assert answer.status < 500 or b'"stale"' in answer.body, what
        for word in (b"Traceback", b"site-packages", b"/tmp/", b"/work/"):
            assert word not in answer.body or b"page.bundle" in answer.body or ".js" in path, what
        assert all("\n" not in text and "\r" not in text for text in answer.headers.values()), what
        assert answer.headers["x-content-type-options"] == "nosniff", what
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        if login and ask(app, "/api/metrics", cookie=fuzz.cookie).status == 401:
            # It has signed out.
            fuzz.cookie = sign_in(app)
    # The requests reach every part, and not only rejections.
    assert {200, 400, 403, 404, 405} <= set(statuses), statuses
    assert statuses[200] > COUNT // 50, statuses
