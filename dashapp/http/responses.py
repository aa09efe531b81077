"""Responses: JSON that is compressed once for all viewers, errors, HTML and redirects.

The same bytes have the same ETag in every process, so that a cache in front can validate its copy.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Hashable, Iterable
from threading import Lock
from typing import Any, NamedTuple

import orjson

from dashapp.http.types import StartResponse
from dashapp.model.ticks import Cursor

# A response of at least this size is compressed.
MIN_COMPRESSED_BYTES = 1000
GZIP_HEADERS = (("content-encoding", "gzip"), ("vary", "accept-encoding"))
NO_STORE = "no-store"
PRIVATE_NO_STORE = "private, no-store"
# A shared cache in front serves one response to all viewers for a second. Browsers do not cache it: a second
# later they request another cursor.
SHARED_ONE_SECOND = "public, max-age=0, s-maxage=1"

# The path, the query and every other input of a response.
CacheKey = tuple[Hashable, ...]
Headers = tuple[tuple[str, str], ...]


class CachedResponse(NamedTuple):
    """`gzip_body` is the compressed body, with headers of its own; None if the body is small."""

    status: str
    body: bytes
    gzip_body: bytes | None
    etag: str
    headers: Headers
    gzip_headers: Headers


def encode_json(value: object) -> bytes:
    # orjson writes numpy columns ten times as fast as the standard library writes lists, and NaN as null.
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def error_json(sentence: str) -> bytes:
    # A request can hold a lone surrogate, which UTF-8 cannot encode.
    return encode_json({"error": sentence.encode("utf-8", "replace").decode()})


def not_modified_headers(headers: Headers) -> Headers:
    """The headers of a 304 response."""
    return tuple(header for header in headers if not header[0].startswith("content-"))


def build_response(status: str, body: bytes, caching: str = NO_STORE) -> CachedResponse:
    """A JSON response, compressed if that pays; `caching`: its Cache-Control header."""
    etag = f'"{urlsafe_b64encode(hashlib.blake2b(body, digest_size=6).digest()).decode()}"'
    common_headers: Headers = (("cache-control", caching),)
    if status.startswith("200"):
        # No client revalidates an error.
        common_headers += (("etag", etag),)
    content_type = ("content-type", "application/json")
    if len(body) < MIN_COMPRESSED_BYTES:
        headers = (content_type, ("content-length", str(len(body))), *common_headers)
        return CachedResponse(status, body, None, etag, headers, headers)
    compressor = zlib.compressobj(1, wbits=31)  # gzip at its fastest: higher levels gain little on numbers
    gzip_body = compressor.compress(body) + compressor.flush()
    headers = (content_type, ("content-length", str(len(body))), *common_headers, GZIP_HEADERS[1])
    return CachedResponse(
        status,
        body,
        gzip_body,
        etag,
        headers,
        (
            content_type,
            ("content-length", str(len(gzip_body))),
            *(
                ("etag", f'{etag[:-1]}-z"') if name == "etag" else (name, text)
                for name, text in common_headers
            ),
            *GZIP_HEADERS,
        ),
    )


class ResponseCache:
    """The responses about one newest tick, in one second after it."""

    def __init__(self, newest: Cursor, time_bucket: int) -> None:
        self.newest = newest
        self.time_bucket = time_bucket
        self.responses: dict[CacheKey, CachedResponse] = {}
        self.building: dict[CacheKey, Lock] = {}
        self.size = 0


# About the bytes of a response's headers and lock in a cache.
RESPONSE_OVERHEAD_BYTES = 2000


class CacheBudget:
    """Limits the bytes of the response caches of all pages of a process together.

    A page without viewers keeps its last responses, so the oldest caches are emptied first.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._caches: dict[ResponseCache, None] = {}
        self._lock = Lock()

    def add(self, cache: ResponseCache, key: CacheKey, response: CachedResponse) -> None:
        """Put a response into `cache`, and empty older caches as necessary."""
        # A client chooses the query, which is a part of the key.
        key_size = sum(len(part) for part in key if isinstance(part, str))
        size = len(response.body) + len(response.gzip_body or b"") + key_size + RESPONSE_OVERHEAD_BYTES
        with self._lock:
            if cache.size + size > self._max_bytes:
                cache.building.pop(key, None)
                return
            self._caches[cache] = None
            cache.size += size
            self._size += size
            cache.responses[key] = response
            while self._size > self._max_bytes:
                self._empty(next(other for other in self._caches if other is not cache))

    def discard(self, cache: ResponseCache) -> None:
        """Forget a cache that is no longer in use."""
        with self._lock:
            if cache in self._caches:
                self._empty(cache)

    def _empty(self, cache: ResponseCache) -> None:
        del self._caches[cache]
        self._size -= cache.size
        cache.size = 0
        cache.responses.clear()
        cache.building.clear()


NO_STORE_HEADER = ("cache-control", "no-store")


def json_response(
    start_response: StartResponse, status: str, value: object, *extra_headers: tuple[str, str]
) -> Iterable[bytes]:
    return _send_response(start_response, status, "application/json", encode_json(value), *extra_headers)


def error_response(
    start_response: StartResponse, status: str, sentence: str, *extra_headers: tuple[str, str]
) -> Iterable[bytes]:
    return _send_response(start_response, status, "application/json", error_json(sentence), *extra_headers)


def method_not_allowed(
    start_response: StartResponse, environ: dict[str, Any], allowed: str
) -> Iterable[bytes]:
    """A 405 response; `allowed`: the methods of this path, as in an Allow header."""
    sentence = f"{environ['REQUEST_METHOD']} is not allowed here; use {allowed}"
    return error_response(start_response, "405 Method Not Allowed", sentence, ("allow", allowed))


def html_response(
    start_response: StartResponse, status: str, body: bytes, *extra_headers: tuple[str, str]
) -> Iterable[bytes]:
    return _send_response(start_response, status, "text/html; charset=utf-8", body, *extra_headers)


def redirect(
    start_response: StartResponse, location: str, *extra_headers: tuple[str, str]
) -> Iterable[bytes]:
    """A 303 response. `location` is relative: only the browser knows the prefix of a proxy."""
    return _send_response(
        start_response, "303 See Other", "text/plain", b"", ("location", location), *extra_headers
    )


def redirect_to_slash(
    segment: str, environ: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    """Redirect to the path with a slash at its end, which the page's relative URLs need.

    `segment`: the last segment of the path, which is correct behind any proxy.
    """
    query = environ.get("QUERY_STRING", "")
    # The segment can look like a URL scheme; "./" makes it a path.
    location = f"./{segment}/" + (f"?{query}" if query else "")
    start_response("308 Permanent Redirect", [("location", location), ("content-length", "0")])
    return [b""]


def _send_response(
    start_response: StartResponse,
    status: str,
    content_type: str,
    body: bytes,
    *extra_headers: tuple[str, str],
) -> Iterable[bytes]:
    length = ("content-length", str(len(body)))
    start_response(status, [("content-type", content_type), length, NO_STORE_HEADER, *extra_headers])
    return [body]
