"""The HTTP API: a small WSGI application that every viewer requests once a second.

It builds a response once for all requests with the same query and the same newest tick.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import BoundedSemaphore, Lock
from typing import Any

from dashapp.api.csv_export import MAX_DOWNLOADS, MAX_DOWNLOADS_PER_CLIENT, RETRY_AFTER_S, CsvExport
from dashapp.api.events import events_json
from dashapp.api.frame_builder import (
    MAX_QUERIES_PER_REQUEST,
    NO_PROCESSES,
    TIME_STEP_S,
    FrameBuilder,
    time_of_response,
)
from dashapp.api.process_table import ProcessTable, Table
from dashapp.api.runs import runs_json
from dashapp.api.serializers import alerts_json, health_json, metrics_json
from dashapp.api.statistics.forecasts import ForecastEndpoint
from dashapp.api.statistics.usual import UsualEndpoint
from dashapp.api.streaming.endpoint import (
    MAX_STREAMS,
    MAX_STREAMS_PER_CLIENT,
    NOT_OFFERED,
    OFFER_HEADER,
    StreamEndpoint,
)
from dashapp.api.streaming.question import QuestionCache
from dashapp.api.streaming.tick_streams import TickStreams
from dashapp.api.top import TopEndpoint
from dashapp.http.concurrency import CLIENT_KEY, ConcurrencyLimit, Queue, TooManyRequestsError
from dashapp.http.encodings import GZIP, accepts
from dashapp.http.responses import (
    NO_STORE,
    SHARED_ONE_SECOND,
    CacheBudget,
    CachedResponse,
    ResponseCache,
    build_response,
    encode_json,
    error_json,
    not_modified_headers,
)
from dashapp.http.streams import CAN_STREAM, STREAM_PATH, may_block
from dashapp.http.types import StartResponse
from dashapp.model.panels import Panel
from dashapp.model.ticks import BadRequestError, BusyError, Cursor, is_stale, tick_age
from dashapp.stores.base import Reader

# Path, query, and the table of processes that goes with it.
RequestKey = tuple[str, str, Table | None]

# Responses in the cache of one tick, and bytes in the caches of all pages. Beyond that the API builds each
# response again.
MAX_CACHED_RESPONSES, MAX_CACHED_BYTES = 512, 16 << 20
# Maximum age of a cached response while no tick arrives. A header has the time to the millisecond.
CACHE_TTL_S = TIME_STEP_S
SERVER_TIME_HEADER = "x-now"

HEALTH_PATHS = ("/healthz", "/readyz")
FRAME_PATHS = ("/api/ticks", "/api/frames")
PATHS = (
    *(*FRAME_PATHS, "/api/metrics", "/api/alerts", "/api/events", "/api/runs", "/api/top"),
    *(STREAM_PATH, "/api/csv", "/api/forecast", "/api/usual"),
    *HEALTH_PATHS,
)
# Queries of one client that the API answers at a time, responses with queries that it builds at a time, and
# requests that wait for one for long. More threads would only wait for the interpreter.
MAX_QUERIES_PER_CLIENT, MAX_CONCURRENT_BUILDS, MAX_WAITING_REQUESTS = 24, 2, 2


def utc_now() -> float:
    """Epoch seconds by this machine's clock."""
    return time.time()


def _query_count(path: str, query: str) -> int:
    """Return how many queries of ticks a request has."""
    if path in ("/api/frames", STREAM_PATH):
        return min(query.count("&") + 1, MAX_QUERIES_PER_REQUEST)
    return 1 if path == "/api/ticks" else 0


class ApiLimits:
    """Limits that the pages of a process share: downloads, queries, cached bytes."""

    def __init__(self) -> None:
        self.queries = ConcurrencyLimit(math.inf, MAX_QUERIES_PER_CLIENT)
        self.queue = Queue(MAX_WAITING_REQUESTS)
        self.builds = BoundedSemaphore(MAX_CONCURRENT_BUILDS)
        self.downloads = ConcurrencyLimit(MAX_DOWNLOADS, MAX_DOWNLOADS_PER_CLIENT)
        self.cache = CacheBudget(MAX_CACHED_BYTES)
        self.streams = ConcurrencyLimit(MAX_STREAMS, MAX_STREAMS_PER_CLIENT)
        self.questions = QuestionCache()


class Api:
    """Answers GET and HEAD on PATHS, and every other path under `/api/` with 404."""

    def __init__(
        self,
        store: Reader,
        *,
        window: float = 100.0,
        interval: float = 1.0,
        max_window: float = 7200.0,
        processes: ProcessTable | str = NO_PROCESSES,
        hosts: Callable[[], dict[str, Any]] | None = None,
        now: Callable[[], float] = utc_now,
        caching: str = NO_STORE,
        host: str = "",
        panels: Sequence[Panel] = (),
        limits: ApiLimits | None = None,
        redacts_notices: bool = False,
        top_error: str = NO_PROCESSES,
        compared: Sequence[str] = (),
        streams: bool = True,
    ) -> None:
        """`window`: default seconds; `max_window`: maximum seconds of a window.

        `processes`: their table, or the error text if there is none. `hosts`: returns the list of hosts, if
        the store has several. `now`: the current epoch seconds, for the age of the newest tick. `caching`:
        the Cache-Control header. `host`: the host's part of a download's file name. `panels`: the panels
        in the settings. `limits`: those that the pages of this process share. `redacts_notices`: everybody
        may see the responses. `top_error`: the error text if the recorded processes are not shown, or empty.
        `compared`: the hosts of an overlay. `streams`: whether it offers streams, if the server has them.
        """
        self._limits = limits = limits or ApiLimits()
        self._hosts = hosts
        self._clock = now
        self._caching = caching
        self._top = TopEndpoint(store, top_error, max_window)
        self._statistics: dict[str, ForecastEndpoint | UsualEndpoint] = {
            "/api/forecast": ForecastEndpoint(store, interval),
            "/api/usual": UsualEndpoint(store, interval),
        }
        self._store = store
        self._interval = interval
        self._cache = ResponseCache(store.newest(), -1)
        self._builder = FrameBuilder(
            store,
            window=window,
            interval=interval,
            max_window=max_window,
            clock=now,
            processes=processes,
            hosts=hosts,
            redacts_notices=redacts_notices or caching == SHARED_ONE_SECOND,
            compared=compared,
        )
        ticks = TickStreams(store, self._builder, now)
        self._offers_streams = streams
        self._streams = StreamEndpoint(
            self._builder, ticks, limits.streams, limits.questions, self._first_event
        )
        self._export = CsvExport(
            store,
            window=window,
            max_window=max_window,
            interval=interval,
            now=now,
            host=host,
            panels=panels,
            compared=compared,
            downloads=limits.downloads,
        )

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            body = error_json(f"{method} is not allowed here; use GET, HEAD")
            return self._send_error(start_response, "405 Method Not Allowed", body, ("allow", "GET, HEAD"))
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        offers_streams = self._offers_streams and CAN_STREAM in environ
        try:
            if path == "/api/csv":
                return self._csv(method, query, environ.get(CLIENT_KEY, ""), start_response)
            if path == STREAM_PATH and not offers_streams:
                return self._send_error(start_response, "404 Not Found", error_json(NOT_OFFERED))
            if path == STREAM_PATH:
                return self._streams(environ, start_response)
            response, _ = self._find(environ, path, query)
        except BusyError as error:
            status = "503 Service Unavailable"
            if isinstance(error, TooManyRequestsError):
                status = "429 Too Many Requests"
            return self._send_error(start_response, status, error_json(str(error)), ("retry-after", "1"))
        body, headers = response.body, response.headers
        if response.gzip_body is not None and accepts(environ.get("HTTP_ACCEPT_ENCODING", ""), GZIP):
            body, headers = response.gzip_body, response.gzip_headers
        extra = [(SERVER_TIME_HEADER, f"{self._clock():.3f}")]
        if offers_streams and path in FRAME_PATHS:
            extra.append(OFFER_HEADER)
        known_etags = environ.get("HTTP_IF_NONE_MATCH")
        if known_etags and response.etag[:-1] in known_etags and response.status == "200 OK":
            start_response("304 Not Modified", [*not_modified_headers(headers), *extra])
            return []
        start_response(response.status, [*headers, *extra])
        return [body]

    def _first_event(self, environ: Mapping[str, Any], key: str) -> tuple[CachedResponse, Cursor]:
        return self._find(environ, STREAM_PATH, key)

    def _find(self, environ: Mapping[str, Any], path: str, query: str) -> tuple[CachedResponse, Cursor]:
        """Return the response and the newest tick in it; BusyError if the server is busy."""
        if not self._store.is_loaded:
            may_block(environ)
        table = None
        if path == "/api/ticks" and "processes=1" in query:
            # Before the cache, so that a request that waits for another one's response does not also wait
            # for a reading of the processes.
            may_block(environ)
            table = self._builder.read_processes()
        key = (path, query, table)
        newest = self._store.newest()
        time_bucket, _ = time_of_response(newest, self._clock())
        # Keep a reference: a slow response must not be cached under a newer tick.
        cache = self._cache
        if newest != cache.newest or time_bucket != cache.time_bucket:
            self._limits.cache.discard(cache)
            cache = self._cache = ResponseCache(newest, time_bucket)
        response = cache.responses.get(key)
        if response is None and path in HEALTH_PATHS:
            # Without a lock: this needs no time, and has to work if all threads are busy.
            response = self._cached(cache, key)
        if response is None:
            may_block(environ)
            client: str = environ.get(CLIENT_KEY, "")
            queries = _query_count(path, query)
            if not self._limits.queries.acquire(client, queries):
                raise TooManyRequestsError("too many requests at a time from this address; retry in 1 second")
            try:
                response = self._build_once(cache, key)
            finally:
                self._limits.queries.release(client, queries)
        return response, newest

    def _csv(self, method: str, query: str, client: str, start_response: StartResponse) -> Iterable[bytes]:
        try:
            download = self._export.open(query, client)
        except BadRequestError as error:
            return self._send_error(start_response, "400 Bad Request", error_json(str(error)))
        except BusyError as error:
            retry_header = ("retry-after", str(RETRY_AFTER_S))
            return self._send_error(
                start_response, "503 Service Unavailable", error_json(str(error)), retry_header
            )
        start_response("200 OK", [*download.headers, ("cache-control", self._cache_control(False))])
        if method == "HEAD":
            download.close()
            return []
        return download

    def _cache_control(self, shareable: bool) -> str:
        """The Cache-Control header of a response; `shareable`: whether other viewers may get it too."""
        return self._caching if shareable or self._caching != SHARED_ONE_SECOND else NO_STORE

    def _send_error(
        self, start_response: StartResponse, status: str, body: bytes, *extra_headers: tuple[str, str]
    ) -> list[bytes]:
        start_response(
            status, [*build_response(status, body, self._cache_control(False)).headers, *extra_headers]
        )
        return [body]

    def _build_once(self, cache: ResponseCache, key: RequestKey) -> CachedResponse:
        """Build a response; other requests with the same key wait for it."""
        if len(cache.building) >= MAX_CACHED_RESPONSES:
            return self._cached(cache, key)
        with self._limits.queue.hold(cache.building.setdefault(key, Lock())):
            response = cache.responses.get(key)
            if response is None:
                response = self._cached(cache, key)
                self._limits.cache.add(cache, key, response)
            return response

    def _cached(self, cache: ResponseCache, key: RequestKey) -> CachedResponse:
        path, query, table = key
        # The start of the time bucket: the same whenever in it the response is built.
        now = round(cache.newest.time_ms / 1000 + CACHE_TTL_S * cache.time_bucket, 3)
        if path == STREAM_PATH:
            try:
                with self._limits.queue.hold(self._limits.builds):
                    return self._streams.first_event(query, now, self._store.snapshot())
            except BadRequestError as error:
                return build_response("400 Bad Request", error_json(str(error)), self._cache_control(False))
        status, body, shareable = self._build(path, query, table, now)
        return build_response(status, body, self._cache_control(shareable))

    def _build(self, path: str, query: str, table: Table | None, now: float) -> tuple[str, bytes, bool]:
        """Status, body, and whether a shared cache may serve it for a second."""
        try:
            if path == "/api/ticks":
                parsed = self._builder.parse(query)
                with self._limits.queue.hold(self._limits.builds):
                    answer = self._builder.ticks(parsed, table, now, self._store.snapshot())
                return "200 OK", answer.body, answer.shareable
            if path == "/api/frames":
                with self._limits.queue.hold(self._limits.builds):
                    parsed_queries = self._builder.parse_several(query)
                    answer = self._builder.frames(parsed_queries, now, self._store.snapshot())
                return "200 OK", answer.body, answer.shareable
            if path == "/api/top":
                with self._limits.queue.hold(self._limits.builds):
                    return "200 OK", encode_json(self._top.json(query, self._clock())), True
            if (statistics := self._statistics.get(path)) is not None:
                with self._limits.queue.hold(self._limits.builds):
                    return "200 OK", encode_json(statistics.json(query, self._clock())), True
            if (document := self._document(path, query)) is not None:
                return "200 OK", encode_json(document), True
            if path in HEALTH_PATHS:
                stale, health = health_json(self._store, self._interval, self._clock())
                return "503 Service Unavailable" if stale and path == "/readyz" else "200 OK", health, False
        except BadRequestError as error:
            return "400 Bad Request", error_json(str(error)), False
        return "404 Not Found", error_json("not found"), False

    def _document(self, path: str, query: str) -> Any:
        """Return a document of the store, or the list of hosts; None for another path."""
        if path == "/api/metrics":
            return metrics_json(self._store)
        if path == "/api/alerts":
            return alerts_json(self._store, query, self._current_values(), self._top.is_shown)
        if path == "/api/events":
            return events_json(self._store, query)
        if path == "/api/runs":
            return runs_json(self._store)
        return self._hosts() if path == "/api/hosts" and self._hosts is not None else None

    def _current_values(self) -> Mapping[str, float] | None:
        """The current values; None if the newest tick is stale."""
        newest = self._store.snapshot().newest
        if newest is None or is_stale(tick_age(newest.time, self._clock()), newest.step):
            return None
        return newest.values
