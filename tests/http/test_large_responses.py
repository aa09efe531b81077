"""Large responses in parts: the same bytes, few at a time, and an error above that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from wsgi_client import ask

from dashapp.http.concurrency import CLIENT_KEY
from dashapp.http.large_responses import (
    MAX_LARGE_PER_CLIENT,
    MAX_LARGE_RESPONSES,
    MAX_WHOLE_BYTES,
    PART_BYTES,
    LargeResponses,
)
from dashapp.web.assets import assets_directory

HEADERS = [("content-type", "text/plain"), ("x-frame-options", "SAMEORIGIN"), ("etag", '"x"')]


def app_of(size: int) -> LargeResponses:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [*HEADERS, ("content-length", str(size))])
        return [bytes(size - size // 2), bytes(size // 2)]

    return LargeResponses(app)


def begin(app: LargeResponses, client: str = "") -> tuple[str, Any]:
    """Start a request, and return its status and body."""
    got: list[Any] = []
    body = app({"REQUEST_METHOD": "GET", CLIENT_KEY: client}, lambda *arguments: got.extend(arguments))
    return got[0], body


@pytest.mark.parametrize("size", [0, 1, MAX_WHOLE_BYTES, MAX_WHOLE_BYTES + 1, 10 * MAX_WHOLE_BYTES + 7])
def test_body_of_any_size_is_complete(size: int) -> None:
    app = app_of(size)
    for _ in range(MAX_LARGE_RESPONSES + 1):
        answer = ask(app, "/")
        assert (answer.status, len(answer.body), answer.headers["content-length"]) == (200, size, str(size))


def test_large_body_is_no_list_that_granian_would_copy() -> None:
    _, small = begin(app_of(MAX_WHOLE_BYTES))
    assert isinstance(small, list)
    _, large = begin(app_of(MAX_WHOLE_BYTES + 1))
    assert not isinstance(large, list)
    assert max(map(len, large)) == PART_BYTES


def test_large_responses_are_limited_in_total_and_for_each_client() -> None:
    app = app_of(MAX_WHOLE_BYTES + 1)
    held = [begin(app, "a") for _ in range(MAX_LARGE_PER_CLIENT)]
    status, body = begin(app, "a")
    assert status.startswith("503")
    assert b"too many large responses" in b"".join(body)
    held += [begin(app) for _ in range(MAX_LARGE_RESPONSES - MAX_LARGE_PER_CLIENT)]
    answer = ask(app, "/")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert "etag" not in answer.headers
    for _, body in held:
        body.close()
        body.close()
    assert len([begin(app) for _ in range(MAX_LARGE_RESPONSES)]) == MAX_LARGE_RESPONSES
    assert begin(app)[0].startswith("503"), "a place was freed twice"


def test_files_of_page_are_small_enough_for_every_browser() -> None:
    """Each browser accepts gzip, so no page waits for another's files."""
    import gzip

    largest = max(assets_directory().rglob("*.js"), key=lambda path: path.stat().st_size)
    assert len(gzip.compress(largest.read_bytes(), 9)) < MAX_WHOLE_BYTES
