"""The bridge: a WSGI application of ours on an ASGI server, for a host that has one.

Answers questions without a body, which are all that a host's page has; each runs in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from dashapp.api import App

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def bridge(app: App) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _answer(app, scope, send)

    return asgi


async def _answer(app: App, scope: Scope, send: Send) -> None:
    got: list[Any] = []
    parts = await asyncio.to_thread(app, _environ(scope), lambda *answer: got.extend(answer))
    try:
        status, headers = got[:2]
        fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": int(status.split()[0]), "headers": fields})
        rest = iter(parts if scope["method"] != "HEAD" else ())
        while (part := await asyncio.to_thread(next, rest, None)) is not None:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        with suppress(AttributeError):
            await asyncio.to_thread(parts.close)  # type: ignore[attr-defined]


def _environ(scope: Scope) -> dict[str, Any]:
    """What a WSGI server would say of the question, its path below where the application was put."""
    root = scope.get("root_path", "")
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root,
        "PATH_INFO": scope["path"].removeprefix(root),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "wsgi.url_scheme": scope.get("scheme", "http"),
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        environ[f"HTTP_{key}"] = value.decode("latin-1")
    return environ
