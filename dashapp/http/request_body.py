"""The body of a request, with bounds of size and number, whatever its sender says of its length."""

from __future__ import annotations

from collections.abc import Mapping
from threading import BoundedSemaphore
from typing import Any

from dashapp.model.ticks import BadRequestError

# Bodies that are on their way at one time. A thread waits for each until it is whole or its sender goes away,
# so the web has as many to spare. Not for a time only: granian 2.8 stands still as a whole where a request is
# answered while another thread still reads its body.
MAX_CONCURRENT_BODIES = 6


class RequestBodyError(BadRequestError):
    """A body that is not taken: the status to answer with, and one sentence."""

    def __init__(self, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class BodyReader:
    """Reads at most `limit` bytes of each, and one more that tells of others."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._room = BoundedSemaphore(MAX_CONCURRENT_BODIES)

    def read(self, environ: Mapping[str, Any]) -> bytes:
        """BodyError where it is too large, cut short or packed, or too many are on their way."""
        if environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
            raise RequestBodyError("415 Unsupported Media Type", "the body is packed; send it as it is")
        told = environ.get("CONTENT_LENGTH") or None
        if told is not None and not (told.isascii() and told.isdigit() and len(told) < 20):
            raise RequestBodyError("400 Bad Request", "content-length is no number")
        if told is not None and int(told) > self._limit:
            raise self._too_large()
        # What a server does not end by itself ends where it says: to read on would wait for ever.
        chunked = told is None and environ.get("wsgi.input_terminated", False)
        count = self._limit + 1 if chunked else int(told or 0)
        if not self._room.acquire(blocking=False):
            raise RequestBodyError(
                "503 Service Unavailable", "too many bodies are on their way; try again later"
            )
        try:
            body: bytes = environ["wsgi.input"].read(count)
        except OSError:
            body = b""  # its sender is gone
        finally:
            self._room.release()
        if len(body) > self._limit:
            raise self._too_large()
        if told is not None and len(body) < int(told):
            raise RequestBodyError("400 Bad Request", "the body is shorter than its content-length")
        return body

    def _too_large(self) -> RequestBodyError:
        sentence = f"the body is larger than {self._limit} bytes; push in several requests"
        return RequestBodyError("413 Content Too Large", sentence)
