"""Call a WSGI application as a server does, without a server."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from dashapp.http.types import WSGIApp


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    app: WSGIApp,
    path: str,
    *,
    method: str = "GET",
    host: str = "127.0.0.1:8050",
    body: bytes | None = None,
    peer: str = "127.0.0.1",
    **headers: str,
) -> Answer:
    """Send a request from the address `peer`; header names are in lower case, with underscores.

    A request with a body has its Content-Length.
    """
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8050",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": peer,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body or b""),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "HTTP_HOST": host,
        **({} if body is None else {"CONTENT_LENGTH": str(len(body))}),
        **({"CONTENT_TYPE": headers.pop("content_type")} if "content_type" in headers else {}),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    got: list[Any] = []

    def start(status: str, fields: list[tuple[str, str]], *_: Any) -> None:
        got[:] = [status, fields]

    parts = app(environ, start)
    try:
        body = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    names = [name.lower() for name, _ in got[1]]
    assert len(names) == len(set(names)), f"a header is there twice: {names}"
    return Answer(int(got[0].split()[0]), {name.lower(): value for name, value in got[1]}, body)
