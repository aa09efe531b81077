"""Cache of Dash's static responses, compressed once, with validators for browsers.

Compression for each request would take a second of CPU for each visit. Without validators every visit would
download all files again.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

from dashapp.http.types import StartResponse, WSGIApp

# Responses in the cache; the page needs about thirty.
MAX_CACHED_FILES = 256
# The layout has a panel for each kind of metric, and new metrics can appear at any time.
UNCACHED_PATHS = ("/_dash-layout",)
_COMPRESSIBLE = re.compile(r"(text/|application/(javascript|json)|image/svg)")
# Dash writes the version and modification time into the URL of each of its own files.
_FINGERPRINT = re.compile(r"\.v[0-9_a-z]+m[0-9]+\.")

CachedFile = tuple[list[tuple[str, str]], bytes, bytes | None, str]


class StaticCache:
    """Caches an application whose GET responses never change, except those of UNCACHED_PATHS.

    `caching`: the Cache-Control header of responses that can change with the next start of the server.
    """

    def __init__(self, app: WSGIApp, caching: str = "no-cache") -> None:
        self._app = app
        self._caching = caching
        self._cache: dict[str, CachedFile] = {}
        # Dash registers its files during its first request; a concurrent request gets a page without them.
        self._lock = Lock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._app(environ, start_response)
        # The key has no query and no fingerprint: no response depends on them, and clients can invent any.
        path: str = environ["PATH_INFO"]
        key = canonical_path(path)
        cached = self._cache.get(key)
        if cached is None:
            with self._lock:
                status, headers, body = _fetch(self._app, environ)
            if not status.startswith("200"):
                start_response(status, headers)
                return [body]
            cached = _cached_file(headers, body)
            if key not in UNCACHED_PATHS and len(self._cache) < MAX_CACHED_FILES:
                self._cache[key] = cached
        headers, body, gzip_body, etag = cached
        is_fingerprinted = key != path or "m" in parse_qs(environ.get("QUERY_STRING", ""))
        caching = "public, max-age=31536000, immutable" if is_fingerprinted else self._caching
        headers = [*headers, ("cache-control", caching)]
        if environ.get("HTTP_IF_NONE_MATCH") == etag:
            start_response("304 Not Modified", [h for h in headers if h[0] != "content-type"])
            return [b""]
        if gzip_body is not None and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            body = gzip_body
            headers = [*headers, ("content-encoding", "gzip")]
        start_response("200 OK", [*headers, ("content-length", str(len(body)))])
        return [body]


def canonical_path(path: str) -> str:
    """The path of a file without Dash's fingerprint."""
    return _FINGERPRINT.sub(".", path)


def _fetch(app: WSGIApp, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and body of one unconditional GET."""
    response: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        response[:] = [status, headers]

    unconditional = {
        name: value
        for name, value in environ.items()
        if name not in ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE")
    }
    body = app({**unconditional, "REQUEST_METHOD": "GET"}, start)
    try:
        content = b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    return response[0], response[1], content


def _cached_file(headers: list[tuple[str, str]], body: bytes) -> CachedFile:
    content_type = next((v for k, v in headers if k.lower() == "content-type"), "application/octet-stream")
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    gzip_body = (
        gzip.compress(body, 9, mtime=0) if _COMPRESSIBLE.match(content_type) and len(body) > 512 else None
    )
    return (
        [
            ("content-type", content_type),
            ("etag", etag),
            ("vary", "accept-encoding"),
        ],
        body,
        gzip_body,
        etag,
    )
