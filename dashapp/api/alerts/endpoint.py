"""POST /api/alerts/…: takes an action, which the collector applies before its next tick."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any

from dashapp.api.alerts.actions import FIELDS, parse_action
from dashapp.http.middleware.client_address import ClientResolver
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
NOT_ALLOWED = "alerts can be changed only on a server with a login; set DASHAPP_PASSWORD on the server"


class AlertActions:
    """Takes the actions for one host. The authentication middleware has checked the user.

    `clients` names the user, if a trusted proxy has authenticated one.
    """

    def __init__(
        self,
        store: Reader,
        push_queue: PushWriter,
        clients: ClientResolver,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._push_queue = push_queue
        self._clients = clients
        self._clock = clock
        self._bodies = BodyReader(MAX_BODY_BYTES)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        name = environ["PATH_INFO"].removeprefix(ALERTS_PREFIX)
        if name not in FIELDS:
            return error_response(start_response, "404 Not Found", "not found")
        if environ["REQUEST_METHOD"] != "POST":
            return method_not_allowed(start_response, environ, "POST")
        try:
            body = self._bodies.read(environ)
            user, id = self._clients.user(environ), secrets.token_hex(8)
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
    store: Reader, push_queue: PushWriter | None, clients: ClientResolver, clock: Callable[[], float]
) -> WSGIApp:
    """Return the endpoint; one that rejects everything without a queue.

    `clock`: that of the host.
    """
    return alerts_read_only if push_queue is None else AlertActions(store, push_queue, clients, clock)
