"""Share links: signed URLs that expire and show one view, and nothing else, without a login.

The link itself holds the view. Its application reads the store through that view only, so no query can show
more.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from threading import Lock
from typing import Any, TypeGuard

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from dashapp.http.middleware.sessions import Signer
from dashapp.http.middleware.signing_key import SigningKey
from dashapp.http.request_body import BodyReader, RequestBodyError
from dashapp.http.responses import error_response, html_response, json_response, method_not_allowed, redirect
from dashapp.http.streams import STILL_ALLOWED, STREAM_PATH, may_block
from dashapp.http.templates import render
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.languages.accept import translator_of
from dashapp.model.formulas.chart_formulas import is_formula_key
from dashapp.model.text import is_encodable
from dashapp.model.ticks import MAX_EPOCH_MS, BadRequestError
from dashapp.query.shared_view import SharedView

SHARE_PREFIX = "/share/"
ALLOWED_DAYS = (1, 7)
DAY_S = 86_400
# Limits: panels of a link, characters of a panel's name and of a link, and cached applications of links.
MAX_PANELS, MAX_PANEL_NAME_LENGTH, MAX_LINK_LENGTH, MAX_CACHED_APPS = 64, 100, 6000, 32
# Metrics of a link, and characters of a key.
MAX_METRICS, MAX_KEY_LENGTH = 512, 256
# Characters of a key that is a formula: with a name and a unit.
MAX_FORMULA_KEY_LENGTH = 800
MAX_BODY_BYTES = 64 << 10
FIELDS = {"panels", "metrics", "days", "window", "from", "to"}

NO_REQUEST: Mapping[str, Any] = {}

EXPIRED_LINK = "this link has expired; ask the sender for a new one"
INVALID_LINK = "this link is invalid or incomplete; copy the whole link again, or ask for a new one"


class ShareLinks:
    """`create_app` creates the application of a view; `max_window`: maximum seconds of a view."""

    def __init__(
        self,
        key: SigningKey,
        create_app: Callable[[SharedView], WSGIApp],
        max_window: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key = key
        self._current: ShareLinkSerializer | None = None
        self._create_app = create_app
        self._max_window = max_window
        self._clock = clock
        self._bodies = BodyReader(MAX_BODY_BYTES)
        self._apps: OrderedDict[SharedView, WSGIApp] = OrderedDict()
        self._lock = Lock()

    def link(self, view: SharedView, days: int) -> str:
        """The path of a new link, relative to the root of the application.

        BadRequestError if it were too long.
        """
        self._key.refresh()
        time_range = list(view.time_range) if view.time_range else None
        metrics = [view.metrics] if view.metrics else []
        token = self._serializer().dumps([view.panels, view.window, time_range, days, *metrics])
        if len(token) > MAX_LINK_LENGTH:
            raise BadRequestError(
                f"the link has {len(token)} characters, more than {MAX_LINK_LENGTH}; share fewer panels"
            )
        return f"{SHARE_PREFIX[1:]}{token}/"

    def read(self, token: str, environ: Mapping[str, Any] = NO_REQUEST) -> SharedView:
        """The view of a link in a request; BadRequestError if it has expired or is invalid."""
        if len(token) > MAX_LINK_LENGTH:
            raise BadRequestError(INVALID_LINK)
        serializer = self._serializer()
        try:
            (names, window, time_range, days, *metrics), created = serializer.loads(
                token, max_age=max(ALLOWED_DAYS) * DAY_S, return_timestamp=True
            )
        except SignatureExpired:
            raise BadRequestError(EXPIRED_LINK) from None
        except BadSignature:
            # Another process can have created it, with a key that this one does not have yet.
            may_block(environ)
            self._key.refresh()
            if self._serializer() is serializer:
                raise BadRequestError(INVALID_LINK) from None
            return self.read(token, environ)
        if self._clock() > created.timestamp() + days * DAY_S:
            raise BadRequestError(EXPIRED_LINK)
        return SharedView(
            tuple(names),
            window,
            (time_range[0], time_range[1]) if time_range else None,
            tuple(metrics[0]) if metrics else (),
        )

    def _serializer(self) -> ShareLinkSerializer:
        """Return the serializer of the current key; always the same object until the key changes."""
        current = self._current
        if current is None or current.secret_key is not self._key.value:
            current = self._current = ShareLinkSerializer(self._key.value, self._clock)
        return current

    def create(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a POST of `{"panels", "days", "window"}` with a new link.

        `from` and `to` in place of `window` share a time range of the past. `metrics` are keys of metrics in
        charts that the user built; with some, `panels` may be empty.
        """
        if environ["REQUEST_METHOD"] != "POST":
            return method_not_allowed(start_response, environ, "POST")
        try:
            view, days = self._parse_request(self._bodies.read(environ))
            path = self.link(view, days)
        except RequestBodyError as error:
            return error_response(start_response, error.status, str(error), ("connection", "close"))
        except BadRequestError as error:
            return error_response(start_response, "400 Bad Request", str(error))
        until = round(1000 * (self._clock() + days * DAY_S))
        return json_response(start_response, "200 OK", {"path": path, "until": until})

    def _parse_request(self, body: bytes) -> tuple[SharedView, int]:
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            raise BadRequestError("expected JSON: panels, days, and window or from and to") from None
        if not isinstance(request, dict) or (request.keys() - FIELDS):
            raise BadRequestError("expected an object with panels, days, and window or from and to")
        names, days = request.get("panels"), request.get("days")
        metrics = request.get("metrics", [])
        if not (isinstance(metrics, list) and len(metrics) <= MAX_METRICS and all(map(_is_key, metrics))):
            raise BadRequestError(f"metrics is not valid; expected a list of at most {MAX_METRICS} keys")
        fewest = 0 if metrics else 1
        if not (isinstance(names, list) and fewest <= len(names) <= MAX_PANELS and all(map(_is_name, names))):
            raise BadRequestError(f"panels is not valid; expected a list of 1 to {MAX_PANELS} names")
        if days not in ALLOWED_DAYS or isinstance(days, bool | float):
            raise BadRequestError(f"days is not valid; expected {' or '.join(map(str, ALLOWED_DAYS))}")
        time_range = None
        window = request.get("window", 0)
        if "from" in request or "to" in request:
            start, end = request.get("from"), request.get("to")
            if not (_is_epoch_ms(start) and _is_epoch_ms(end)):
                raise BadRequestError("from and to are not valid; expected two times in epoch milliseconds")
            time_range = (int(start), int(end))
            window = (time_range[1] - time_range[0]) / 1000
        if not (_is_number(window) and 1 <= window <= self._max_window):
            raise BadRequestError(f"the view is not valid; expected 1 to {self._max_window:.10g} seconds")
        view = SharedView(
            tuple(dict.fromkeys(names)), float(window), time_range, tuple(dict.fromkeys(metrics))
        )
        return view, days

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer every path below SHARE_PREFIX."""
        token, slash, path = environ["PATH_INFO"].removeprefix(SHARE_PREFIX).partition("/")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return method_not_allowed(start_response, environ, "GET, HEAD")
        try:
            view = self.read(token, environ)
        except BadRequestError as error:
            return _error_page(environ, start_response, str(error))
        if not slash:
            query = environ.get("QUERY_STRING", "")
            return redirect(start_response, f"{token}/" + (f"?{query}" if query else ""))
        script_name = f"{environ.get('SCRIPT_NAME', '')}{SHARE_PREFIX}{token}"
        if path == STREAM_PATH[1:]:
            environ[STILL_ALLOWED] = token, partial(self._is_still_valid, token)
        app = self._app(view, environ)
        return app({**environ, "SCRIPT_NAME": script_name, "PATH_INFO": f"/{path}"}, start_response)

    def _is_still_valid(self, token: str) -> bool:
        self._key.refresh()
        try:
            self.read(token)
        except BadRequestError:
            return False
        return True

    def _app(self, view: SharedView, environ: Mapping[str, Any]) -> WSGIApp:
        if view not in self._apps:
            may_block(environ)
        with self._lock:
            app = self._apps.pop(view, None) or self._create_app(view)
            self._apps[view] = app
            if len(self._apps) > MAX_CACHED_APPS:
                self._apps.popitem(last=False)
            return app


def _error_page(environ: dict[str, Any], start_response: StartResponse, sentence: str) -> Iterable[bytes]:
    if "text/html" not in environ.get("HTTP_ACCEPT", ""):
        return error_response(start_response, "403 Forbidden", sentence)
    translate = translator_of(environ)
    title, text = translate("Invalid link"), translate(f"{sentence.capitalize()}.")
    page = render("message.html", translate, title=title, sentence=text, home="")
    return html_response(start_response, "403 Forbidden", page.encode())


class ShareLinkSerializer(URLSafeTimedSerializer):
    """Signs links as Sessions signs cookies, with another salt: neither is valid as the other."""

    def __init__(self, key: bytes, clock: Callable[[], float]) -> None:
        super().__init__(key, salt="share")
        self._clock = clock

    def make_signer(self, salt: str | bytes | None = None) -> Signer:
        return Signer(self.secret_key, "share", self._clock)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 1 <= len(name) <= MAX_PANEL_NAME_LENGTH and is_encodable(name)


def _is_key(key: object) -> bool:
    if not (isinstance(key, str) and is_encodable(key)):
        return False
    return 1 <= len(key) <= (MAX_FORMULA_KEY_LENGTH if is_formula_key(key) else MAX_KEY_LENGTH)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_epoch_ms(value: object) -> TypeGuard[float]:
    return _is_number(value) and 0 <= value <= MAX_EPOCH_MS
