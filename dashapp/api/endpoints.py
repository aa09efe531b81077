"""The HTTP API: a small WSGI application that every viewer requests once a second.

It builds a response once for all requests with the same query and the same newest tick.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from threading import BoundedSemaphore, Lock
from typing import Any
from urllib.parse import parse_qsl

from dashapp.api.csv_export import MAX_DOWNLOADS, MAX_DOWNLOADS_PER_CLIENT, RETRY_AFTER_S, CsvExport
from dashapp.api.events import events_json
from dashapp.api.frame_json import frame_json
from dashapp.api.params import TicksQuery, check_queries, parse_ticks_query
from dashapp.api.process_table import ProcessTable, Table
from dashapp.api.runs import runs_json
from dashapp.api.serializers import alerts_json, health_json, match_metrics, metrics_json
from dashapp.api.statistics.forecasts import ForecastEndpoint
from dashapp.api.statistics.usual import UsualEndpoint
from dashapp.api.top import UNREADABLE, TopEndpoint
from dashapp.http.concurrency import CLIENT_KEY, ConcurrencyLimit, Queue
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
from dashapp.http.types import StartResponse
from dashapp.model.panels import Panel
from dashapp.model.ticks import BadRequestError, BusyError, is_stale, tick_age
from dashapp.query.formula_columns import FormulaColumns
from dashapp.query.frames import MAX_VALUES, live_frame, past_frame
from dashapp.stores.base import Reader, Snapshot

# Path, query, and the table of processes that goes with it.
RequestKey = tuple[str, str, Table | None]

# Responses in the cache of one tick, and bytes in the caches of all pages. Beyond that the API builds each
# response again.
MAX_CACHED_RESPONSES, MAX_CACHED_BYTES = 512, 16 << 20
# Maximum age of a cached response while no tick arrives. The page compares its "now" with the newest tick to
# see whether the data is stale. "now" rises in steps of this from the newest tick on, so that every process
# builds the same bytes. A header has the time to the millisecond.
CACHE_TTL_S = 1.0
SERVER_TIME_HEADER = "x-now"

PATHS = (
    *("/api/ticks", "/api/frames", "/api/metrics", "/api/alerts", "/api/events", "/api/runs", "/api/top"),
    *("/api/csv", "/api/forecast", "/api/usual"),
    *("/healthz", "/readyz"),
)
# Queries in one request to /api/frames.
MAX_QUERIES_PER_REQUEST = 16
# Queries of one client that the API answers at a time, responses with queries that it builds at a time, and
# requests that wait for one for long. More threads would only wait for the interpreter.
MAX_QUERIES_PER_CLIENT, MAX_CONCURRENT_BUILDS, MAX_WAITING_REQUESTS = 24, 2, 2
NO_PROCESSES = "this server does not show processes"
NO_HOSTS = "this store has the data of one host only"


def utc_now() -> float:
    """Epoch seconds by this machine's clock."""
    return time.time()


def _query_count(path: str, query: str) -> int:
    """Return how many queries of ticks a request has."""
    if path == "/api/frames":
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
    ) -> None:
        """`window`: default seconds; `max_window`: maximum seconds of a window.

        `processes`: their table, or the error text if there is none. `hosts`: returns the list of hosts, if
        the store has several. `now`: the current epoch seconds, for the age of the newest tick. `caching`:
        the Cache-Control header. `host`: the host's part of a download's file name. `panels`: the panels
        in the settings. `limits`: those that the pages of this process share. `redacts_notices`: everybody
        may see the responses. `top_error`: the error text if the recorded processes are not shown, or empty.
        `compared`: the hosts of an overlay.
        """
        self._limits = limits = limits or ApiLimits()
        self._hosts = hosts
        self._clock = now
        self._caching = caching
        self._redacts_notices = redacts_notices or caching == SHARED_ONE_SECOND
        self._top = TopEndpoint(store, top_error, max_window)
        self._statistics: dict[str, ForecastEndpoint | UsualEndpoint] = {
            "/api/forecast": ForecastEndpoint(store, interval),
            "/api/usual": UsualEndpoint(store, interval),
        }
        self._store = store
        self._compared = compared
        self._window = window
        self._interval = interval
        self._cache = ResponseCache(store.newest(), -1)
        self._max_window, self._processes = max_window, processes
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
        if path == "/api/csv":
            return self._csv(method, query, environ.get(CLIENT_KEY, ""), start_response)
        key = (path, query, self._read_processes(path, query))
        newest = self._store.newest()
        now = self._clock()
        time_bucket = int((now - newest.time_ms / 1000) // CACHE_TTL_S)
        # Keep a reference: a slow response must not be cached under a newer tick.
        cache = self._cache
        if newest != cache.newest or time_bucket != cache.time_bucket:
            self._limits.cache.discard(cache)
            cache = self._cache = ResponseCache(newest, time_bucket)
        response = cache.responses.get(key)
        if response is None:
            client: str = environ.get(CLIENT_KEY, "")
            queries = _query_count(path, query)
            if not self._limits.queries.acquire(client, queries):
                sentence = "too many requests at a time from this address; retry in 1 second"
                return self._send_error(
                    start_response, "429 Too Many Requests", error_json(sentence), ("retry-after", "1")
                )
            try:
                response = self._build_once(cache, key)
            except BusyError as error:
                return self._send_error(
                    start_response, "503 Service Unavailable", error_json(str(error)), ("retry-after", "1")
                )
            finally:
                self._limits.queries.release(client, queries)
        body, headers = response.body, response.headers
        if response.gzip_body is not None and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            body, headers = response.gzip_body, response.gzip_headers
        time_header = (SERVER_TIME_HEADER, f"{now:.3f}")
        known_etags = environ.get("HTTP_IF_NONE_MATCH")
        if known_etags and response.etag[:-1] in known_etags and response.status == "200 OK":
            start_response("304 Not Modified", [*not_modified_headers(headers), time_header])
            return []
        start_response(response.status, [*headers, time_header])
        return [body]

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

    def _read_processes(self, path: str, query: str) -> Table | None:
        """The process table, if the query can request it.

        This comes before the cache, so that a request that waits for another one's response does not also
        wait for a reading of the processes.
        """
        if isinstance(self._processes, str) or path != "/api/ticks" or "processes=1" not in query:
            return None
        return self._processes.newest()

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
        now = cache.newest.time_ms / 1000 + CACHE_TTL_S * cache.time_bucket
        status, body, shareable = self._build(path, query, table, round(now, 3))
        return build_response(status, body, self._cache_control(shareable))

    def _build(self, path: str, query: str, table: Table | None, now: float) -> tuple[str, bytes, bool]:
        """Status, body, and whether a shared cache may serve it for a second."""
        try:
            if path == "/api/ticks":
                parsed = self._parse(query)
                with self._limits.queue.hold(self._limits.builds):
                    return "200 OK", *self._ticks(parsed, table, now, self._store.snapshot(), MAX_VALUES)
            if path == "/api/frames":
                with self._limits.queue.hold(self._limits.builds):
                    return "200 OK", *self._frames(query, now)
            if path == "/api/top":
                with self._limits.queue.hold(self._limits.builds):
                    return "200 OK", encode_json(self._top.json(query, self._clock())), True
            if (statistics := self._statistics.get(path)) is not None:
                with self._limits.queue.hold(self._limits.builds):
                    return "200 OK", encode_json(statistics.json(query, self._clock())), True
            if (document := self._document(path, query)) is not None:
                return "200 OK", encode_json(document), True
            if path in ("/healthz", "/readyz"):
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

    def _frames(self, query: str, now: float) -> tuple[bytes, bool]:
        """The responses to several tick queries, each a `q`."""
        fits = query.count("&") < MAX_QUERIES_PER_REQUEST
        parameters = parse_qsl(query, keep_blank_values=True) if fits else []
        if not parameters or any(name != "q" for name, _ in parameters):
            raise BadRequestError(f"expected 1 to {MAX_QUERIES_PER_REQUEST} parameters named q, and no other")
        parsed = [self._parse_or_error(text) for _, text in parameters]
        check_queries([query for query in parsed if isinstance(query, TicksQuery)])
        # All frames end at the same tick, and together they have at most as many numbers as one.
        snapshot, max_values = self._store.snapshot(), MAX_VALUES // len(parameters)
        frames = []
        for ticks_query in parsed:
            try:
                if isinstance(ticks_query, BadRequestError):
                    raise ticks_query
                frames.append(self._ticks(ticks_query, None, now, snapshot, max_values))
            except BadRequestError as error:
                frames.append((error_json(str(error)), False))
            except BusyError:
                # An error would be final for the page. It requests this frame again.
                frames.append((b"null", False))
        return (
            b'{"frames":[' + b",".join(body for body, _ in frames) + b"]}",
            all(shareable for _, shareable in frames),
        )

    def _parse_or_error(self, query: str) -> TicksQuery | BadRequestError:
        try:
            return self._parse(query)
        except BadRequestError as error:
            return error

    def _parse(self, query: str) -> TicksQuery:
        ticks_query = parse_ticks_query(
            query,
            window=self._window,
            max_window=self._max_window,
            now=self._clock(),
            known_metrics=[metric.key for metric in self._store.metrics()] if "metrics" in query else (),
        )
        if ticks_query.processes and isinstance(self._processes, str):
            raise BadRequestError(self._processes)
        if ticks_query.hosts and self._hosts is None:
            raise BadRequestError(NO_HOSTS)
        check_queries([ticks_query])
        return ticks_query

    def _ticks(
        self, ticks_query: TicksQuery, table: Table | None, now: float, snapshot: Snapshot, max_values: int
    ) -> tuple[bytes, bool]:
        metrics: Collection[str] | None = (
            ticks_query.metrics
            if ticks_query.patterns is None
            else match_metrics(self._store, ticks_query.patterns)
        )
        extra = extend = None
        if ticks_query.formulas:
            extra = FormulaColumns(ticks_query.formulas, metrics, self._compared)
            metrics, extend = extra.needed_metrics, extra.extend
        if ticks_query.time_range is not None:
            frame = past_frame(
                self._store,
                *ticks_query.time_range,
                metrics,
                self._interval,
                snapshot=snapshot,
                max_values=max_values,
                max_points=ticks_query.points,
                extend=extend,
            )
            if not frame.is_complete:
                # The page loads a range of the past once, and would show what is missing as a gap.
                raise BusyError(UNREADABLE)
        else:
            frame = live_frame(
                self._store,
                ticks_query.window,
                ticks_query.after,
                metrics,
                self._interval,
                snapshot=snapshot,
                max_values=max_values,
                max_points=ticks_query.points,
                extend=extend,
            )
        body = frame_json(frame, now, self._store, self._redacts_notices)
        if extra is not None and "last" in body:
            body["last"] = {**body["last"], **extra.values(body["last"])}
        if ticks_query.processes and not isinstance(self._processes, str):
            table = table or self._processes.newest()
            body["processes"] = table and table.columns()
        if ticks_query.hosts and self._hosts is not None:
            body["hosts"] = self._hosts()["hosts"]
        if ticks_query.curves and (curves := self._store.curves()):
            body["curves"] = curves
        # A viewer that polls just before the next tick gets it with its next poll: a shared cache must not
        # serve the empty response for a second. If no tick arrives any more, it may.
        newest = frame.newest
        is_up_to_date = newest is not None and frame.cursor == ticks_query.after
        awaits_tick = (
            is_up_to_date and newest and not is_stale(tick_age(newest.time, self._clock()), newest.step)
        )
        is_private = awaits_tick or ticks_query.processes or ticks_query.hosts
        return encode_json(body), frame.is_complete and not is_private
