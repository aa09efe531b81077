"""The limit of requests of one client, a table of bounded size.

Libraries keep an entry for each client, and need Redis to share them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dashapp.http.responses import error_response
from dashapp.http.types import StartResponse

# Seconds of a counting window, and clients with a count of their own; the others share one count.
RATE_WINDOW_S = 10.0
MAX_CLIENTS = 20_000
OTHER_CLIENTS = "others"
# Paths whose responses take work for each query and each host, and the most that one request counts.
LAYOUT_PATH, LAYOUT_COST = "/_dash-layout", 8
COSTLY_PATHS = (
    *("/api/frames", "/api/ticks", "/api/csv", "/api/metrics", "/api/alerts", "/api/events", "/api/runs"),
    *("/api/forecast", "/api/usual", "/api/stream"),
    *("/api/top", LAYOUT_PATH),
)
MAX_REQUEST_COST = 512


def request_cost(environ: Mapping[str, Any]) -> int:
    """Return the number of queries in a request, times the hosts that it compares.

    >>> request_cost({"PATH_INFO": "/host/a,b/api/frames", "QUERY_STRING": "q=window=60&q=window=90"})
    4
    """
    path: str = environ["PATH_INFO"]
    if not path.endswith(COSTLY_PATHS):
        return 1
    hosts = queries = 1
    if path.startswith("/host/"):
        hosts += path[6:].partition("/")[0].count(",")
    if path.endswith(("/api/frames", "/api/stream")):
        queries += environ.get("QUERY_STRING", "").count("&")
    if path.endswith(LAYOUT_PATH):
        queries = LAYOUT_COST
    # A response with an error is cheap.
    return min(hosts * queries, MAX_REQUEST_COST)


class RequestRateLimiter:
    """At most `limit` requests per second from each client, counted over RATE_WINDOW_S.

    Each web process counts its own requests, which limits the load of one client on it.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit * RATE_WINDOW_S
        self._clock = clock
        self._counts: dict[str, int] = {}
        self._until = 0.0

    def seconds_to_wait(self, client: str, cost: int = 1) -> int:
        """Return seconds to wait before the next request, 0 if allowed.

        The request counts as `cost` requests. An empty `client` is not limited.
        """
        if not client:
            return 0
        now = self._clock()
        if now >= self._until:
            self._counts, self._until = {}, now + RATE_WINDOW_S
        counts = self._counts
        if client not in counts and len(counts) >= MAX_CLIENTS:
            client = OTHER_CLIENTS
        before = counts.get(client, 0)
        counts[client] = before + cost
        # The request that exceeds the limit is still allowed: it may cost more than the whole limit.
        return 0 if before < self._limit else max(1, round(self._until - now))


def too_many(start_response: StartResponse, things: str, limit: int, wait: int) -> Iterable[bytes]:
    """Return the response to a write of people that is one too many.

    `limit`: of all people together in a second. `wait`: seconds until the next one is allowed.
    """
    sentence = f"more than {limit * RATE_WINDOW_S:.0f} {things} in {RATE_WINDOW_S:.0f} seconds"
    return error_response(start_response, "429 Too Many Requests", sentence, ("retry-after", str(wait)))
