"""The paths of programs that send values with the push token, and their endpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Lock

from dashapp.api.ingest.access import TokenAccess
from dashapp.api.ingest.influx import (
    HEALTH_PATH,
    PING_PATH,
    QUERY_PATH,
    WRITE_PATH,
    WRITE_V2_PATH,
    InfluxEndpoint,
)
from dashapp.api.ingest.otlp import METRICS_PATH, OtlpEndpoint
from dashapp.api.ingest.series_writer import SeriesWriter
from dashapp.api.push import PUSH_PATH, PushEndpoint, push_disabled
from dashapp.http.middleware.client_address import ClientResolver
from dashapp.http.middleware.secret_check import SecretCheck
from dashapp.http.types import WSGIApp
from dashapp.stores.base import Reader
from dashapp.stores.push_queue import PushWriter

INFLUX_PATHS = (WRITE_PATH, WRITE_V2_PATH, QUERY_PATH, PING_PATH, HEALTH_PATH)
INGEST_PATHS = frozenset((*INFLUX_PATHS, METRICS_PATH))
# Programs use these with the push token, without a login.
TOKEN_PATHS = INGEST_PATHS | {PUSH_PATH}


def token_endpoints(
    token: SecretCheck | None,
    push_queue: PushWriter | None,
    store: Reader,
    clients: ClientResolver,
    clock: Callable[[], float] = time.time,
) -> Mapping[str, WSGIApp]:
    """Return the endpoint of each path; without a token or a queue it is an error."""
    if token is None or push_queue is None:
        return dict.fromkeys(TOKEN_PATHS, push_disabled)
    access, writer, parsing = TokenAccess(token, clients), SeriesWriter(push_queue, clock), Lock()
    influx = InfluxEndpoint(access, writer, parsing)
    push = PushEndpoint(token, push_queue, store, clients)
    otlp = OtlpEndpoint(access, writer, parsing)
    return {PUSH_PATH: push, METRICS_PATH: otlp, **dict.fromkeys(INFLUX_PATHS, influx)}


def has_own_access(method: str, path: str) -> bool:
    """Return whether a request needs the push token and no login."""
    return path in INGEST_PATHS or (method == "POST" and path == PUSH_PATH)
