"""Detect that several processes serve one app, each with a memory store of its own.

Each of them collects its own ticks. A page polls any of them, so its charts would mix several histories.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote

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
SEVERAL_WORKERS = (
    "several processes serve this app, and each has its own history in memory; "
    'share one history: attach(app, store="data")'
)


class WorkerCheck:
    """Passes requests on to `api`, unless another process serves the same page.

    Then the response is an error.

    `generation` returns that of this process's store. A page proves the other process by a cursor of another
    generation that is newer than this process.
    """

    def __init__(
        self, api: WSGIApp, generation: Callable[[], str], clock: Callable[[], float] = time.time
    ) -> None:
        self._api = api
        self._generation = generation
        self._clock = clock
        self._own_generation = ""
        self._start_ms = 0.0
        self._until = float("-inf")

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING", "")
        own = self._generation()
        if own != self._own_generation:
            self._own_generation, self._start_ms = own, 1000 * self._clock()
        elif "after" in query:
            self._read_cursors(unquote(unquote(query)), own)
        if self._clock() >= self._until or environ["PATH_INFO"] not in CHECKED_PATHS:
            return self._api(environ, start_response)
        error = error_json(SEVERAL_WORKERS)
        status = "400 Bad Request"
        if environ["PATH_INFO"] == "/api/frames":
            count = len(parse_qsl(query, keep_blank_values=True))
            status, error = "200 OK", b'{"frames":[' + b",".join([error] * count) + b"]}"
        response = build_response(status, error, NO_STORE)
        start_response(response.status, [*response.headers])
        return [response.body]

    def _read_cursors(self, query: str, own: str) -> None:
        for cursor in map(Cursor.decode, _AFTER.findall(query)):
            if cursor and cursor.generation != own and cursor.time_ms > self._start_ms + CLOCK_MARGIN_MS:
                if self._until == float("-inf"):
                    log.warning("%s", SEVERAL_WORKERS)
                self._until = self._clock() + SIGN_TTL_S
