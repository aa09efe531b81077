"""The receiver: takes what programs push, on POST /api/push, all of a request or nothing of it.

Answers 200 once the spool has it: it is in the next tick then, unless a newer value of the same metric is.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from dashapp.api.params import shown
from dashapp.api.push_body import entries
from dashapp.http.reply import data, refusal
from dashapp.http.request_body import Bodies, BodyError
from dashapp.http.types import App, StartResponse
from dashapp.model.ticks import BadRequestError, SpoolError
from dashapp.sources.push import ROOM_OF_ONE, cost, pushed_metric
from dashapp.stores.base import Reader
from dashapp.stores.push_queue import Intake

PATH = "/api/push"
LARGEST = 64 << 10
# Names ever pushed into a store; a worker learns from the catalogue, a tick later, what others took.
MOST_NAMES = 1000


class Receiver:
    """`token`: what a pushing program must show."""

    def __init__(
        self, token: str, spool: Intake, store: Reader, clock: Callable[[], float] = time.time
    ) -> None:
        self._token = token.encode()
        self._spool = spool
        self._store = store
        self._clock = clock
        self._bodies = Bodies(LARGEST)
        self._names: set[str] = set()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            sentence = "this address is for POST alone"
            return refusal(start_response, "405 Method Not Allowed", sentence, ("allow", "POST"))
        kind, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            sentence = "pushing needs the header Authorization: Bearer and the server's DASHAPP_PUSH_TOKEN"
            return refusal(start_response, "401 Unauthorized", sentence, ("www-authenticate", "Bearer"))
        if not hmac.compare_digest(token.strip().encode("utf-8", "replace"), self._token):
            return refusal(
                start_response, "403 Forbidden", "the token is not the server's DASHAPP_PUSH_TOKEN"
            )
        try:
            values = entries(self._bodies.read(environ), self._clock())
            self._check_names(values)
            self._keep(values)
        except BodyError as error:
            return refusal(start_response, error.status, str(error), ("connection", "close"))
        except BadRequestError as error:
            return refusal(start_response, "400 Bad Request", str(error))
        except SpoolError as error:
            return refusal(start_response, "503 Service Unavailable", str(error), ("retry-after", "1"))
        self._names.update(values)
        return data(start_response, "200 OK", {"accepted": len(values)})

    def _keep(self, values: dict[str, float]) -> None:
        if (room := sum(map(cost, values))) > ROOM_OF_ONE:
            raise BadRequestError(
                f"these take {room} characters of a tick; at most {ROOM_OF_ONE} are taken; "
                "push them in several requests, or under shorter names"
            )
        self._spool.put(json.dumps(values, separators=(",", ":")).encode())

    def _check_names(self, values: dict[str, float]) -> None:
        """A name belongs to whoever gave it first: the machine's numbers cannot be pushed over."""
        fresh = values.keys() - self._names
        if not fresh:
            return
        catalogue = {metric.key: metric for metric in self._store.metrics()}
        self._names.update(key for key, metric in catalogue.items() if metric == pushed_metric(key))
        fresh -= self._names
        if measured := sorted(fresh & catalogue.keys()):
            raise BadRequestError(f"{shown(measured[0])} is measured here already; push under another name")
        if len(self._names) + len(fresh) > MOST_NAMES:
            raise BadRequestError(
                f"{shown(min(fresh))} would be one of more than {MOST_NAMES} names that were pushed; "
                "push under names that stay the same"
            )


def no_receiver(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """In its place where no token is set."""
    sentence = "pushing is off; its operator can turn it on by setting DASHAPP_PUSH_TOKEN"
    return refusal(start_response, "404 Not Found", sentence)


def receiver(token: str, spool: Intake | None, store: Reader) -> App:
    return Receiver(token, spool, store) if token and spool is not None else no_receiver
