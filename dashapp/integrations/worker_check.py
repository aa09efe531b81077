"""Detect that several processes serve one app, each with a memory store of its own.

Each of them collects its own ticks. A page polls any of them, so its charts would mix several histories.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, unquote

from dashapp.api.frame_builder import MAX_QUERIES_PER_REQUEST
from dashapp.http.responses import NO_STORE, build_response, error_json
from dashapp.http.streams import STREAM_PATH
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.model.ticks import Cursor

log = logging.getLogger("dashapp")

# A cursor in a query, also in one of the queries of /api/frames.
_AFTER = re.compile(r"after=([\w.-]+)")
# A cursor of an earlier process is older than this one; the clocks of its ticks are this exact.
CLOCK_MARGIN_MS = 2000
CHECKED_PATHS = ("/api/ticks", "/api/frames", STREAM_PATH)
# Seconds after the last sign of another worker until charts are served again.
SIGN_TTL_S = 600.0
# Viewers with a sign; beyond that the oldest are forgotten.
MAX_VIEWERS = 1000
# Characters of an X-Forwarded-For header that count, from the right.
MAX_ADDRESS_LENGTH = 200
SEVERAL_WORKERS = (
    "several processes serve this app, and each has its own history in memory; "
    'share one history: attach(app, store="data")'
)


class WorkerCheck:
    """Passes requests on to `api`, unless another process serves the same page.

    Then the response is an error.

    `generation` returns that of this process's store. A page proves the other process by a cursor of another
    generation that is newer than this process. Only its own viewer gets the error, because everybody can
    invent a cursor.
    """

    def __init__(
        self, api: WSGIApp, generation: Callable[[], str], clock: Callable[[], float] = time.time
    ) -> None:
        self._api = api
        self._generation = generation
        self._clock = clock
        self._own_generation = ""
        self._start_ms = 0.0
        self._has_warned = False
        self._lock = Lock()
        # When the error ends, by viewer, the oldest sign first.
        self._until: dict[tuple[str, str], float] = {}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING", "")
        own = self._generation()
        if own != self._own_generation:
            self._own_generation, self._start_ms = own, 1000 * self._clock()
        viewer = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")[-MAX_ADDRESS_LENGTH:]
        if "after" in query and self._has_foreign_cursor(unquote(unquote(query)), own):
            self._add_sign(viewer)
        is_served = self._clock() >= self._until.get(viewer, float("-inf"))
        if is_served or environ["PATH_INFO"] not in CHECKED_PATHS:
            return self._api(environ, start_response)
        error = error_json(SEVERAL_WORKERS)
        status = "400 Bad Request"
        if environ["PATH_INFO"] == "/api/frames":
            count = min(len(parse_qsl(query, keep_blank_values=True)), MAX_QUERIES_PER_REQUEST)
            status, error = "200 OK", b'{"frames":[' + b",".join([error] * count) + b"]}"
        response = build_response(status, error, NO_STORE)
        start_response(response.status, [*response.headers])
        return [response.body]

    def _has_foreign_cursor(self, query: str, own: str) -> bool:
        earliest = self._start_ms + CLOCK_MARGIN_MS
        cursors = map(Cursor.decode, _AFTER.findall(query))
        return any(cursor and cursor.generation != own and cursor.time_ms > earliest for cursor in cursors)

    def _add_sign(self, viewer: tuple[str, str]) -> None:
        if not self._has_warned:
            self._has_warned = True
            log.warning("%s", SEVERAL_WORKERS)
        with self._lock:
            self._until.pop(viewer, None)
            self._until[viewer] = self._clock() + SIGN_TTL_S
            if len(self._until) > MAX_VIEWERS:
                del self._until[next(iter(self._until))]
