"""Large responses in parts: the same bytes, few at a time, and an error above that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from stream_client import asgi_client

from dashapp.http import unread_bodies
from dashapp.http.concurrency import CLIENT_KEY
from dashapp.http.large_responses import (
    MAX_LARGE_PER_CLIENT,
    MAX_LARGE_RESPONSES,
    MAX_WHOLE_BYTES,
    PART_BYTES,
    LargeResponses,
)
from dashapp.http.types import WSGIApp
from dashapp.web.assets import assets_directory

HEADERS = [("content-type", "text/plain"), ("x-frame-options", "SAMEORIGIN"), ("etag", '"x"')]


def app_of(size: int) -> WSGIApp:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [*HEADERS, ("content-length", str(size))])
        return [bytes(size - size // 2), bytes(size // 2)]

    return app


def begin(large: LargeResponses, client: str = "") -> tuple[str, dict[str, str], Any]:
    """Begin a large response, and return its status, headers and body."""
    body = bytes(MAX_WHOLE_BYTES + 1)
    status, headers, parts = large.split({CLIENT_KEY: client}, "200 OK", [*HEADERS], body)
    return status, dict(headers), parts


@pytest.mark.parametrize("path", ["/", "/api/ticks"])
@pytest.mark.parametrize("size", [0, 1, MAX_WHOLE_BYTES, MAX_WHOLE_BYTES + 1, 10 * MAX_WHOLE_BYTES + 7])
def test_body_of_any_size_is_complete(size: int, path: str) -> None:
    """One path is answered in a thread, and the other one in the event loop."""
    with asgi_client(app_of(size)) as client:
        for _ in range(MAX_LARGE_RESPONSES + 1):
            exchange = client.request(path)
            assert len(exchange.result()) == size
            assert (exchange.status, exchange.headers["content-length"]) == (200, str(size))


@pytest.mark.parametrize("path", ["/", "/api/ticks"])
def test_large_body_is_sent_in_parts_which_granian_would_copy(path: str) -> None:
    small, large = unread_bodies.MAX_SMALL_BYTES, MAX_WHOLE_BYTES
    middle_part = unread_bodies.PART_BYTES
    for size, largest in ((small, small), (large, middle_part), (large + 1, PART_BYTES)):
        with asgi_client(app_of(size)) as client:
            exchange = client.request(path)
            exchange.result()
            assert max(len(message["body"]) for message in exchange.messages[1:]) == largest


def test_large_responses_are_limited_in_total_and_for_each_client() -> None:
    large = LargeResponses()
    held = [begin(large, "a") for _ in range(MAX_LARGE_PER_CLIENT)]
    status, _, body = begin(large, "a")
    assert status.startswith("503")
    assert b"too many large responses" in body
    held += [begin(large) for _ in range(MAX_LARGE_RESPONSES - MAX_LARGE_PER_CLIENT)]
    status, headers, _ = begin(large)
    assert (status[:3], headers["retry-after"]) == ("503", "1")
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert "etag" not in headers
    for _, _, body in held:
        body.close()
        body.close()
    assert len([begin(large) for _ in range(MAX_LARGE_RESPONSES)]) == MAX_LARGE_RESPONSES
    assert begin(large)[0].startswith("503"), "a place was freed twice"


def test_files_of_page_are_small_enough_for_every_browser() -> None:
    """Each browser accepts gzip, so no page waits for another's files."""
    import gzip

    largest = max(assets_directory().rglob("*.js"), key=lambda path: path.stat().st_size)
    assert len(gzip.compress(largest.read_bytes(), 9)) < MAX_WHOLE_BYTES
