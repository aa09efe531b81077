"""Shared links: a signed, expiring address that shows one view to whoever holds it, and nothing else.

All that may be seen stands in the link, and what answers it is built on a store seen through that view: no
query widens it. Knows how links are made and checked, not what a view's application is.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, TypeGuard

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from dashapp.http.middleware.sessions import Signer
from dashapp.http.request_body import Bodies, BodyError
from dashapp.http.responses import data, html, refusal, see_other
from dashapp.http.types import App, StartResponse
from dashapp.model.ticks import LATEST, BadRequestError
from dashapp.query.shared_view import View

PREFIX = "/share/"
DAYS = (1, 7)
DAY = 86_400
# Of a link: panels, characters, and links whose applications are kept at one time.
MOST_PANELS, LONGEST_NAME, LONGEST_LINK, MOST = 64, 100, 6000, 32
LARGEST = 16 << 10

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Invalid link</title>
<style>
body {{ max-width: 30rem; margin: 20vh auto; padding: 0 1rem; font: 1.0625rem/1.5 system-ui, sans-serif; }}
</style>
<p>{sentence}.</p>
"""

EXPIRED = "this link has expired; ask the sender for a new one"
ALTERED = "this link is invalid or incomplete; copy the whole link again"


class Shares:
    """`build` makes the application that shows a view; `longest`: seconds that a view may span."""

    def __init__(
        self,
        key: bytes,
        build: Callable[[View], App],
        longest: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signer = _Links(key, clock)
        self._build = build
        self._longest = longest
        self._clock = clock
        self._bodies = Bodies(LARGEST)
        self._apps: OrderedDict[View, App] = OrderedDict()
        self._lock = Lock()

    def link(self, view: View, days: int) -> str:
        """The path of a new link, from our root on."""
        past = list(view.past) if view.past else None
        return f"{PREFIX[1:]}{self._signer.dumps([view.panels, view.window, past, days])}/"

    def read(self, token: str) -> View:
        """What a link shows. BadRequestError where it is expired or none of ours."""
        if len(token) > LONGEST_LINK:
            raise BadRequestError(ALTERED)
        try:
            (names, window, past, days), begun = self._signer.loads(
                token, max_age=max(DAYS) * DAY, return_timestamp=True
            )
        except SignatureExpired:
            raise BadRequestError(EXPIRED) from None
        except BadSignature:
            raise BadRequestError(ALTERED) from None
        if self._clock() > begun.timestamp() + days * DAY:
            raise BadRequestError(EXPIRED)
        return View(tuple(names), window, (past[0], past[1]) if past else None)

    def make(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a question for a link: POST of `{"panels", "days", "window"}` or, with `from` and `to`, of a
        stretch of the past."""
        if environ["REQUEST_METHOD"] != "POST":
            allow = ("allow", "POST")
            return refusal(start_response, "405 Method Not Allowed", "this address is for POST alone", allow)
        try:
            view, days = self._asked(self._bodies.read(environ))
        except BodyError as error:
            return refusal(start_response, error.status, str(error), ("connection", "close"))
        except BadRequestError as error:
            return refusal(start_response, "400 Bad Request", str(error))
        until = round(1000 * (self._clock() + days * DAY))
        return data(start_response, "200 OK", {"path": self.link(view, days), "until": until})

    def _asked(self, body: bytes) -> tuple[View, int]:
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            raise BadRequestError("expected JSON: panels, days, and window or from and to") from None
        if not isinstance(asked, dict) or (asked.keys() - {"panels", "days", "window", "from", "to"}):
            raise BadRequestError("expected an object of panels, days, and window or from and to")
        names, days = asked.get("panels"), asked.get("days")
        if not (isinstance(names, list) and 1 <= len(names) <= MOST_PANELS and all(map(_is_name, names))):
            raise BadRequestError(f"panels is no list of 1 to {MOST_PANELS} names of panels")
        if days not in DAYS or isinstance(days, bool | float):
            raise BadRequestError(f"days is none of {' and '.join(map(str, DAYS))}")
        past = None
        window = asked.get("window", 0)
        if "from" in asked or "to" in asked:
            start, end = asked.get("from"), asked.get("to")
            if not (_is_time(start) and _is_time(end)):
                raise BadRequestError("from and to are no two times in epoch milliseconds")
            past = (int(start), int(end))
            window = (past[1] - past[0]) / 1000
        if not (_is_number(window) and 1 <= window <= self._longest):
            raise BadRequestError(f"the view spans no time from 1 to {self._longest:.10g} seconds")
        return View(tuple(dict.fromkeys(names)), float(window), past), days

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer whatever lies below PREFIX."""
        token, slash, rest = environ["PATH_INFO"].removeprefix(PREFIX).partition("/")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return refusal(
                start_response,
                "405 Method Not Allowed",
                "a shared link is only looked at",
                ("allow", "GET, HEAD"),
            )
        try:
            view = self.read(token)
        except BadRequestError as error:
            return _refuse(environ, start_response, str(error))
        if not slash:
            query = environ.get("QUERY_STRING", "")
            return see_other(start_response, f"{token}/" + (f"?{query}" if query else ""))
        own = f"{environ.get('SCRIPT_NAME', '')}{PREFIX}{token}"
        return self._app(view)({**environ, "SCRIPT_NAME": own, "PATH_INFO": f"/{rest}"}, start_response)

    def _app(self, view: View) -> App:
        with self._lock:
            app = self._apps.pop(view, None) or self._build(view)
            self._apps[view] = app
            if len(self._apps) > MOST:
                self._apps.popitem(last=False)
            return app


def _refuse(environ: dict[str, Any], start_response: StartResponse, sentence: str) -> Iterable[bytes]:
    if "text/html" not in environ.get("HTTP_ACCEPT", ""):
        return refusal(start_response, "403 Forbidden", sentence)
    page = _PAGE.format(sentence=sentence.capitalize())
    return html(start_response, "403 Forbidden", page.encode())


class _Links(URLSafeTimedSerializer):
    """Signs as sessions are signed, for another use: neither passes for the other."""

    def __init__(self, key: bytes, clock: Callable[[], float]) -> None:
        super().__init__(key, salt="share")
        self._clock = clock

    def make_signer(self, salt: str | bytes | None = None) -> Signer:
        return Signer(self.secret_key, "share", self._clock)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 1 <= len(name) <= LONGEST_NAME


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_time(value: object) -> TypeGuard[float]:
    return _is_number(value) and 0 <= value <= LATEST
