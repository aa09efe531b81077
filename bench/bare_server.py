"""`python -m bench.bare_server PORT [flask]`: dashapp's web server with an empty app.

Under the same viewers, its cost is that of the kernel and the server, without dashapp's code. With `flask` it
includes Flask, which handles every request of a LiveGraph in a Dash app.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from flask import Flask, Response

from bench.one_worker import serve
from dashapp.http.types import StartResponse, WSGIApp

# As long as a response with one chart and one tick; the crowd parses it like one.
BODY = b'{"cursor":"ASNFZ4mrze8.1","t":[1]}'.ljust(150)
HEADERS = [("content-type", "application/json"), ("content-length", str(len(BODY)))]


def build() -> WSGIApp:
    app: WSGIApp = _flask() if "flask" in sys.argv else _plain()
    return app


def _flask() -> Any:
    app = Flask(__name__)
    # Like a LiveGraph's route: a pattern with a view.
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
