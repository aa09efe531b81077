"""Dispatch in front of a Flask application: requests below our prefixes come to us, all others pass.

Passing costs one comparison of text. A prefix is our part of an application's addresses, such as `/monitor/`.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from flask import Flask

from dashapp.config.cli import quote_value
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.model.ticks import MountError

log = logging.getLogger("dashapp")

# Of layers around an application; more than anybody has.
MAX_MIDDLEWARE_DEPTH = 32
# What middleware calls the application that it wraps.
WRAPPED_APP_ATTRIBUTES = ("app", "wsgi_app", "application")


class MountedApp(Protocol):
    """An application of ours below a prefix."""

    def start(self) -> None:
        """Called once in each process, at its first request, whosever that is."""

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]: ...


class Dispatcher:
    def __init__(self, host: WSGIApp) -> None:
        self._host = host
        self._process = 0
        # Of each: the prefix without its last slash, with it, and what is there.
        self._parts: tuple[tuple[str, str, MountedApp], ...] = ()

    def add(self, prefix: str, part: MountedApp) -> None:
        self._parts = (*self._parts, (prefix[:-1], prefix, part))
        self._process = 0

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if self._process != os.getpid():
            self._process = os.getpid()
            for _, _, part in self._parts:
                part.start()
        path = environ.get("PATH_INFO", "")
        for bare, prefix, part in self._parts:
            if path.startswith(bare) and (path == bare or path.startswith(prefix)):
                return part(environ, start_response)
        return self._host(environ, start_response)


def install_dispatcher(host: Flask) -> Dispatcher:
    """A dispatcher around `host` itself, within what wraps it already as far as that can be seen: what
    ProxyFix finds out, say, holds for us too."""
    holder, name = _innermost_app(host)
    dispatcher = Dispatcher(getattr(holder, name))
    setattr(holder, name, dispatcher)
    return dispatcher


def _innermost_app(host: Flask) -> tuple[object, str]:
    """Where the host's own WSGI method hangs."""
    holder: object = host
    name = "wsgi_app"
    for _ in range(MAX_MIDDLEWARE_DEPTH):
        layer: Callable[..., Any] = getattr(holder, name)
        if getattr(layer, "__self__", None) is host:
            return holder, name
        inner = next((each for each in WRAPPED_APP_ATTRIBUTES if callable(getattr(layer, each, None))), None)
        if inner is None:
            break
        holder, name = layer, inner
    return host, "wsgi_app"


# What stands in an address as it is, and means nothing to a router.
_PATH_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
_EXPECTED = 'expected letters, digits, - and _ between slashes, such as "/monitor/"'


def normalize_prefix(given: Any) -> str:
    """With a slash at either end, given or not. MountError where it can be none."""
    if isinstance(given, str):
        parts = given.strip("/").split("/")
        if all(_PATH_SEGMENT.fullmatch(part) for part in parts):
            return f"/{'/'.join(parts)}/"
        if given.strip("/") == "":
            raise MountError(
                f"the prefix is {quote_value(given)}, which is all of the application; {_EXPECTED}"
            )
    raise MountError(f"the prefix is {quote_value(given)}; {_EXPECTED}")


def route_conflict(own: str, rules: Iterable[str]) -> str:
    """A sentence where one of an application's rules lies below `own`; empty where all are out of the way.

    What begins with a variable, as `/<path:rest>`, is out of the way: it is for what is nobody else's.
    """
    for rule in rules:
        if rule == own[:-1] or rule.startswith(own):
            return (
                f'the prefix "{own}" holds the application\'s own route {quote_value(rule)}; choose another'
            )
    return ""


def prefix_conflict(own: str, others: Iterable[str]) -> str:
    """A sentence where another prefix of ours is the same, lies below, or above; empty elsewhere."""
    for other in others:
        if other == own:
            return f'dashapp is mounted at "{own}" already; choose another prefix for a second one'
        if own.startswith(other) or other.startswith(own):
            return f'dashapp is mounted at "{other}" already, and "{own}" overlaps it; choose another prefix'
    return ""
