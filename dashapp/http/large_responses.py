"""Sends large responses and first events in parts.

So memory holds no copy for each slow client.

The server granian copies a whole body, and keeps the copy until the client has read all of it. It keeps only
a few parts of a body in parts, and the thread waits for the client. So few such bodies may be under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dashapp.http.concurrency import CLIENT_KEY, ConcurrencyLimit
from dashapp.http.responses import error_response
from dashapp.http.streams import StreamBody
from dashapp.http.types import StartResponse, WSGIApp

# A body, or the first event of a stream, of at most this size is sent as a whole. Each file of the page in
# its compressed form is.
MAX_WHOLE_BYTES = 512 << 10
PART_BYTES = 64 << 10
# Large responses at a time in this process, and those of one client. Each occupies a thread.
MAX_LARGE_RESPONSES, MAX_LARGE_PER_CLIENT = 3, 2
RETRY_AFTER_S = 1
# Headers that describe the body.
_BODY_HEADERS = ("cache-control", "content-encoding", "content-length", "content-type", "etag", "vary")


class LargeResponses:
    """Wraps `app`: sends large bodies in parts, or an error if too many are under way."""

    def __init__(self, app: WSGIApp) -> None:
        self._app = app
        self._limit = ConcurrencyLimit(MAX_LARGE_RESPONSES, MAX_LARGE_PER_CLIENT)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        started: list[Any] = []
        body = self._app(environ, lambda *arguments: started.extend(arguments))
        status, headers = started[:2]
        if _whole_size(body) <= MAX_WHOLE_BYTES:
            start_response(status, headers)
            return body
        client: str = environ.get(CLIENT_KEY, "")
        if not self._limit.acquire(client):
            if isinstance(body, StreamBody):
                body.close()
            others = [header for header in headers if header[0].lower() not in _BODY_HEADERS]
            return error_response(
                start_response,
                "503 Service Unavailable",
                f"too many large responses are under way; retry in {RETRY_AFTER_S} second",
                ("retry-after", str(RETRY_AFTER_S)),
                *others,
            )
        start_response(status, headers)
        if isinstance(body, StreamBody):
            body.parts = _Parts(body.first, self._limit, client)
            return body
        return _Parts(b"".join(body), self._limit, client)


def _whole_size(body: Iterable[bytes]) -> int:
    """Return the bytes that the server would copy at once; 0 for a body in parts."""
    if isinstance(body, StreamBody):
        return len(body.first)
    return sum(map(len, body)) if isinstance(body, list) else 0


class _Parts:
    """A body in parts. `close` returns its place in the limit once."""

    def __init__(self, body: bytes, limit: ConcurrencyLimit, client: str) -> None:
        self._body = memoryview(body)
        self._limit: ConcurrencyLimit | None = limit
        self._client = client

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._body), PART_BYTES):
            yield bytes(self._body[start : start + PART_BYTES])

    def close(self) -> None:
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.release(self._client)
