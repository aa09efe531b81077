"""`/api/badge/KEY.svg`: a metric's newest value as a picture, for other pages."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dashapp.api.params import parse_number, query_fields
from dashapp.http.middleware.security import IMAGE_PREFIX
from dashapp.http.responses import error_response, method_not_allowed
from dashapp.http.templates import render
from dashapp.http.types import StartResponse
from dashapp.languages.tables import Translator
from dashapp.model.quantities import format_quantity
from dashapp.model.text import quote_value, suggest, suggest_metric
from dashapp.model.thresholds import MISSING_OP, AlertState
from dashapp.model.ticks import BadRequestError, Metric, is_stale, tick_age
from dashapp.stores.base import Reader

BADGE_PREFIX, BADGE_SUFFIX = IMAGE_PREFIX, ".svg"
PARAMETERS = ("label", "warning", "critical")
MAX_LABEL_LENGTH = 60
SHARED_CACHING, PRIVATE_CACHING = "public, max-age=1", "private, max-age=1"
STALE, NO_VALUE, UNKNOWN = "stale", "no value", "unknown"

# Backgrounds with a contrast of at least 4.5 to white text.
_NEUTRAL, _OK, _WARNING, _CRITICAL, _NOTHING = "#0072b2", "#00704f", "#8f5600", "#b3261e", "#52606e"
# About the widths of characters in the font of the picture, in pixels; the picture fits the text into them.
_CHARACTER_PX, _NARROW_PX, _BROAD_PX, _FULL_WIDTH_PX = 6.8, 4.0, 9.5, 12.0
_NARROW, _BROAD = frozenset(" \u202f!'(),-./:;I[]fijlrt|"), frozenset("%@GMOQWmw")
_PADDING_PX = 12.0


class BadgeEndpoint:
    """Answers GET and HEAD below BADGE_PREFIX.

    `now`: the current epoch seconds, for the age of the newest tick. `caching`: the Cache-Control header.
    """

    def __init__(self, store: Reader, now: Callable[[], float], caching: str) -> None:
        self._store = store
        self._now = now
        self._caching = caching

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return method_not_allowed(start_response, environ, "GET, HEAD")
        # WSGI has the bytes of a path as Latin-1.
        path = environ["PATH_INFO"].encode("latin-1", "replace").decode("utf-8", "replace")
        key = path[len(BADGE_PREFIX) :].removesuffix(BADGE_SUFFIX)
        try:
            options = _parse_options(environ.get("QUERY_STRING", ""))
        except BadRequestError as error:
            return error_response(start_response, "400 Bad Request", str(error))
        # A remote reader has its data after this call.
        self._store.newest()
        metrics = self._store.metrics()
        metric = next((metric for metric in metrics if metric.key == key), None)
        if not key or not path.endswith(BADGE_SUFFIX) or (metric is None and metrics):
            return self._not_found(environ, start_response, path, key, [metric.key for metric in metrics])
        text, colour = self._value(metric, options)
        label = options.get("label", metric.label if metric else key)
        return self._picture(environ, start_response, "200 OK", label, text, colour)

    def _value(self, metric: Metric | None, options: dict[str, Any]) -> tuple[str, str]:
        """The text and the colour of the newest value; a value that is not current has no number."""
        newest = self._store.snapshot().newest
        if metric is None or newest is None:
            return NO_VALUE, _NOTHING
        if is_stale(tick_age(newest.time, self._now()), newest.step):
            return STALE, _NOTHING
        value = newest.values.get(metric.key)
        states = [state for state in self._store.thresholds() if state.threshold.metric == metric.key]
        if value is None:
            is_alert = any(state.firing and state.threshold.op == MISSING_OP for state in states)
            return NO_VALUE, _CRITICAL if is_alert else _NOTHING
        colour = _colour_of_limits(value, options.get("warning"), options.get("critical"))
        return format_quantity(value, metric.unit), colour or _colour_of_alerts(value, states)

    def _not_found(
        self,
        environ: dict[str, Any],
        start_response: StartResponse,
        path: str,
        key: str,
        known: Sequence[str],
    ) -> Iterable[bytes]:
        if key and path.endswith(BADGE_SUFFIX):
            sentence = f"no metric {quote_value(key)}{suggest_metric(key, known, 'see /api/metrics')}"
        else:
            sentence = f"expected {BADGE_PREFIX}KEY{BADGE_SUFFIX}, such as {BADGE_PREFIX}cpu.percent.svg"
        # A page shows nothing of a picture's JSON.
        if environ.get("HTTP_ACCEPT", "").startswith("image/"):
            return self._picture(environ, start_response, "404 Not Found", key, UNKNOWN, _NOTHING)
        return error_response(start_response, "404 Not Found", sentence)

    def _picture(
        self, environ: dict[str, Any], start_response: StartResponse, status: str, *texts: str
    ) -> Iterable[bytes]:
        body = _draw(*texts)
        headers = [("content-type", "image/svg+xml; charset=utf-8"), ("content-length", str(len(body)))]
        caching = self._caching if status == "200 OK" else "no-store"
        start_response(status, [*headers, ("cache-control", caching)])
        return [body] if environ["REQUEST_METHOD"] == "GET" else []


def _parse_options(query: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, text in query_fields(query):
        if name not in PARAMETERS:
            hint = suggest(name, PARAMETERS, f"expected one of {', '.join(PARAMETERS)}")
            raise BadRequestError(f"{quote_value(name)} is not a parameter{hint}")
        if name in options:
            raise BadRequestError(f"{name} is set twice; expected it once")
        options[name] = _parse_label(text) if name == "label" else _parse_limit(name, text)
    return options


def _parse_label(text: str) -> str:
    if len(text) > MAX_LABEL_LENGTH:
        raise BadRequestError(f"label has {len(text)} characters; expected at most {MAX_LABEL_LENGTH}")
    return text


def _parse_limit(name: str, text: str) -> float:
    number = parse_number(text)
    if not math.isfinite(number):
        raise BadRequestError(f"{name} is {quote_value(text)}; expected a number, such as 90")
    return number


def _colour_of_limits(value: float, warning: float | None, critical: float | None) -> str:
    """The colour by the limits of a request; empty without any.

    A critical limit below the warning means that low values are bad.
    """
    limits = [(critical, _CRITICAL), (warning, _WARNING)]
    sign = -1 if warning is not None and critical is not None and critical < warning else 1
    for limit, colour in limits:
        if limit is not None and sign * value >= sign * limit:
            return colour
    return _OK if any(limit is not None for limit, _ in limits) else ""


def _colour_of_alerts(value: float, states: Sequence[AlertState]) -> str:
    """Red while an alert fires, amber while its limit is crossed for less than its time."""
    if any(state.firing for state in states):
        return _CRITICAL
    rules = [state.threshold for state in states if state.threshold.has_limit]
    for rule in rules:
        sign = 1 if ">" in rule.op else -1
        if sign * value > sign * rule.limit or ("=" in rule.op and value == rule.limit):
            return _WARNING
    return _OK if states else _NEUTRAL


def _draw(label: str, text: str, colour: str) -> bytes:
    label, text = _one_line(label), _one_line(text)
    left = round(_width(label) + _PADDING_PX) if label else 0
    right = round(_width(text) + _PADDING_PX)
    return render(
        "badge.svg",
        Translator(),
        label=label,
        text=text,
        colour=colour,
        left=left,
        right=right,
        label_width=round(_width(label)),
        text_width=round(_width(text)),
    ).encode()


def _one_line(text: str) -> str:
    """Text without characters that XML forbids or that change the direction of others."""
    text = "".join(char if char.isprintable() or unicodedata.category(char) == "Zs" else "�" for char in text)
    return text if len(text) <= MAX_LABEL_LENGTH else text[: MAX_LABEL_LENGTH - 1] + "…"


def _width(text: str) -> float:
    return sum(map(_character_width, text))


def _character_width(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return _FULL_WIDTH_PX
    return _NARROW_PX if char in _NARROW else _BROAD_PX if char in _BROAD else _CHARACTER_PX
