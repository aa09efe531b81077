"""The push endpoint, POST /api/push: stores all values of a request, or none.

It answers 200 once the push queue has them. They are then in the next tick, unless a newer value of the same
metric is. A body is {"metrics": {"loss": 0.31, "train.accuracy": 0.9}, "t": 1795218017} or a list of those.
{"event": "deploy 1.4"} marks what happened at a time, which may be long past. An entry with "run" has values
of a training run; see run_entry.py.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, NamedTuple

from dashapp.api.run_entry import json_type, parse_run_entry
from dashapp.http.concurrency import Queue
from dashapp.http.middleware.client_address import ClientResolver, rate_limit_key
from dashapp.http.middleware.secret_check import WRONG_TOKEN, SecretCheck
from dashapp.http.request_body import MAX_CONCURRENT_BODIES, BodyReader, rejection
from dashapp.http.responses import error_response, json_response, method_not_allowed
from dashapp.http.types import StartResponse
from dashapp.model.events import event_text
from dashapp.model.runs import split_run_key
from dashapp.model.text import quote_value
from dashapp.model.ticks import (
    MAX_VALUE,
    RESERVED_NAMES,
    BadRequestError,
    BusyError,
    PushQueueError,
    max_encoded_chars,
    to_milliseconds,
)
from dashapp.sources.push import (
    MAX_NAME_LENGTH,
    MAX_RECORD_CHARS,
    MAX_RECORD_VALUES,
    RUNS_KEY,
    event_record,
    pushed_metric,
)
from dashapp.stores.base import Reader
from dashapp.stores.push_queue import PushWriter

MAX_VALUES_PER_REQUEST = MAX_RECORD_VALUES
# Maximum difference in seconds between an entry's time and now: its values go into the next tick only.
MAX_TIME_OFFSET_S = 60.0
# A greater time is in milliseconds: as seconds it would be the year 5138.
MIN_MILLISECONDS_TIME = 1e11


class PushBody(NamedTuple):
    """The last value of each name, entries of runs, and events (epoch milliseconds, text)."""

    values: dict[str, float]
    runs: list[dict[str, Any]]
    events: list[tuple[int, str]]


def parse_push_body(body: bytes, now: float) -> PushBody:
    """Parse a body at `now`, in epoch seconds; BadRequestError if any part of it is invalid."""
    try:
        # Parse integers as floats: an integer of a million digits is then infinite at no cost.
        document = json.loads(body.decode(), parse_int=float)
    except UnicodeDecodeError:
        raise BadRequestError("the body is not UTF-8") from None
    except RecursionError:
        raise BadRequestError("the body is nested too deeply") from None
    except ValueError as error:
        raise BadRequestError(f"the body is not JSON: {error}") from None
    entries = document if isinstance(document, list) else [document]
    values: dict[str, float] = {}
    runs: list[dict[str, Any]] = []
    events: list[tuple[int, str]] = []
    count = 0
    for number, entry in enumerate(entries, 1):
        prefix = f"entry {number}: " if isinstance(document, list) else ""
        metrics = _parse_entry(entry, now, prefix)
        # An entry without values is work, too.
        count += max(1, len(metrics) + ("event" in entry))
        if "event" in entry:
            events.append(_parse_event(entry, now, prefix))
        if count > MAX_VALUES_PER_REQUEST:
            raise BadRequestError(
                f"the body has more than {MAX_VALUES_PER_REQUEST} values or entries; send several requests"
            )
        parsed = {name: _parse_value(name, value, prefix) for name, value in metrics.items()}
        if "run" in entry:
            runs.append(parse_run_entry(entry, parsed, prefix))
        else:
            values |= parsed
    if not (values or runs or events):
        raise BadRequestError(f"the body has no values; {EXAMPLE}")
    return PushBody(values, runs, events)


EXAMPLE = 'expected JSON such as {"metrics": {"loss": 0.31}}'


def _parse_entry(entry: Any, now: float, prefix: str) -> dict[str, Any]:
    """The `metrics` of an entry; BadRequestError if another part of it is invalid."""
    if not isinstance(entry, dict):
        raise BadRequestError(f"{prefix}the entry is {json_type(entry)}; {EXAMPLE}")
    known: tuple[str, ...] = ("metrics", "event", "t")
    if "run" in entry:
        known = ("metrics", "t", "run", "step")
    for key in entry:
        if key not in known:
            hint = "; step belongs to an entry with run" if key == "step" else ""
            expected = f"expected {', '.join(known[:-1])} and {known[-1]}"
            raise BadRequestError(f"{prefix}{quote_value(key)} is not a known key; {expected}{hint}")
    if not isinstance(metrics := entry.get("metrics", {}), dict):
        raise BadRequestError(f"{prefix}metrics is {json_type(metrics)}; {EXAMPLE}")
    if "t" in entry and (metrics or "event" not in entry):
        _check_time(entry["t"], now, prefix)
    return metrics


def _parse_event(entry: dict[str, Any], now: float, prefix: str) -> tuple[int, str]:
    """The time of an entry's event in epoch milliseconds, and its text."""
    try:
        text = event_text(entry["event"])
    except ValueError as error:
        raise BadRequestError(f"{prefix}{error}") from None
    seconds = _seconds(entry["t"]) if "t" in entry else now
    if not 0 <= seconds <= now + MAX_TIME_OFFSET_S:
        raise BadRequestError(
            f"{prefix}t is {_time_text(entry['t'])}; expected epoch seconds or milliseconds that are not in "
            f"the future, or no t; now is {now:.0f}"
        )
    return to_milliseconds(seconds), text


def _check_time(value: Any, now: float, prefix: str) -> None:
    if not abs(_seconds(value) - now) <= MAX_TIME_OFFSET_S:
        raise BadRequestError(
            f"{prefix}t is {_time_text(value)}; expected epoch seconds or milliseconds at most "
            f"{MAX_TIME_OFFSET_S:g} seconds from now, which is {now:.0f}, or no t"
        )


def _seconds(value: Any) -> float:
    """The epoch seconds of a `t` in seconds or milliseconds; NaN if it is no number."""
    seconds = value if isinstance(value, float) else math.nan
    return seconds / 1000 if seconds >= MIN_MILLISECONDS_TIME else seconds


def _time_text(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float) else json_type(value)


def _parse_value(name: str, value: Any, prefix: str) -> float:
    # isprintable is false for line breaks, and for lone surrogates, which JSON in UTF-8 cannot hold.
    if not (0 < len(name) <= MAX_NAME_LENGTH and name.isprintable() and name.strip() == name):
        raise BadRequestError(
            f"{prefix}{quote_value(name)} is not a valid name; expected 1 to {MAX_NAME_LENGTH} printable "
            "characters, without spaces at either end"
        )
    if "," in name or name.startswith("__") or name in RESERVED_NAMES:
        raise BadRequestError(
            f"{prefix}{quote_value(name)} is not a valid name: pages cannot request it; choose another"
        )
    if isinstance(value, bool):
        return float(value)  # as a function's True
    if not isinstance(value, float):
        raise BadRequestError(f"{prefix}{quote_value(name)} is {json_type(value)}; expected a number")
    if not abs(value) <= MAX_VALUE:
        raise BadRequestError(
            f"{prefix}{quote_value(name)} is {value}; expected a number of at most {MAX_VALUE:.0e}"
        )
    return value


PUSH_PATH = "/api/push"
MAX_BODY_BYTES = 64 << 10
# Pushed names in a store. A worker sees the names that other workers accepted one tick later.
MAX_PUSHED_NAMES = 1000
# Names of runs that are pushed within an hour, to a worker.
MAX_RUN_NAMES, RUN_NAME_TTL_S = 5000, 3600.0


class PushEndpoint:
    """`token`: the check of the bearer token that a request must have."""

    def __init__(
        self,
        token: SecretCheck,
        push_queue: PushWriter,
        store: Reader,
        clients: ClientResolver,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._token = token
        self._clients = clients
        self._push_queue = push_queue
        self._store = store
        self._clock = clock
        self._bodies = BodyReader(MAX_BODY_BYTES)
        # A large body takes 10 ms: several at a time would delay all other requests.
        self._waiting, self._parsing = Queue(MAX_CONCURRENT_BODIES), Lock()
        self._names: set[str] = set()
        # Names of the metrics of runs, each with the time when it was new.
        self._run_names: dict[tuple[str, str], float] = {}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return method_not_allowed(start_response, environ, "POST")
        kind, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            sentence = "push token missing; send Authorization: Bearer with the server's DASHAPP_PUSH_TOKEN"
            return error_response(
                start_response, "401 Unauthorized", sentence, ("www-authenticate", "Bearer")
            )
        result = self._token.check_token(token.strip(), rate_limit_key(self._clients.address(environ)))
        if result == WRONG_TOKEN:
            return error_response(start_response, "403 Forbidden", "invalid push token")
        if result:
            sentence = f"too many wrong push tokens from this address; retry in {result} seconds"
            return error_response(
                start_response, "429 Too Many Requests", sentence, ("retry-after", str(result))
            )
        try:
            data = self._bodies.read(environ)
            with self._waiting.hold(self._parsing):
                body = parse_push_body(data, self._clock())
                self._check_names(
                    {key: value for key, value in body.values.items() if not split_run_key(key)}
                )
                self._check_run_names(body.values, body.runs)
                self._queue(body)
        except (BadRequestError, PushQueueError, BusyError) as error:
            return rejection(start_response, error)
        self._names.update(key for key in body.values if not split_run_key(key))
        accepted = len(body.values) + sum(len(entry["metrics"]) for entry in body.runs) + len(body.events)
        return json_response(start_response, "200 OK", {"accepted": accepted})

    def _queue(self, body: PushBody) -> None:
        names = [*body.values, *(name for entry in body.runs for name in entry["metrics"])]
        if (chars := max_encoded_chars(names)) > MAX_RECORD_CHARS:
            raise BadRequestError(
                f"the values take {chars} characters of a tick; expected at most {MAX_RECORD_CHARS}; "
                "send several requests, or use shorter names"
            )
        if body.values or body.runs:
            record = {**body.values, RUNS_KEY: body.runs} if body.runs else body.values
            self._push_queue.put(json.dumps(record, separators=(",", ":")).encode())
        if body.events:
            # Last: a client that repeats a request after an error repeats no event.
            self._push_queue.put(event_record(body.events))

    def _check_run_names(self, values: dict[str, float], runs: list[dict[str, Any]]) -> None:
        """Reject further names of runs: each stays in the catalogue for a while."""
        names = {(entry["run"]["id"], name) for entry in runs for name in entry["metrics"]}
        names |= {parts for key in values if (parts := split_run_key(key))}
        now = self._clock()
        if new_names := names - self._run_names.keys():
            self._run_names = {
                name: time for name, time in self._run_names.items() if 0 <= now - time < RUN_NAME_TTL_S
            }
            if len(self._run_names) + len(new_names) > MAX_RUN_NAMES:
                raise BadRequestError(
                    f"{quote_value(min(new_names)[1])} exceeds the limit of {MAX_RUN_NAMES} metrics of runs "
                    "within an hour; use fewer names"
                )
            self._run_names |= dict.fromkeys(new_names, now)

    def _check_names(self, values: dict[str, float]) -> None:
        """Reject a name that a source already uses: a push cannot overwrite a measured value."""
        new_names = values.keys() - self._names
        if not new_names:
            return
        catalogue = {metric.key: metric for metric in self._store.metrics()}
        self._names.update(
            key
            for key, metric in catalogue.items()
            if metric == pushed_metric(key) and not split_run_key(key)
        )
        new_names -= self._names
        if source_names := sorted(new_names & catalogue.keys()):
            raise BadRequestError(
                f"{quote_value(source_names[0])} is already a metric of this server; choose another name"
            )
        if len(self._names) + len(new_names) > MAX_PUSHED_NAMES:
            raise BadRequestError(
                f"{quote_value(min(new_names))} exceeds the limit of {MAX_PUSHED_NAMES} pushed names; "
                "use the same names in every request"
            )


def push_disabled(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer for a server without a push token."""
    sentence = "push is disabled; set DASHAPP_PUSH_TOKEN on the server to enable it"
    return error_response(start_response, "404 Not Found", sentence)
