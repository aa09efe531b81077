"""Runs a WSGI application of ours on an ASGI server, for a Dash app on FastAPI.

It supports requests without a body, since the page of a host sends no other; each runs in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from dashapp.http.types import WSGIApp

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def wsgi_to_asgi(app: WSGIApp, path: str, scope: Scope, send: Send) -> None:
    """Answer an HTTP request with `app`, as a request for `path`."""
    response: list[Any] = []
    body = await asyncio.to_thread(app, _environ(path, scope), lambda *arguments: response.extend(arguments))
    try:
        status, headers = response[:2]
        fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": int(status.split()[0]), "headers": fields})
        chunks = iter(body if scope["method"] != "HEAD" else ())
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        with suppress(AttributeError):
            await asyncio.to_thread(body.close)  # type: ignore[attr-defined]


def _environ(path: str, scope: Scope) -> dict[str, Any]:
    """The WSGI environment of a request."""
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        environ[f"HTTP_{key}"] = value.decode("latin-1")
    return environ
