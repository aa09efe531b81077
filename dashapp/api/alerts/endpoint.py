"""POST /api/alerts/…: takes an action, which the collector applies before its next tick."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any

from dashapp.api.alerts.actions import FIELDS, parse_action
from dashapp.http.concurrency import ConcurrencyLimit
from dashapp.http.middleware.client_address import ClientResolver
from dashapp.http.middleware.rate_limit import RequestRateLimiter, too_many
from dashapp.http.request_body import BodyReader, rejection
from dashapp.http.responses import error_response, json_response, method_not_allowed
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.model.ticks import BadRequestError, PushQueueError
from dashapp.sources.push import ACTION_MARK
from dashapp.stores.base import Reader
from dashapp.stores.documents import action_record
from dashapp.stores.push_queue import PushWriter

ALERTS_PREFIX = "/api/alerts/"
MAX_BODY_BYTES = 8 << 10
# Actions of all people in a second, counted over RATE_WINDOW_S. The collector takes them from the queue of
# pushes, and keeps a log of the last ones.
MAX_ACTIONS_PER_S = 3
# The key of all people together in the limit.
EVERYBODY = "people"
NOT_ALLOWED = "alerts can be changed only on a server with a login; set DASHAPP_PASSWORD on the server"


class AlertActions:
    """Takes the actions for one host. The authentication middleware has checked the user.

    `clients` names the user, if a trusted proxy has authenticated one. `limiter` and `slots` are those of all
    pages.
    """

    def __init__(
        self,
        store: Reader,
        push_queue: PushWriter,
        clients: ClientResolver,
        clock: Callable[[], float],
        limiter: RequestRateLimiter,
        slots: ConcurrencyLimit,
    ) -> None:
        self._limiter = limiter
        self._store = store
        self._push_queue = push_queue
        self._clients = clients
        self._clock = clock
        self._bodies = BodyReader(MAX_BODY_BYTES, slots)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        name = environ["PATH_INFO"].removeprefix(ALERTS_PREFIX)
        if name not in FIELDS:
            return error_response(start_response, "404 Not Found", "not found")
        if environ["REQUEST_METHOD"] != "POST":
            return method_not_allowed(start_response, environ, "POST")
        try:
            body = self._bodies.read(environ)
            user, id = self._clients.user(environ), secrets.token_hex(8)
            # The check of 500 rules takes a while, so the limit comes first.
            if wait := self._limiter.seconds_to_wait(EVERYBODY):
                return too_many(start_response, "requests about alerts", MAX_ACTIONS_PER_S, wait)
            action = parse_action(name, body, self._store, round(self._clock(), 3), user, id)
            self._push_queue.put(ACTION_MARK + action_record(action))
        except (BadRequestError, PushQueueError) as error:
            return rejection(start_response, error)
        result: dict[str, Any] = {"rule": action.rule.text}
        if name == "test":
            result |= self._test(action.rule.metric)
        return json_response(start_response, "200 OK", result)

    def _test(self, metric: str) -> dict[str, Any]:
        """Return the current value, and the number of addresses that get a message."""
        newest = self._store.snapshot().newest
        return {
            "value": newest.values.get(metric) if newest else None,
            "addresses": len(self._store.deliveries()),
        }


def alerts_read_only(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer for a server without a login, or for a comparison of hosts."""
    if environ["PATH_INFO"].removeprefix(ALERTS_PREFIX) not in FIELDS:
        return error_response(start_response, "404 Not Found", "not found")
    return error_response(start_response, "403 Forbidden", NOT_ALLOWED)


def alert_actions(
    store: Reader,
    push_queue: PushWriter | None,
    clients: ClientResolver,
    clock: Callable[[], float],
    limiter: RequestRateLimiter,
    slots: ConcurrencyLimit,
) -> WSGIApp:
    """Return the endpoint; one that rejects everything without a queue.

    `clock`: that of the host.
    """
    if push_queue is None:
        return alerts_read_only
    return AlertActions(store, push_queue, clients, clock, limiter, slots)
