"""Passes the setting of the language on; responses that depend on it vary by its header."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dashapp.http.static_files import LAYOUT_PATH
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.languages.accept import ENVIRON_KEY


class LanguageMiddleware:
    """`setting`: a language for all viewers, or AUTO for that of their browsers."""

    def __init__(self, app: WSGIApp, setting: str) -> None:
        self._app = app
        self._setting = setting

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        environ[ENVIRON_KEY] = self._setting
        if "/api/" in environ["PATH_INFO"]:
            return self._app(environ, start_response)
        is_layout = environ["PATH_INFO"].endswith(LAYOUT_PATH)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            is_document = is_layout or dict(headers).get("content-type", "").startswith("text/html")
            return start_response(status, vary_by_language(headers) if is_document else headers, *rest)

        return self._app(environ, start)


def vary_by_language(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers with `Vary: accept-language`, in one header with what they vary by already.

    >>> vary_by_language([("etag", '"x"'), ("vary", "accept-encoding")])
    [('etag', '"x"'), ('vary', 'accept-encoding, accept-language')]
    """
    vary = [text for name, text in headers if name.lower() == "vary"]
    others = [(name, text) for name, text in headers if name.lower() != "vary"]
    return [*others, ("vary", ", ".join([*vary, "accept-language"]))]
