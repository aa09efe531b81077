"""The dispatcher: between a Flask application's server and itself, it hands what is below our prefixes to us.

All else goes through as it came: one comparison of text, and the host never hears of us.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from flask import Flask

from dashapp.http.types import App, StartResponse

log = logging.getLogger("dashapp")

# Of layers around an application; more than anybody has.
DEEPEST = 32
# What middleware calls the application that it wraps.
INNER = ("app", "wsgi_app", "application")


class Part(Protocol):
    """An application of ours below a prefix."""

    def begin(self) -> None:
        """Called once in each process, at its first request, whosever that is."""

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]: ...


class Dispatcher:
    def __init__(self, host: App) -> None:
        self._host = host
        self._process = 0
        # Of each: the prefix without its last slash, with it, and what is there.
        self._parts: tuple[tuple[str, str, Part], ...] = ()

    def add(self, prefix: str, part: Part) -> None:
        self._parts = (*self._parts, (prefix[:-1], prefix, part))
        self._process = 0

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if self._process != os.getpid():
            self._process = os.getpid()
            for _, _, part in self._parts:
                part.begin()
        path = environ.get("PATH_INFO", "")
        for bare, prefix, part in self._parts:
            if path.startswith(bare) and (path == bare or path.startswith(prefix)):
                return part(environ, start_response)
        return self._host(environ, start_response)


def put_into(host: Flask) -> Dispatcher:
    """A dispatcher around `host` itself, within what wraps it already as far as that can be seen: what
    ProxyFix finds out, say, holds for us too."""
    holder, name = _innermost(host)
    dispatcher = Dispatcher(getattr(holder, name))
    setattr(holder, name, dispatcher)
    return dispatcher


def _innermost(host: Flask) -> tuple[object, str]:
    """Where the host's own WSGI method hangs."""
    holder: object = host
    name = "wsgi_app"
    for _ in range(DEEPEST):
        layer: Callable[..., Any] = getattr(holder, name)
        if getattr(layer, "__self__", None) is host:
            return holder, name
        inner = next((each for each in INNER if callable(getattr(layer, each, None))), None)
        if inner is None:
            break
        holder, name = layer, inner
    return host, "wsgi_app"
