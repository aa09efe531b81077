"""The bridge from ASGI to our WSGI applications: requests in the event loop and in threads."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from threading import Event, current_thread
from typing import Any

import pytest
from stream_client import AsgiExchange, asgi_client
from waiting import PATIENCE_S, wait_for

from dashapp.http import asgi
from dashapp.http.asgi import build_environ
from dashapp.http.middleware.rate_limit import RATE_WINDOW_S, RequestRateLimiter
from dashapp.http.middleware.security import SecurityMiddleware
from dashapp.http.streams import IS_REPEATED, may_block
from dashapp.http.types import StartResponse, WSGIApp


def environ_of(*headers: tuple[bytes, bytes], path: bytes = b"/") -> dict[str, Any]:
    scope = {"method": "GET", "path": "", "raw_path": path, "query_string": b"a=%20", "headers": headers}
    return build_environ(scope)


def test_header_with_underscore_is_dropped() -> None:
    """Otherwise a client could send X_Remote_User in place of the X-Remote-User of its proxy."""
    environ = environ_of((b"x_remote_user", b"evil"), (b"x-remote-user", b"ann"), (b"accept_x", b"1"))
    assert environ["HTTP_X_REMOTE_USER"] == "ann"
    assert "HTTP_ACCEPT_X" not in environ
    assert "HTTP_X_REMOTE_USER" not in environ_of((b"x_remote_user", b"evil"))


def test_repeated_headers_are_joined() -> None:
    headers = [
        (b"x-remote-user", b"ann"),
        (b"x-remote-user", b"bob"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
    ]
    environ = environ_of(*headers)
    assert environ["HTTP_X_REMOTE_USER"] == "ann,bob"
    assert environ["HTTP_COOKIE"] == "a=1;b=2"


def test_header_cannot_set_another_key_of_the_environ() -> None:
    names = [b"path-info", b"dashapp.is_repeated", b"wsgi.input", b"remote-addr"]
    environ = environ_of(*((name, b"x") for name in names))
    assert environ["PATH_INFO"] == "/"
    assert IS_REPEATED not in environ
    assert environ["REMOTE_ADDR"] == ""


@pytest.mark.parametrize(
    ("raw", "path"),
    [(b"/a%20b", "/a b"), (b"/%E9", "/\xe9"), (b"/%C3%A9", "/\xc3\xa9"), (b"/a%2Fb", "/a/b"), (b"/%", "/%")],
)
def test_path_is_decoded_as_in_wsgi(raw: bytes, path: str) -> None:
    environ = environ_of(path=raw)
    assert environ["PATH_INFO"] == path
    assert environ["QUERY_STRING"] == "a=%20"


class App:
    """Records the threads of its requests. Those of /healthz can run in the event loop."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.repeated: list[bool] = []
        self.release = Event()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        self.threads.append(current_thread().name)
        self.repeated.append(IS_REPEATED in environ)
        if environ["PATH_INFO"] != "/healthz":
            may_block(environ)
            self.release.wait(PATIENCE_S)
        start_response("200 OK", [("content-type", "text/plain")])
        return [b"ready"]


def test_request_that_would_block_is_repeated_in_a_thread() -> None:
    app = App()
    app.release.set()
    with asgi_client(app) as client:
        assert client.request("/api/ticks").result() == b"ready"
        in_loop, in_thread = app.threads
        assert in_loop == client.loop_name
        assert in_thread.startswith("dashapp request")
        assert app.repeated == [False, True]
        client.request("/other").result()
        assert app.threads[-1].startswith("dashapp request")
        assert app.repeated[-1] is False


def test_busy_threads_do_not_delay_what_is_ready() -> None:
    app = App()
    with asgi_client(app, threads=2) as client:
        waiting = [client.request(f"/api/ticks?{number}") for number in range(5)]
        wait_for(lambda: sum(name.startswith("dashapp request") for name in app.threads) == 2)
        assert client.request("/healthz").result() == b"ready"
        assert not any(exchange.messages for exchange in waiting)
        app.release.set()
        for exchange in waiting:
            assert exchange.result() == b"ready"


def test_equal_requests_need_one_thread() -> None:
    """Of a response that the first of them puts into the cache."""
    cache: dict[str, bytes] = {}
    threads: list[str] = []
    release = Event()

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        query = environ["QUERY_STRING"]
        if query not in cache:
            may_block(environ)
            threads.append(query)
            release.wait(PATIENCE_S)
            cache[query] = query.encode()
        start_response("200 OK", [])
        return [cache[query]]

    with asgi_client(app, threads=2) as client:
        exchanges = [client.request("/api/stream?a") for _ in range(50)]
        wait_for(lambda: threads)
        # The second thread is free for another request.
        other = client.request("/api/stream?b")
        wait_for(lambda: len(threads) == 2)
        release.set()
        assert {exchange.result() for exchange in exchanges} == {b"a"}
        assert other.result() == b"b"
    assert threads == ["a", "b"]


def test_equal_requests_that_always_block_are_all_answered() -> None:
    app = App()
    app.release.set()
    with asgi_client(app, threads=2) as client:
        exchanges = [client.request("/api/ticks") for _ in range(20)]
        assert {exchange.result() for exchange in exchanges} == {b"ready"}


def test_request_that_is_repeated_counts_once_in_the_rate_limit() -> None:
    app = App()
    app.release.set()
    limited = SecurityMiddleware(app, rate_limiter=RequestRateLimiter(1), hosts=None)
    with asgi_client(limited) as client:
        statuses = []
        for _ in range(int(RATE_WINDOW_S) + 1):
            exchange = client.request("/api/ticks", peer="192.0.2.1")
            exchange.result()
            statuses.append(exchange.status)
    assert statuses == [200] * int(RATE_WINDOW_S) + [429]


class Upload:
    """Reads a body in parts of the sizes in its query, and responds with it."""

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        sizes = [int(text) for text in environ["QUERY_STRING"].split(",")]
        parts = [environ["wsgi.input"].read(size) for size in sizes]
        start_response("200 OK", [])
        return [b"|".join(parts)]


@pytest.mark.parametrize(
    ("sizes", "expected", "left"),
    [
        ("-1", b"abcdefgh", 0),
        ("3,3,9", b"abc|def|gh", 0),
        ("2", b"ab", 2),
        ("8,1", b"abcdefgh|", 0),
        ("0,4", b"|abcd", 1),
    ],
)
def test_request_body_is_read_as_far_as_requested(sizes: str, expected: bytes, left: int) -> None:
    with asgi_client(Upload()) as client:
        exchange = client.request(f"/upload?{sizes}", method="POST", body=[b"abc", b"def", b"gh"])
        assert exchange.result() == expected
        assert len(exchange.body) == left


def test_request_body_ends_when_the_client_disconnects() -> None:
    with asgi_client(Upload()) as client:
        exchange = client.request("/upload?100", method="POST", body=[])
        client.leave(exchange)
        assert exchange.result() == b""


class Parts:
    """A body of many parts that notes how many were read, and that it was closed."""

    def __init__(self, count: int, failing: bool = False) -> None:
        self.read = 0
        self.closed = 0
        self._count = count
        self._failing = failing

    def app(self, _environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("content-type", "text/csv")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self._count):
            self.read += 1
            yield b"part"
        if self._failing:
            raise ValueError("a part cannot be computed")

    def close(self) -> None:
        self.closed += 1


def whole(exchange: AsgiExchange) -> bool:
    return exchange.messages[-1] == {"type": "http.response.body", "body": b""}


def test_body_in_parts_is_sent_and_closed() -> None:
    parts = Parts(5)
    with asgi_client(parts.app) as client:
        exchange = client.request("/api/csv")
        assert exchange.result() == b"part" * 5
        assert whole(exchange)
    assert parts.closed == 1


def test_body_in_parts_waits_for_its_client_and_is_closed_when_it_disconnects() -> None:
    parts = Parts(1000)
    with asgi_client(parts.app) as client:
        exchange = client.request("/api/csv", stalled=True)
        # The next part is computed when the client has read those before it.
        client.leave(exchange)
        client.read_on(exchange)
        exchange.result()
    assert parts.read < 1000
    assert parts.closed == 1


def test_head_request_computes_no_parts_and_closes_the_body() -> None:
    parts = Parts(5)
    with asgi_client(parts.app) as client:
        exchange = client.request("/api/csv", method="HEAD")
        assert exchange.result() == b""
        assert exchange.headers == {"content-type": "text/csv"}
    assert (parts.read, parts.closed) == (0, 1)


def test_error_of_the_application_is_raised_for_the_server() -> None:
    def app(_environ: dict[str, Any], _start_response: StartResponse) -> Iterable[bytes]:
        raise ValueError("wrong")

    failing: WSGIApp = app
    with asgi_client(failing) as client:
        for path in ("/healthz", "/other"):
            with pytest.raises(ValueError, match="wrong"):
                client.request(path).result()


def test_error_within_the_body_ends_the_response() -> None:
    parts = Parts(2, failing=True)
    with asgi_client(parts.app) as client:
        exchange = client.request("/api/csv")
        with pytest.raises(ValueError, match="cannot be computed"):
            exchange.result()
        assert not whole(exchange)
    assert parts.closed == 1


@pytest.mark.parametrize(
    "path",
    ["/api/ticks", "/healthz", "/host/a,b/api/frames", "/share/token/api/stream", "/readyz"],
)
def test_quick_paths_run_in_the_event_loop(path: str) -> None:
    app = App()
    app.release.set()
    with asgi_client(app) as client:
        client.request(path).result()
        assert app.threads[0] == client.loop_name


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/chart/a*,b*/healthz",
            "/api/badge/healthz",
            "/x/api/ticks",
            "//healthz",
            "/healthz/",
            "/_dash-layout",
        ),
        *("/host/a/chart/x/healthz", "/share/token/chart/readyz", "/assets/api/stream", "/host/healthz/x"),
    ],
)
def test_other_paths_never_run_in_the_event_loop(path: str) -> None:
    """The path /chart/PATTERN/healthz compared patterns with every metric, up to 30 ms."""
    app = App()
    app.release.set()
    with asgi_client(app) as client:
        client.request(path).result()
        assert all(name.startswith("dashapp request") for name in app.threads)


def test_invented_header_names_are_not_kept() -> None:
    """A thousand of 60 kB, which a server accepts, occupied 120 MB for ever."""
    environ_of((b"x-header", b""))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(1100):
            key = f"HTTP_{'X' * 2000}{number}"
            assert key in environ_of((b"x" * 2000 + str(number).encode(), b"1"))
        del key
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1 << 20


def test_thread_is_free_when_the_client_of_a_body_in_parts_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a limit of the server, three readers of CSV files held three threads for ever."""
    monkeypatch.setattr(asgi, "MAX_PART_S", 0.05)
    exchanges: SimpleQueue[AsgiExchange] = SimpleQueue()

    class StallingParts(Parts):
        def __iter__(self) -> Iterator[bytes]:
            exchange = exchanges.get(timeout=PATIENCE_S)
            yield b"part"
            client.loop.call_soon_threadsafe(exchange.reads.clear)
            yield b"next"
            raise AssertionError("the client has not read the part before")

    parts = StallingParts(2)
    with asgi_client(parts.app, threads=1) as client:
        exchange = client.request("/api/csv")
        exchanges.put(exchange)
        exchange.done.result(PATIENCE_S)
        assert exchange.text == b"part"
        assert not exchange.is_ended
        assert parts.closed == 1
