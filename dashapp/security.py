"""The guard: one WSGI layer in front of every path, errors included.

Answers only to hosts it knows (DNS rebinding), takes nothing from another site's page (cross-site requests),
and puts the security headers on whatever goes out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from dashapp.api import App, StartResponse

LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})

SAFE = ("GET", "HEAD", "OPTIONS")

_HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")

_HOST_PATH = re.compile(r"^/host/[^/]*/")

# What is not a page needs no more of the policy than this, and is asked for every second.
DATA_POLICY = "default-src 'none'; frame-ancestors 'self'"


def page_policy(script_hashes: Sequence[str]) -> str:
    """The content security policy of a page whose inline scripts have these hashes."""
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *script_hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "frame-ancestors 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "object-src 'none'",
        )
    )


class Guard:
    """`hosts` None answers to any name, as a public page must."""

    def __init__(
        self, app: App, *, script_hashes: Sequence[str] = (), hosts: Collection[str] | None = ()
    ) -> None:
        self._app = app
        self._hosts = None if hosts is None else LOCAL | frozenset(hosts)
        shared = [("x-content-type-options", "nosniff"), ("referrer-policy", "same-origin")]
        self._page = [*shared, ("content-security-policy", page_policy(script_hashes))]
        self._data = [*shared, ("content-security-policy", DATA_POLICY)]

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        # What is below a host's path is what it is below the root.
        path = _HOST_PATH.sub("/", environ["PATH_INFO"])
        data = path.startswith("/api/") or path in ("/healthz", "/readyz", "/metrics")
        extra = self._data if data else self._page

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            return start_response(status, headers + extra)

        if self._hosts is not None and _name(environ.get("HTTP_HOST", "")) not in self._hosts:
            body = (
                b'{"error":"this server does not answer to that host name; '
                b'its operator can add it to DASHAPP_HOSTS"}'
            )
            start(
                "400 Bad Request",
                [("content-type", "application/json"), ("content-length", str(len(body)))],
            )
            return [body]
        if environ["REQUEST_METHOD"] not in SAFE and _from_elsewhere(environ):
            body = b'{"error":"another site\'s page may not send this"}'
            start(
                "403 Forbidden",
                [("content-type", "application/json"), ("content-length", str(len(body)))],
            )
            return [body]
        return self._app(environ, start)


def _from_elsewhere(environ: Mapping[str, Any]) -> bool:
    """Whether a page of another site had a browser ask this. No program but a browser sends these headers.

    https://web.dev/articles/fetch-metadata; a browser that knows none of it sends an origin.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return False
    return bool(origin.partition("://")[2].lower() != environ.get("HTTP_HOST", "").lower())


def _name(host: str) -> str:
    """The name in a Host header, without its port; empty where it is none."""
    found = _HOST.fullmatch(host.lower())
    return found[1] if found else ""
