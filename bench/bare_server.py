"""`python -m bench.bare_server PORT [flask]`: dashapp's web server around an application that does nothing.

What it costs under the same viewers is the kernel's part and the server's, and none of our code's; with
`flask`, Flask's part too, through which every question goes that a LiveGraph in a Dash app asks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from flask import Flask, Response

from bench.one_worker import serve
from dashapp.http.types import StartResponse, WSGIApp

# As long as an answer of one chart and one tick, and parsed by the crowd like one.
BODY = b'{"cursor":"0123456789abcdef.1","t":[1]}'.ljust(150)
HEADERS = [("content-type", "application/json"), ("content-length", str(len(BODY)))]


def build() -> WSGIApp:
    known: WSGIApp = _flask() if "flask" in sys.argv else _plain()
    return known


def _flask() -> Any:
    app = Flask(__name__)
    # As a LiveGraph's route: a pattern with a view.
    app.add_url_rule("/<path:rest>", view_func=lambda rest: Response(BODY, headers=HEADERS), endpoint="rest")
    app.add_url_rule("/", view_func=lambda: "", endpoint="root")
    return app


def _plain() -> WSGIApp:
    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", HEADERS)
        return [BODY]

    return app


if __name__ == "__main__":
    serve("bench.bare_server:build", int(sys.argv[1]))
