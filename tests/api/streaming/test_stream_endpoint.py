"""Requests for a stream that get another response, and the limits of streams."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from authenticated_app import filled
from stream_client import AsgiClient, asgi_client
from waiting import wait_for
from wsgi_client import ask

from dashapp.api.endpoints import Api, ApiLimits
from dashapp.api.streaming.endpoint import MAX_STREAMS_PER_CLIENT, accepts_events
from dashapp.config.settings import parse_settings
from dashapp.http.concurrency import ConcurrencyLimit
from dashapp.http.middleware.security import SecurityMiddleware
from dashapp.web.app import create_app

STREAM = "/api/stream?window=20"
CLIENT = "192.0.2.1"


@pytest.fixture
def limits() -> ApiLimits:
    return ApiLimits()


@pytest.fixture
def client(limits: ApiLimits) -> Iterator[AsgiClient]:
    with asgi_client(SecurityMiddleware(Api(filled(), limits=limits), hosts=None)) as found:
        yield found


def error_of(client: AsgiClient, target: str = STREAM, status: int = 400, **more: str) -> str:
    exchange = client.request(target, **more)  # type: ignore[arg-type]
    body = exchange.result()
    assert exchange.status == status
    assert exchange.headers["content-type"] == "application/json"
    return str(json.loads(body)["error"])


def test_server_without_streams_says_so_and_does_not_offer_them() -> None:
    api = Api(filled())
    answer = ask(api, STREAM)
    assert answer.status == 404
    assert "/api/ticks" in answer.json["error"]
    assert "x-stream" not in ask(api, "/api/ticks").headers


@pytest.mark.parametrize("transport", ["auto", "poll"])
def test_setting_transport_decides_whether_streams_are_offered(transport: str) -> None:
    settings = parse_settings(["--store", "memory:", "--transport", transport], {})
    with asgi_client(create_app(filled(), settings)) as client:
        for path in ("/api/ticks", "/api/frames?q=window%3D20"):
            exchange = client.request(path)
            exchange.result()
            assert exchange.headers.get("x-stream") == ("1" if transport == "auto" else None), path
        if transport == "poll":
            assert "/api/ticks" in error_of(client, status=404)
        else:
            stream = client.request(STREAM)
            wait_for(lambda: stream.events)


def test_only_frames_offer_streams(client: AsgiClient) -> None:
    exchange = client.request("/api/metrics")
    exchange.result()
    assert "x-stream" not in exchange.headers


@pytest.mark.parametrize(
    ("accept", "is_accepted"),
    [
        ("", True),
        ("*/*", True),
        ("text/event-stream", True),
        ("TEXT/Event-Stream; q=0.1", True),
        ("text/html, text/*;q=0.3", True),
        ("application/json, */*;q=0", False),
        ("application/json", False),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=0.000", False),
        (",;=", False),
    ],
)
def test_accept_header_decides(client: AsgiClient, accept: str, is_accepted: bool) -> None:
    assert accepts_events(accept) is is_accepted
    if is_accepted:
        stream = client.request(STREAM, accept=accept)
        wait_for(lambda: stream.events)
    else:
        assert "text/event-stream" in error_of(client, status=406, accept=accept)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("window=5", "window"),
        ("window=x", "window"),
        ("metrics=nothing", "nothing"),
        ("to=9", "from"),
        ("unknown=1", "unknown"),
        ("q=window%3D20&window=20", "named q"),
        ("&".join(["q=a"] * 17), "16"),
        ("a" * 9000, "8192"),
        ("processes=1", "processes"),
        ("after=" + "x" * 65, "after"),
    ],
)
def test_invalid_query_is_rejected_in_one_sentence(client: AsgiClient, query: str, word: str) -> None:
    assert word in error_of(client, f"/api/stream?{query}")


def test_range_of_the_past_has_no_stream(client: AsgiClient) -> None:
    start = 1000 * int(time.time() - 60)
    assert "/api/ticks" in error_of(client, f"/api/stream?from={start}")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_rejected(client: AsgiClient, method: str) -> None:
    assert "GET, HEAD" in error_of(client, status=405, method=method)


def test_head_has_the_headers_and_opens_nothing(client: AsgiClient, limits: ApiLimits) -> None:
    exchange = client.request(STREAM, method="HEAD")
    assert exchange.result() == b""
    assert exchange.status == 200
    assert exchange.headers["content-type"] == "text/event-stream"
    assert len(client.app.streams) == 0
    assert limits.streams._count == 0


def test_streams_of_one_client_are_limited(client: AsgiClient, limits: ApiLimits) -> None:
    streams = [client.request(STREAM, peer=CLIENT) for _ in range(MAX_STREAMS_PER_CLIENT)]
    for stream in streams:
        wait_for(lambda stream=stream: stream.events)  # type: ignore[misc]
    assert str(MAX_STREAMS_PER_CLIENT) in error_of(client, status=429, peer=CLIENT)
    other = client.request(STREAM, peer="198.51.100.7")
    wait_for(lambda: other.events)
    client.leave(streams[0])
    streams[0].result()
    again = client.request(STREAM, peer=CLIENT)
    wait_for(lambda: again.events)
    for stream in [*streams, other, again]:
        client.leave(stream)
    wait_for(lambda: limits.streams._count == 0)
    assert limits.streams._counts == {}


def test_streams_of_a_process_are_limited(client: AsgiClient, limits: ApiLimits) -> None:
    limits.streams.__init__(3, 2)  # type: ignore[misc]
    for _ in range(3):
        stream = client.request(STREAM)
        wait_for(lambda stream=stream: stream.events)  # type: ignore[misc]
    assert "too many streams" in error_of(client, status=503)
    exchange = client.request(STREAM)
    exchange.result()
    assert int(exchange.headers["retry-after"]) > 0


def test_burst_of_connects_builds_the_first_event_once(client: AsgiClient) -> None:
    """10,000 viewers return at once after a server has started again."""
    limit = ConcurrencyLimit(1000, 1000)
    api = Api(filled(now=time.time()))
    api._limits.streams = limit
    api._streams._limit = limit
    builds = []
    first_event = api._streams.first_event
    api._streams.first_event = lambda *key: builds.append(key) or first_event(*key)  # type: ignore[method-assign, func-returns-value]
    with asgi_client(api) as crowd:
        streams = [crowd.request(STREAM) for _ in range(500)]
        for stream in streams:
            wait_for(lambda stream=stream: stream.events)  # type: ignore[misc]
    # The response of one second after the newest tick is cached, and the burst can last for longer.
    assert len(builds) < 60
