"""Sends large responses and first events in parts.

So memory holds no copy for each slow client.

The server granian copies a whole body, and keeps the copy until the client has read all of it. It keeps only
a few parts of a body in parts, and the thread waits for the client. So few such bodies may be under way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dashapp.http.concurrency import CLIENT_KEY, ConcurrencyLimit
from dashapp.http.responses import error_response
from dashapp.http.streams import StreamBody

# A body, or the first event of a stream, of at most this size is sent as a whole. Each file of the page in
# its compressed form is.
MAX_WHOLE_BYTES = 512 << 10
PART_BYTES = 64 << 10
# Large responses at a time in this process, and those of one client. Each occupies a thread.
MAX_LARGE_RESPONSES, MAX_LARGE_PER_CLIENT = 3, 2
RETRY_AFTER_S = 1
# Headers that describe the body.
_BODY_HEADERS = ("cache-control", "content-encoding", "content-length", "content-type", "etag", "vary")

Headers = list[tuple[str, str]]


class LargeResponses:
    """Limits the large responses that are under way."""

    def __init__(self) -> None:
        self._limit = ConcurrencyLimit(MAX_LARGE_RESPONSES, MAX_LARGE_PER_CLIENT)

    def split(
        self, environ: Mapping[str, Any], status: str, headers: Headers, body: bytes | StreamBody
    ) -> tuple[str, Headers, Any]:
        """Return the response with its body in parts, or an error if too many are under way."""
        client: str = environ.get(CLIENT_KEY, "")
        if not self._limit.acquire(client):
            if isinstance(body, StreamBody):
                body.close()
            started: list[Any] = []
            parts = error_response(
                lambda *arguments: started.extend(arguments),
                "503 Service Unavailable",
                f"too many large responses are under way; retry in {RETRY_AFTER_S} second",
                ("retry-after", str(RETRY_AFTER_S)),
                *(header for header in headers if header[0].lower() not in _BODY_HEADERS),
            )
            return started[0], started[1], b"".join(parts)
        if isinstance(body, StreamBody):
            body.parts = _Parts(body.first, self._limit, client)
            return status, headers, body
        return status, headers, _Parts(body, self._limit, client)


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
