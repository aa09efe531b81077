"""Cache of Dash's static responses, compressed once, with validators for browsers.

Compression for each request would take a second of CPU for each visit. Without validators every visit would
download all files again.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Collection, Hashable, Iterable
from contextlib import nullcontext
from threading import Lock
from typing import Any, NamedTuple

from dashapp.http.concurrency import Queue
from dashapp.http.encodings import EncodedBody
from dashapp.http.responses import error_response, method_not_allowed
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.languages.accept import language_of
from dashapp.model.ticks import BusyError

# Responses in the cache; the page needs about thirty.
MAX_CACHED_FILES = 256
# The layout has a panel for each kind of metric, and new metrics can appear at any time. Each host has one.
LAYOUT_PATH = "/_dash-layout"
LAYOUT_TTL_S, MAX_CACHED_LAYOUTS = 1.0, 32
_COMPRESSIBLE = re.compile(r"(text/|application/(javascript|json)|image/svg)")
# Dash writes the version and modification time into the URL of each of its own files.
_FINGERPRINT = re.compile(r"\.v[0-9_a-z]+m[0-9]+\.")
IMMUTABLE = "public, max-age=31536000, immutable"

# Requests that wait for long while another layout is built.
MAX_WAITING_LAYOUTS = 2


class FailedFetch(NamedTuple):
    """A response other than 200, which no cache keeps."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


class CachedFile(NamedTuple):
    """A response with status 200."""

    headers: list[tuple[str, str]]
    body: EncodedBody
    etag: str


class FirstRequestLock:
    """Lets `app` answer its first request before any other one.

    Dash registers its files during that request. A concurrent one would get a page without them.
    """

    def __init__(self, app: WSGIApp) -> None:
        self._app = app
        self._lock = Lock()
        self._is_ready = False

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not self._is_ready:
            with self._lock:
                if not self._is_ready:
                    response = self._app(environ, start_response)
                    self._is_ready = True
                    return response
        return self._app(environ, start_response)


class StaticCache:
    """Caches an application whose GET responses never change, except its layout.

    `caching`: the Cache-Control header of responses that can change with the next start of the server.
    `layout_key`: returns what the layout of a request depends on.
    `versioned`: returns the URLs, paths with their queries, whose files never change. Clients can invent
    others: a shared cache would then keep this version under the URL of a later one.
    `documents`: paths whose responses depend on the language. `prepared`: returns the file of a path as
    Brotli, or None.
    """

    def __init__(
        self,
        app: WSGIApp,
        caching: str = "no-cache",
        versioned: Callable[[], Collection[str]] = tuple,
        layout_key: Callable[[dict[str, Any]], Hashable] = lambda environ: environ.get("SCRIPT_NAME"),
        clock: Callable[[], float] = time.monotonic,
        queue: Queue | None = None,
        documents: Collection[str] = (),
        prepared: Callable[[str], bytes | None] = lambda path: None,
    ) -> None:
        self._app = app
        self._prepared = prepared
        self._caching = caching
        self._versioned = versioned
        self._layout_key = layout_key
        self._clock = clock
        self._documents = documents
        self._cache: dict[tuple[str, str], CachedFile] = {}
        # With the time at which it expires.
        self._layouts: dict[Hashable, tuple[float, CachedFile]] = {}
        # Dash answers one request at a time.
        self._lock = Lock()
        self._queue, self._layout_lock = queue or Queue(MAX_WAITING_LAYOUTS), Lock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return self._app(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            # Flask takes "get" for GET, and would build a layout without the limits here.
            return method_not_allowed(start_response, environ, "GET, HEAD")
        path: str = environ["PATH_INFO"]
        cached: CachedFile | FailedFetch | None = self._find(environ)
        if cached is None:
            try:
                # A client can invent hosts, whose layouts are in no cache.
                with (
                    self._queue.hold(self._layout_lock) if path == LAYOUT_PATH else nullcontext(),
                    self._lock,
                ):
                    cached = self._find(environ) or self._fetch(environ)
            except BusyError as error:
                return error_response(
                    start_response, "503 Service Unavailable", str(error), ("retry-after", "1")
                )
        if isinstance(cached, FailedFetch):
            start_response(cached.status, cached.headers)
            return [cached.body]
        headers, encoded, etag = cached
        query = environ.get("QUERY_STRING", "")
        is_versioned = (query or path != canonical_path(path)) and (
            (f"{path}?{query}" if query else path) in self._versioned()
        )
        headers = [*headers, ("cache-control", IMMUTABLE if is_versioned else self._caching)]
        if environ.get("HTTP_IF_NONE_MATCH") == etag:
            start_response("304 Not Modified", [h for h in headers if h[0] != "content-type"])
            return [b""]
        body, encoding = encoded.of(environ.get("HTTP_ACCEPT_ENCODING", ""))
        if encoding:
            headers = [*headers, ("content-encoding", encoding)]
        start_response("200 OK", [*headers, ("content-length", str(len(body)))])
        return [body]

    def _find(self, environ: dict[str, Any]) -> CachedFile | None:
        if environ["PATH_INFO"] == LAYOUT_PATH:
            expires_at, layout = self._layouts.get(self._layout_key(environ), (0.0, None))
            return layout if self._clock() < expires_at else None
        return self._cache.get(self._file_key(environ))

    def _file_key(self, environ: dict[str, Any]) -> tuple[str, str]:
        # The key has no query and no fingerprint: no response depends on them, and clients can invent any.
        path = canonical_path(environ["PATH_INFO"])
        return path, language_of(environ) if path in self._documents else ""

    def _fetch(self, environ: dict[str, Any]) -> CachedFile | FailedFetch:
        status, headers, body = fetch(self._app, environ)
        if not status.startswith("200"):
            return FailedFetch(status, headers, body)
        return self._add(environ, headers, body)

    def _add(self, environ: dict[str, Any], headers: list[tuple[str, str]], body: bytes) -> CachedFile:
        if environ["PATH_INFO"] == LAYOUT_PATH:
            cached = _cached_file(headers, body, fast=True)
            key = self._layout_key(environ)
            self._layouts.pop(key, None)
            if len(self._layouts) >= MAX_CACHED_LAYOUTS:
                del self._layouts[next(iter(self._layouts))]
            self._layouts[key] = self._clock() + LAYOUT_TTL_S, cached
            return cached
        cached = _cached_file(headers, body, self._prepared(canonical_path(environ["PATH_INFO"])))
        if len(self._cache) < MAX_CACHED_FILES:
            self._cache[self._file_key(environ)] = cached
        return cached


def canonical_path(path: str) -> str:
    """The path of a file without Dash's fingerprint."""
    return _FINGERPRINT.sub(".", path)


def fetch(app: WSGIApp, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
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


def _cached_file(
    headers: list[tuple[str, str]], body: bytes, prepared: bytes | None = None, *, fast: bool = False
) -> CachedFile:
    content_type = next((v for k, v in headers if k.lower() == "content-type"), "application/octet-stream")
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    compressible = bool(_COMPRESSIBLE.match(content_type)) and len(body) > 512
    return CachedFile(
        [("content-type", content_type), ("etag", etag), ("vary", "accept-encoding")],
        EncodedBody(body, compressible=compressible, fast=fast, prepared=prepared),
        etag,
    )
