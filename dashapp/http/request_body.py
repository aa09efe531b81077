"""Reads request bodies, with a limit on their size and on how many are read at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from dashapp.http.concurrency import CLIENT_KEY, ConcurrencyLimit
from dashapp.http.responses import error_response
from dashapp.http.types import StartResponse
from dashapp.model.ticks import BadRequestError, DashappError

# Bodies that the server reads at a time. Each occupies a thread until it is complete or its client
# disconnects, so the web server has as many spare threads. There is no timeout here. Granian 2.8 blocks
# completely if one thread answers a request while another still reads its body. The module connections closes
# the connection of a client that sends too little.
MAX_CONCURRENT_BODIES, MAX_BODIES_PER_CLIENT = 6, 2
# Parts of a compressed body: the rest is copied after each. Almost all clients send one.
MAX_GZIP_MEMBERS = 64


class RequestBodyError(BadRequestError):
    """A rejected body, with the status of the response."""

    def __init__(self, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def body_slots() -> ConcurrencyLimit:
    """Return the places of bodies of one kind in this process."""
    return ConcurrencyLimit(MAX_CONCURRENT_BODIES, MAX_BODIES_PER_CLIENT)


def rejection(start_response: StartResponse, error: DashappError) -> Iterable[bytes]:
    """Return the response to a write whose body is invalid or cannot be stored now."""
    if isinstance(error, RequestBodyError):
        return error_response(start_response, error.status, str(error), ("connection", "close"))
    if isinstance(error, BadRequestError):
        return error_response(start_response, "400 Bad Request", str(error))
    return error_response(start_response, "503 Service Unavailable", str(error), ("retry-after", "1"))


class BodyReader:
    """Reads at most `limit` bytes of a body, and one more to see whether it is longer.

    Werkzeug's input stream does not detect two cases if the server ends the stream itself. It returns the
    first `limit` bytes of a longer body, and a body that is shorter than its content-length.

    `slots`: those of `body_slots` that several readers share, for example of all pages. `accepts_gzip`: a
    body may be compressed. Its content has the same limit.
    """

    def __init__(
        self, limit: int, slots: ConcurrencyLimit | None = None, *, accepts_gzip: bool = False
    ) -> None:
        self._limit = limit
        self._accepts_gzip = accepts_gzip
        self._slots = slots or body_slots()

    def read(self, environ: Mapping[str, Any]) -> bytes:
        """The body. RequestBodyError if it is invalid, or if too many bodies are being read."""
        encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower() or "identity"
        is_gzip = self._accepts_gzip and encoding == "gzip"
        if encoding != "identity" and not is_gzip:
            sentence = "the body is compressed; send it uncompressed"
            if self._accepts_gzip:
                sentence = "the content-encoding is unknown; send the body with gzip or uncompressed"
            raise RequestBodyError("415 Unsupported Media Type", sentence)
        content_length = environ.get("CONTENT_LENGTH") or None
        if content_length is not None and not (
            content_length.isascii() and content_length.isdigit() and len(content_length) < 20
        ):
            raise RequestBodyError("400 Bad Request", "content-length is not a number")
        if content_length is not None and int(content_length) > self._limit:
            raise self._too_large()
        # A server that does not end the stream itself needs the content-length: reading on would block.
        chunked = content_length is None and environ.get("wsgi.input_terminated", False)
        count = self._limit + 1 if chunked else int(content_length or 0)
        client: str = environ.get(CLIENT_KEY, "")
        if not self._slots.acquire(client):
            raise RequestBodyError("503 Service Unavailable", "too many uploads at a time; retry later")
        try:
            body: bytes = environ["wsgi.input"].read(count)
        except OSError:
            body = b""  # the client disconnected
        finally:
            self._slots.release(client)
        if len(body) > self._limit:
            raise self._too_large()
        if content_length is not None and len(body) < int(content_length):
            raise RequestBodyError("400 Bad Request", "the body is shorter than its content-length")
        return self._decompress(body) if is_gzip else body

    def _decompress(self, body: bytes) -> bytes:
        """Return the content of all gzip members; stop at the limit."""
        content = b""
        try:
            for _ in range(MAX_GZIP_MEMBERS):
                member = zlib.decompressobj(wbits=31)
                content += member.decompress(body, self._limit + 1 - len(content))
                if len(content) > self._limit:
                    raise self._too_large()
                if not member.eof:
                    raise RequestBodyError("400 Bad Request", "the gzip data of the body is incomplete")
                body = member.unused_data
                if not body:
                    return content
        except zlib.error:
            raise RequestBodyError("400 Bad Request", "the body is not gzip data") from None
        sentence = f"the body has more than {MAX_GZIP_MEMBERS} gzip members; send one"
        raise RequestBodyError("400 Bad Request", sentence)

    def _too_large(self) -> RequestBodyError:
        sentence = f"the body is larger than {self._limit} bytes; send several requests"
        return RequestBodyError("413 Content Too Large", sentence)
