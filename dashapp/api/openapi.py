"""The API's own description, OpenAPI 3.1 on one path: every path, parameter, bound and answer.

Says what api, export, receiver and share do, with the bounds that they hold; knows no store.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dashapp import __version__
from dashapp.api.endpoints import MAX_QUERIES_PER_REQUEST
from dashapp.api.params import MAX_CURSOR_LENGTH, MAX_METRICS_PER_QUERY
from dashapp.api.push import MAX_BODY_BYTES
from dashapp.api.schemas import NUMBER, OR_NULL, SCHEMAS, TEXT, Json, array_schema, object_schema, ref
from dashapp.config.settings import MIN_WINDOW_S, Settings
from dashapp.http.middleware.share_links import ALLOWED_DAYS, MAX_PANEL_NAME_LENGTH, MAX_PANELS
from dashapp.http.responses import NO_STORE, PRIVATE_NO_STORE, build_response, encode_json, error_response
from dashapp.http.types import StartResponse
from dashapp.model.ticks import MAX_EPOCH_MS, MAX_VALUE
from dashapp.stores.base import MAX_CHANGES

OPENAPI_PATH = "/api/openapi.json"

HEADERS: Json = {
    "x-now": {"schema": TEXT, "description": "The server's time when it answered, in epoch seconds."},
}


def openapi_document(settings: Settings, many: bool = False) -> Json:
    """`many`: whether the store has several hosts, each with paths of its own below `/host/NAME`."""
    window = {**NUMBER, "minimum": MIN_WINDOW_S, "maximum": settings.max_window_s}
    time = {**NUMBER, "minimum": 0, "maximum": MAX_EPOCH_MS}
    names = {**TEXT, "minLength": 1, "description": f"1 to {MAX_METRICS_PER_QUERY}, with commas between."}
    one = {"enum": ["1"]}
    stretch = [
        _query_parameter("window", window, "Seconds up to the newest tick; not with from and to."),
        _query_parameter(
            "from", time, "Epoch milliseconds, in the past; at most as long ago as is kept before to."
        ),
        _query_parameter("to", time, "Epoch milliseconds; only with from, and later."),
        _query_parameter("metrics", names, "Only these; at least one that there is."),
    ]
    ticks = [
        *stretch,
        _query_parameter(
            "after", {**TEXT, "maxLength": MAX_CURSOR_LENGTH}, "A frame's cursor: only what came since."
        ),
        _query_parameter("like", names, "Only what these patterns mean; not with metrics."),
        _query_parameter("processes", one, "The table of processes too, where it is shown."),
        _query_parameter("hosts", one, "The list of hosts too, where the store has many."),
        _query_parameter("curves", one, "The newest curves too; not with from and to."),
    ]
    changes = {"type": "integer", "minimum": 1, "maximum": MAX_CHANGES}
    most = _query_parameter("limit", changes, "Changes at the most.")
    questions = {"type": "array", "items": TEXT, "minItems": 1, "maxItems": MAX_QUERIES_PER_REQUEST}
    several = [
        _query_parameter("q", questions, "The query of /api/ticks, once for each frame.", required=True)
    ]
    panel = _query_parameter("panel", TEXT, "Only the metrics of this panel; not with metrics.")
    csv: Json = {"description": "A line of names, then a row a point.", "content": _content("text/csv", TEXT)}
    lines: Json = {"description": "Prometheus's text format.", "content": _content("text/plain", TEXT)}
    paths: Json = {
        "/api/ticks": _get_operation(
            "What came of the newest seconds, or a stretch of the past", "Frame", ticks
        ),
        "/api/frames": _get_operation("Several answers of /api/ticks in one", "Frames", several),
        "/api/metrics": _get_operation("What there is", array_schema(ref("Metric"))),
        "/api/alerts": _get_operation(
            "Every threshold, where it stands, and its changes, newest first", "Alerts", [most]
        ),
        "/api/csv": _get_operation("A stretch as CSV, streamed", csv, [*stretch, panel], {"503": "Busy."}),
        "/metrics": _get_operation("The newest tick for Prometheus", lines),
        "/healthz": _get_operation("Whether it serves", "Health", free=True),
        "/readyz": _get_operation("Whether there is anything new", "Health", more={"503": "Nothing new."}),
        OPENAPI_PATH: _get_operation("This", {"type": "object"}),
    }
    paths["/readyz"]["get"]["responses"]["503"] = _response("Nothing new.", ref("Health"))
    if many:
        paths["/api/hosts"] = _get_operation("The hosts, and how they are", "Hosts")
    if settings.push_token:
        paths["/api/push"] = {"post": _push_operation()}
    if settings.requires_authentication:
        paths["/api/share"] = {"post": _share_operation(window, time)}
    found: Json = {
        "openapi": "3.1.0",
        "info": {"title": settings.title, "version": __version__},
        # Relative to this document: nobody here knows below what prefix it is served.
        "servers": [{"url": "../"}],
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }
    schemes: Json = {}
    if settings.password:
        schemes["password"] = {"type": "http", "scheme": "bearer", "description": "The server's password."}
        found["security"] = [{"password": []}]
    if settings.push_token:
        schemes["push"] = {"type": "http", "scheme": "bearer", "description": "DASHAPP_PUSH_TOKEN."}
    if schemes:
        found["components"] = {"schemas": SCHEMAS, "securitySchemes": schemes}
    return found


def _query_parameter(name: str, schema: Json, description: str, required: bool = False) -> Json:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "schema": schema,
        "description": description,
    }


def _content(kind: str, schema: Json) -> Json:
    return {kind: {"schema": schema}}


def _response(description: str, schema: Json) -> Json:
    return {"description": description, "content": _content("application/json", schema)}


def _error_responses(**more: str) -> Json:
    told = {
        "400": "A bad question, or a host name that is not answered to.",
        "401": "No password was given.",
        "403": "Another site's page asked, or what was given is not right.",
        "429": "Too many requests of one address; Retry-After says when to go on.",
    }
    return {code: _response(text, ref("Error")) for code, text in (told | more).items()}


def _get_operation(
    summary: str,
    answer: str | Json,
    parameters: list[Json] | None = None,
    more: dict[str, str] | None = None,
    free: bool = False,
) -> Json:
    schema = ref(answer) if isinstance(answer, str) else answer
    good = schema if "content" in schema else _response(summary, schema) | {"headers": HEADERS}
    found: Json = {"summary": summary, "parameters": parameters or []}
    found["responses"] = {"200": good, "304": {"description": "Unchanged since that ETag."}}
    found["responses"] |= _error_responses(**(more or {}))
    return {"get": found | ({"security": []} if free else {})}


def _push_operation() -> Json:
    value = {**OR_NULL, "minimum": -MAX_VALUE, "maximum": MAX_VALUE}
    values = {"type": "object", "additionalProperties": value}
    entry = object_schema({"metrics": values}, {"t": NUMBER})
    more = {
        "413": f"More than {MAX_BODY_BYTES} bytes.",
        "415": "A packed body.",
        "503": "It cannot be kept now.",
    }
    return {
        "summary": "Numbers of a program's own, into the next tick",
        "security": [{"push": []}],
        "requestBody": {
            "required": True,
            "content": _content("application/json", {"anyOf": [entry, array_schema(entry)]}),
        },
        "responses": {
            "200": _response("How many values were taken.", ref("Accepted")),
            **_error_responses(**more),
        },
    }


def _share_operation(window: Json, time: Json) -> Json:
    names = {"type": "array", "minItems": 1, "maxItems": MAX_PANELS}
    names |= {"items": {**TEXT, "minLength": 1, "maxLength": MAX_PANEL_NAME_LENGTH}}
    body = object_schema(
        {"panels": names, "days": {"enum": [*ALLOWED_DAYS]}}, {"window": window, "from": time, "to": time}
    )
    return {
        "summary": "A link that shows one view to whoever holds it",
        "requestBody": {"required": True, "content": _content("application/json", body)},
        "responses": {
            "200": _response("The link's path, and until when it holds in epoch milliseconds.", ref("Link")),
            **_error_responses(**{"413": "Too large.", "415": "A packed body.", "503": "Busy."}),
        },
    }


class OpenApiEndpoint:
    """Answers GET and HEAD with the document."""

    def __init__(self, settings: Settings, many: bool = False) -> None:
        caching = PRIVATE_NO_STORE if settings.requires_authentication else NO_STORE
        self._answer = build_response("200 OK", encode_json(openapi_document(settings, many)), caching)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            allow = ("allow", "GET, HEAD")
            return error_response(start_response, "405 Method Not Allowed", "this address is for GET", allow)
        start_response("200 OK", [*self._answer.headers])
        return [self._answer.body]
