"""The API's own description: openapi.json, without what the settings turn off."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dashapp import __version__
from dashapp.config.settings import Settings
from dashapp.http.responses import NO_STORE, PRIVATE_NO_STORE, build_response, encode_json, method_not_allowed
from dashapp.http.types import StartResponse

OPENAPI_PATH = "/api/openapi.json"
PUSH_PATHS = ("/api/push", "/api/v2/write", "/write", "/v1/metrics")
DOCUMENT_PATH = Path(__file__).with_name("openapi.json")


def openapi_document(
    settings: Settings, many: bool = False, is_public: bool = False, marks: bool = True
) -> dict[str, Any]:
    """The document for these settings.

    `many`: whether the store has several hosts. `is_public`: without the version, which OpenAPI requires.
    `marks`: whether people can mark events on the page.
    """
    document: dict[str, Any] = json.loads(DOCUMENT_PATH.read_text("utf-8"))
    document["info"] = {"title": settings.title, "version": "" if is_public else __version__}
    components = document["components"]
    components["schemas"]["Window"]["maximum"] = settings.max_window_s
    schemes = components["securitySchemes"]
    if not many:
        del document["paths"]["/api/hosts"]
    if not marks:
        del document["paths"]["/api/events"]["post"], document["paths"]["/api/events"]["delete"]
    if not settings.push_token:
        # Programs use these with the push token only.
        for path in PUSH_PATHS:
            del document["paths"][path]
        del schemes["push"]
    if not settings.requires_authentication:
        del document["paths"]["/api/share"], document["paths"]["/api/alerts/{action}"]
    if not settings.password:
        del document["security"], schemes["password"]
    if not schemes:
        del components["securitySchemes"]
    return document


class OpenApiEndpoint:
    """Answers GET and HEAD with the document."""

    def __init__(
        self, settings: Settings, many: bool = False, is_public: bool = False, marks: bool = True
    ) -> None:
        caching = PRIVATE_NO_STORE if settings.requires_authentication else NO_STORE
        document = openapi_document(settings, many, is_public, marks)
        self._answer = build_response("200 OK", encode_json(document), caching)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return method_not_allowed(start_response, environ, "GET, HEAD")
        start_response("200 OK", [*self._answer.headers])
        return [self._answer.body]
