"""Streams over any WSGI application: each event is a response to a poll."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode


def with_streams(app: Any) -> Any:
    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if path.endswith("/api/stream"):
            start_response("200 OK", [("content-type", "text/event-stream"), ("cache-control", "no-store")])
            return events(app, environ)

        def start(status: str, headers: list[tuple[str, str]]) -> Any:
            return start_response(status, [*headers, ("x-stream", "1")])

        return app(environ, start)

    return answer


def events(app: Any, environ: dict[str, Any]) -> Iterator[bytes]:
    query = environ["QUERY_STRING"]
    several = query.startswith("q=")
    texts = [text for _, text in parse_qsl(query)] if several else [query]
    questions = [[pair for pair in parse_qsl(text) if pair[0] != "after"] for text in texts]
    cursors = [dict(parse_qsl(text)).get("after", "") for text in texts]
    first = True
    while True:
        now = [urlencode([*q, *([("after", c)] if c else [])]) for q, c in zip(questions, cursors, strict=True)]
        base = environ["PATH_INFO"].removesuffix("stream")
        path = base + ("frames" if several else "ticks")
        text = urlencode([("q", each) for each in now]) if several else now[0]
        body = b"".join(app({**environ, "PATH_INFO": path, "QUERY_STRING": text}, lambda *_: None))
        frames = json.loads(body)["frames"] if several else [json.loads(body)]
        new = [frame.get("cursor", "") for frame in frames]
        if first or new != cursors:
            yield b"id: %s\ndata: %s\n\n" % (",".join(new).encode(), body)
        first, cursors = False, new
        time.sleep(0.02)
