"""/api/events: marks of people, observations of the collector, and alerts.

GET returns them. POST marks a moment and DELETE removes a mark, for people at the page; programs push.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dashapp.alerts.message import describe_change
from dashapp.api.params import parse_parameters, query_fields
from dashapp.api.push import parse_push_body
from dashapp.http.concurrency import ConcurrencyLimit
from dashapp.http.middleware.rate_limit import RequestRateLimiter, too_many
from dashapp.http.middleware.security import has_own_origin
from dashapp.http.request_body import BodyReader, rejection
from dashapp.http.responses import error_response, json_response, method_not_allowed
from dashapp.http.types import StartResponse
from dashapp.model.events import USER, event_text
from dashapp.model.text import quote_value
from dashapp.model.ticks import MAX_EPOCH_MS, BadRequestError, PushQueueError, to_milliseconds
from dashapp.sources.push import event_record, removal_record
from dashapp.stores.base import Reader
from dashapp.stores.push_queue import PushWriter

EVENTS_PATH = "/api/events"
ALERT = "alert"
MAX_BODY_BYTES = 4096
# Marks of all people in a second, counted over RATE_WINDOW_S: the log has a maximum length.
MAX_MARKS_PER_S = 2
EXAMPLE = 'expected JSON such as {"event": "deploy 1.4", "t": 1795218017000}'


def events_json(store: Reader, query: str) -> list[dict[str, Any]]:
    """The events in the range of `query`, from start to end inclusive; or BadRequestError."""
    start, end = _parse_range(query)
    rows = [(event.time_ms, event.text, event.kind) for event in store.events().events]
    rows += [(to_milliseconds(change.time), describe_change(change), ALERT) for change in store.changes()]
    return [
        {"t": time_ms, "text": text, "kind": kind}
        for time_ms, text, kind in sorted(rows, key=lambda row: row[0])
        if start <= time_ms <= end
    ]


def _parse_range(query: str) -> tuple[float, float]:
    """The `from` and `to` of a query in epoch milliseconds; everything without them."""
    ends: dict[str, float] = {}
    for name, text in query_fields(query):
        if name not in ("from", "to"):
            raise BadRequestError(f"{quote_value(name)} is not a parameter; expected from and to")
        if name in ends:
            raise BadRequestError(f"{name} is set twice; expected it once")
        ends[name] = _parse_time(name, text)
    start, end = ends.get("from", 0.0), ends.get("to", math.inf)
    if start > end:
        raise BadRequestError("from must not be later than to")
    return start, end


def _parse_time(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MAX_EPOCH_MS:
        raise BadRequestError(f"{name} is {quote_value(text)}; expected epoch milliseconds")
    return value


class MarkEndpoint:
    """Puts marks into the queue of a host, which `open_queue` opens for the first one.

    `requires_own_page`: this server has no login, so only its own page may mark, in a browser of this
    machine. `slots`: the places of the bodies of all pages.
    """

    def __init__(
        self,
        open_queue: Callable[[], PushWriter],
        limiter: RequestRateLimiter,
        requires_own_page: bool = False,
        clock: Callable[[], float] = time.time,
        slots: ConcurrencyLimit | None = None,
    ) -> None:
        self._open_queue = open_queue
        self._queue: PushWriter | None = None
        self._limiter = limiter
        self._requires_own_page = requires_own_page
        self._clock = clock
        self._bodies = BodyReader(MAX_BODY_BYTES, slots)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in ("POST", "DELETE"):
            return method_not_allowed(start_response, environ, "GET, HEAD, POST, DELETE")
        if self._requires_own_page and not _is_own_page(environ):
            sentence = (
                "without a password, only a browser of the server's machine can mark events, on the page; "
                "programs send POST /api/push"
            )
            return error_response(start_response, "403 Forbidden", sentence)
        try:
            if method == "POST":
                time_ms, text = self._parse_mark(self._bodies.read(environ))
                record = event_record([(time_ms, text)])
            else:
                time_ms, text = _parse_removal(environ.get("QUERY_STRING", ""))
                record = removal_record(time_ms, text)
            if wait := self._limiter.seconds_to_wait(USER):
                return too_many(start_response, "marks", MAX_MARKS_PER_S, wait)
            self._queue = self._queue or self._open_queue()
            self._queue.put(record)
        except (BadRequestError, PushQueueError) as error:
            return rejection(start_response, error)
        return json_response(start_response, "200 OK", {"t": time_ms, "text": text, "kind": USER})

    def _parse_mark(self, body: bytes) -> tuple[int, str]:
        parsed = parse_push_body(body, self._clock())
        if parsed.values or parsed.runs or len(parsed.events) != 1:
            raise BadRequestError(f"the body is not one event; {EXAMPLE}")
        return parsed.events[0]


def _parse_removal(query: str) -> tuple[int, str]:
    """The time and the text of the mark to remove."""
    values = parse_parameters(query, ("t", "text"))
    try:
        return to_milliseconds(_parse_time("t", values.get("t", "")) / 1000), event_text(values.get("text"))
    except ValueError as error:
        raise BadRequestError(str(error)) from None


def _is_own_page(environ: Mapping[str, Any]) -> bool:
    """Whether a browser sent this from a page of this address, without a proxy in between.

    The security middleware has checked that the address is one of this machine.
    """
    is_forwarded = any(name in environ for name in ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_VIA"))
    return has_own_origin(environ) and not is_forwarded
