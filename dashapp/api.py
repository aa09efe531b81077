"""The API: a small WSGI application of its own, on the path that every viewer asks once a second.

An answer is built once for all who ask the same thing of the same newest tick.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl

import orjson

from dashapp.config import SHORTEST_WINDOW
from dashapp.history import Frame, frame, past
from dashapp.model import BadRequestError, Cursor, milliseconds
from dashapp.stores import Reader

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
App = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

MOST_METRICS = 64
LONGEST_QUERY = 8192
LONGEST_CURSOR = 64
LATEST = 1e14
PARAMETERS = ("window", "after", "metrics", "from", "to")
# Different questions kept answered for one tick, and their bytes; past that each is answered anew.
ANSWERS, ANSWERS_BYTES = 512, 16 << 20
# How old an answer may grow while no tick comes: its "now" is what tells stale from live.
FRESH = 0.5

PATHS = ("/api/ticks", "/api/metrics", "/healthz", "/readyz")


class _Answers:
    """What was answered about one newest tick."""

    def __init__(self, asked_of: Cursor, built: float) -> None:
        self.asked_of = asked_of
        self.built = built
        self.known: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.building: dict[tuple[str, str], Lock] = {}
        self.size = 0


class Api:
    """Answers GET and HEAD on PATHS, and whatever else lies under `/api/` with 404."""

    def __init__(
        self,
        store: Reader,
        *,
        window: float = 100.0,
        interval: float = 1.0,
        longest: float = 7200.0,
    ) -> None:
        """`window`: seconds answered where none is asked; `longest`: seconds that may be asked for."""
        self._store = store
        self._window = window
        self._interval = interval
        self._answers = _Answers(store.newest(), 0.0)
        self._longest = longest

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            body = _error(f"{method} is not for this address; GET is")
            return _answer(start_response, "405 Method Not Allowed", body, [("allow", "GET, HEAD")])
        key = (environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
        newest = self._store.newest()
        now = time.time()
        # Held from here on: an answer that takes long must not pass for one about a later tick.
        answers = self._answers
        if newest != answers.asked_of or now - answers.built > FRESH or now < answers.built:
            answers = self._answers = _Answers(newest, now)
        known = answers.known.get(key)
        if known is None:
            known = self._once(answers, key)
        return _answer(start_response, *known)

    def _once(self, answers: _Answers, key: tuple[str, str]) -> tuple[str, bytes]:
        """Build an answer; who asks the same meanwhile waits for it."""
        if len(answers.building) >= ANSWERS or answers.size > ANSWERS_BYTES:
            return self._build(*key)
        with answers.building.setdefault(key, Lock()):
            if key not in answers.known:
                answers.known[key] = built = self._build(*key)
                answers.size += len(built[1])
            return answers.known[key]

    def _build(self, path: str, query: str) -> tuple[str, bytes]:
        try:
            if path == "/api/ticks":
                return "200 OK", self._ticks(_parameters(query))
            if path == "/api/metrics":
                return "200 OK", _json([asdict(metric) for metric in self._store.metrics()])
            if path in ("/healthz", "/readyz"):
                return self._health(path)
        except BadRequestError as error:
            return "400 Bad Request", _error(str(error))
        return "404 Not Found", _error("there is nothing at this address")

    def _ticks(self, given: Mapping[str, str]) -> bytes:
        metrics = self._metrics(given["metrics"]) if "metrics" in given else None
        if "from" in given or "to" in given:
            found = past(self._store, *self._range(given), metrics, self._interval)
        else:
            window = self._seconds(given["window"]) if "window" in given else self._window
            cursor = given.get("after", "")
            if len(cursor) > LONGEST_CURSOR:
                raise BadRequestError(
                    f"after has {len(cursor)} characters; at most {LONGEST_CURSOR} are taken"
                )
            found = frame(self._store, window, cursor, metrics, self._interval)
        return _json(self._body(found))

    def _body(self, found: Frame) -> dict[str, Any]:
        body: dict[str, Any] = {
            "cursor": found.cursor,
            "reset": found.reset,
            "now": round(time.time(), 3),
            "step": found.step,
            "t": found.t,
            "y": found.y,
        }
        if found.low and found.newest:
            # What a reader of single ticks sees for itself: when the newest came, and what it said.
            newest = found.newest
            body |= {"min": found.low, "max": found.high}
            body |= {"newest": milliseconds(newest.time), "tick": newest.step, "last": newest.values}
        if notices := self._store.notices():
            body["notices"] = notices
        return body

    def _seconds(self, text: str) -> float:
        window = _number(text)
        if not SHORTEST_WINDOW <= window <= self._longest:
            raise BadRequestError(
                f"window is {_shown(text)}; expected seconds from {SHORTEST_WINDOW} to {self._longest:g}"
            )
        return window

    def _range(self, given: Mapping[str, str]) -> tuple[int, int]:
        """Start and end in epoch milliseconds."""
        if "window" in given or "after" in given:
            raise BadRequestError("from and to ask for the past; window and after do not go with them")
        now = time.time() * 1000
        ends = []
        for name, otherwise in (("from", None), ("to", now)):
            text = given.get(name)
            value = otherwise if text is None else _number(text)
            if value is None or not 0 <= value <= LATEST:
                raise BadRequestError(f"{name} is {_shown(text or '')}; expected epoch milliseconds")
            ends.append(int(value))
        start, end = ends
        if start >= now:
            raise BadRequestError("from lies in the future")
        if start >= end:
            raise BadRequestError("the range ends before it begins: from must be less than to")
        if end - start > self._longest * 1000:
            raise BadRequestError(f"the range is longer than the {self._longest:g} seconds that are kept")
        return start, end

    def _metrics(self, text: str) -> frozenset[str]:
        names = [name for name in text.split(",") if name]
        if not names or len(names) > MOST_METRICS:
            raise BadRequestError(f"metrics has {len(names)} names; expected 1 to {MOST_METRICS}")
        known = {metric.key for metric in self._store.metrics()}
        if known and not known.intersection(names):
            raise BadRequestError(f"{_shown(names[0])} is not a metric; /api/metrics lists those there are")
        return frozenset(names)

    def _health(self, path: str) -> tuple[str, bytes]:
        newest = self._store.newest().time_ms
        ticks = self._store.since(float("-inf"), 1)
        step = ticks[-1].step if ticks else self._interval
        age = max(0.0, time.time() - newest / 1000) if newest else None
        stale = age is None or age > stale_after(step)
        status = "503 Service Unavailable" if stale and path == "/readyz" else "200 OK"
        shown = None if age is None else round(age, 3)
        return status, _json({"status": "stale" if stale else "ok", "age": shown})


def stale_after(step: float) -> float:
    """Seconds without a tick after which what is shown is no longer live."""
    return 2 * step + 1.5


def _parameters(query: str) -> dict[str, str]:
    if len(query) > LONGEST_QUERY:
        raise BadRequestError(f"the query has {len(query)} characters; at most {LONGEST_QUERY} are taken")
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in PARAMETERS:
            raise BadRequestError(f"{_shown(name)} is not a parameter; {', '.join(PARAMETERS)} are")
        if name in given:
            raise BadRequestError(f"{name} is given twice; once is enough")
        given[name] = value
    return given


def _number(text: str) -> float:
    """NaN, which no comparison lets through, for what is no number."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= 40 else text[:40] + "…", ensure_ascii=False)


def _json(value: object) -> bytes:
    # orjson writes numpy's columns ten times as fast as the standard library lists, and NaN as null.
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def _error(sentence: str) -> bytes:
    return _json({"error": sentence})


def _answer(
    start_response: StartResponse, status: str, body: bytes, more: Sequence[tuple[str, str]] = ()
) -> list[bytes]:
    start_response(
        status,
        [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("cache-control", "no-store"),
            *more,
        ],
    )
    return [body]
