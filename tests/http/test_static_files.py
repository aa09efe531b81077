"""Static files: compressed once, cached by the browser, immutable only for versioned URLs."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import brotli
import pytest
from waiting import PATIENCE_S, wait_for
from wsgi_client import ask

from dashapp.http.static_files import (
    LAYOUT_TTL_S,
    MAX_CACHED_FILES,
    MAX_CACHED_LAYOUTS,
    FirstRequestLock,
    StaticCache,
)

CSS = b"a {}\n" * 1000


class Files:
    """An application that counts its requests."""

    def __init__(self, body: bytes = CSS, kind: str = "text/css", status: str = "200 OK") -> None:
        self.asked = 0
        self.closed = 0
        self._answer = status, kind, body

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.asked += 1
        assert "HTTP_RANGE" not in environ
        status, kind, body = self._answer
        start_response(status, [("Content-Type", kind), ("X-Powered-By", "x")])
        return [body]


def test_static_file_is_built_and_compressed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    packed: list[bytes] = []
    real = gzip.compress

    def compress(body: bytes, level: int, mtime: float) -> bytes:
        packed.append(body)
        return real(body, level, mtime=mtime)

    monkeypatch.setattr(gzip, "compress", compress)
    files = Files()
    app = StaticCache(files)
    bodies = {ask(app, f"/assets/a.css?x={n}", accept_encoding="gzip, deflate").body for n in range(5)}
    assert (len(bodies), files.asked, len(packed)) == (1, 1, 1)
    assert gzip.decompress(bodies.pop()) == CSS


def test_static_file_is_compressed_only_when_accepted() -> None:
    app = StaticCache(Files())
    packed = ask(app, "/a.css", accept_encoding="gzip")
    plain = ask(app, "/a.css")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert plain.body == CSS
    for answer in (packed, plain):
        assert answer.headers["vary"] == "accept-encoding"
        assert answer.headers["content-length"] == str(len(answer.body))


CHOICES = {
    "gzip, deflate, br, zstd": "br",
    "br;q=1.0, gzip;q=0.8, *;q=0.1": "br",
    "gzip, br;q=0": "gzip",
    "gzip": "gzip",
    "*": "br",
    "identity": "",
    "": "",
    "gzip;q=0": "",
    "deflate, bro, gzipped": "",
}


@pytest.mark.parametrize("accept", CHOICES)
def test_encoding_is_one_that_client_accepts(accept: str) -> None:
    """Without Brotli in the browser or in a proxy the response is gzip, or the plain file."""
    answer = ask(StaticCache(Files()), "/a.css", accept_encoding=accept)
    assert answer.headers.get("content-encoding", "") == CHOICES[accept]
    decode = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}[CHOICES[accept]]
    assert decode(answer.body) == CSS
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["vary"] == "accept-encoding"


def test_file_is_compressed_with_brotli_once_for_all_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    packed: list[bytes] = []
    real = brotli.compress

    def compress(body: bytes, **options: Any) -> bytes:
        packed.append(body)
        compressed: bytes = real(body, **options)
        return compressed

    monkeypatch.setattr(brotli, "compress", compress)
    app = StaticCache(Files())
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: ask(app, "/a.css", accept_encoding="br"), range(16)))
    assert len({answer.body for answer in answers}) == len(packed) == 1
    assert ask(app, "/a.css", accept_encoding="gzip").headers["content-encoding"] == "gzip"


def test_without_brotli_clients_get_gzip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    answer = ask(StaticCache(Files()), "/a.css", accept_encoding="gzip, br")
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in ask(StaticCache(Files()), "/a.css", accept_encoding="br").headers


@pytest.mark.parametrize("content", [CSS, b"another version", None])
def test_prepared_file_is_used_only_if_it_is_the_same(content: bytes | None) -> None:
    prepared = b"no Brotli" if content is None else brotli.compress(content, quality=11)
    app = StaticCache(Files(), prepared=lambda path: prepared if path == "/a.css" else None)
    answer = ask(app, "/a.css", accept_encoding="br")
    assert (answer.body == prepared) is (content == CSS)
    assert brotli.decompress(answer.body) == CSS


@pytest.mark.parametrize(("body", "kind"), [(b"small", "text/css"), (b"x" * 5000, "image/png")])
def test_small_or_image_file_is_not_compressed(body: bytes, kind: str) -> None:
    answer = ask(StaticCache(Files(body, kind)), "/a", accept_encoding="gzip")
    assert (answer.body, "content-encoding" in answer.headers) == (body, False)


def test_matching_etag_returns_304_without_body() -> None:
    app = StaticCache(Files())
    first = ask(app, "/a.css")
    again = ask(app, "/a.css", if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert ask(app, "/a.css", if_none_match='"other"').status == 200


def test_etag_depends_on_body() -> None:
    tags = {ask(StaticCache(Files(body)), "/a").headers["etag"] for body in (b"a", b"b")}
    assert len(tags) == 2


STYLE = "/assets/style.css?m=1795218017.9"
SCRIPT = "/_dash-component-suites/dash/dcc/dash_core_components.v4_4_1m1795218017.js"


@pytest.mark.parametrize(
    ("path", "forever"),
    [
        (STYLE, True),
        (SCRIPT, True),
        ("/assets/style.css", False),
        ("/assets/style.css?m=1", False),
        (f"{STYLE}&m=1", False),
        (f"{SCRIPT}?m=1", False),
        (SCRIPT.replace("m1795218017", "m1795218018"), False),
        ("/assets/style.css?x=m", False),
        *((f"{path}{query}", False) for path in ("/", "/_dash-layout") for query in ("", "?m=1", "?m=1.5")),
    ],
)
def test_response_is_immutable_only_for_versioned_url(path: str, forever: bool) -> None:
    """No client can store this version in a shared cache under the URL of a later one."""
    app = StaticCache(Files(), versioned=lambda: {STYLE, SCRIPT})
    for _ in range(2):
        caching = ask(app, path).headers["cache-control"]
        assert ("immutable" in caching) is forever
        assert forever or caching == "no-cache"


def test_layout_is_built_once_a_second_for_each_page() -> None:
    files, now = Files(kind="application/json"), [0.0]
    app = StaticCache(files, clock=lambda: now[0])

    def layout(page: str) -> int:
        def below(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            return app({**environ, "SCRIPT_NAME": page}, start_response)

        return ask(below, "/_dash-layout", accept_encoding="gzip").status

    assert [layout("/host/a") for _ in range(5)] == [200] * 5
    assert files.asked == 1
    layout("/host/b")
    assert files.asked == 2
    now[0] = LAYOUT_TTL_S
    layout("/host/a")
    assert files.asked == 3
    for number in range(MAX_CACHED_LAYOUTS + 20):
        layout(f"/host/{number}")
    assert len(app._layouts) == MAX_CACHED_LAYOUTS


def test_errors_are_not_cached() -> None:
    files = Files(b"no", "text/plain", "404 NOT FOUND")
    app = StaticCache(files)
    for _ in range(2):
        answer = ask(app, "/x", if_none_match="*")
        assert (answer.status, answer.body) == (404, b"no")
        assert "cache-control" not in answer.headers
    assert files.asked == 2


def test_static_cache_calls_app_one_request_at_a_time() -> None:
    """Dash is not ready before it has answered its first request."""
    files = Files()
    inside: list[int] = []
    most: list[int] = []
    entered, go_on = Event(), Event()

    def slow(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        inside.append(1)
        most.append(len(inside))
        entered.set()
        assert go_on.wait(PATIENCE_S)
        inside.pop()
        return files(environ, start_response)

    app = StaticCache(slow)
    with ThreadPoolExecutor(8) as crowd:
        answers = crowd.map(lambda number: ask(app, f"/{number % 4}"), range(16))
        assert entered.wait(PATIENCE_S)
        # All but one wait for that one, and none of them is about to enter as well.
        wait_for(lambda: crowd._work_queue.qsize() == 8)
        go_on.set()
        assert {answer.body for answer in answers} == {CSS}
    assert max(most) == 1


def test_first_request_ends_before_any_other_begins() -> None:
    """Dash registers its files during it; another cache may ask at the same time."""
    files, entered, go_on, order = Files(), Event(), Event(), []

    def setting_up(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        order.append("begins")
        entered.set()
        assert go_on.wait(PATIENCE_S)
        order.append("ends")
        return files(environ, start_response)

    app = FirstRequestLock(setting_up)
    with ThreadPoolExecutor(4) as crowd:
        answers = crowd.map(lambda number: ask(app, f"/{number}"), range(8))
        assert entered.wait(PATIENCE_S)
        wait_for(lambda: crowd._work_queue.qsize() == 4)
        go_on.set()
        assert {answer.body for answer in answers} == {CSS}
    assert order[:2] == ["begins", "ends"]


@pytest.mark.parametrize("method", ["POST", "options", "get", "Head", ""])
def test_other_methods_do_not_reach_the_application(method: str) -> None:
    """Flask reads "get" as GET, and would build a layout in each thread."""
    files = Files()
    answer = ask(StaticCache(files), "/_dash-layout", method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert files.asked == 0


def test_static_cache_is_bounded() -> None:
    app = StaticCache(Files())
    for number in range(MAX_CACHED_FILES + 20):
        assert ask(app, f"/{number}").status == 200
    assert len(app._cache) == MAX_CACHED_FILES
