"""A Flask application with hooks and error handlers, and dashapp mounted in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from flask import Flask, Response, abort, request, session
from wsgi_client import Answer, ask

import dashapp
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import Tick
from dashapp.stores.disk.store import DiskStore

ALL_PATHS = [
    "/monitor",
    "/monitor/",
    "/monitor/api/ticks",
    "/monitor/api/csv",
    "/monitor/healthz",
    "/monitor/metrics",
    "/monitor/assets/style.css",
    "/monitor/_dash-layout",
    "/monitor/nothing",
    "/monitor/api/push",
]


class Host:
    """An application with a session, hooks and error handlers; `seen` lists the hooks' calls."""

    def __init__(self, **config: Any) -> None:
        self.seen: list[str] = []
        app = self.app = Flask("host")
        app.config.update({"SECRET_KEY": "a secret", "TESTING": True, **config})

        @app.get("/")
        def home() -> str:
            session["visits"] = session.get("visits", 0) + 1
            return f"home {session['visits']}"

        @app.get("/monitors")
        def beside() -> str:
            return "beside"

        @app.get("/fails")
        def fails() -> str:
            abort(418)

        @app.before_request
        def before() -> None:
            self.seen.append(f"before {request.path}")

        @app.after_request
        def after(response: Response) -> Response:
            self.seen.append(f"after {request.path}")
            response.headers["x-host"] = "yes"
            return response

        @app.teardown_request
        def teardown(_: BaseException | None) -> None:
            self.seen.append(f"teardown {request.path}")

        @app.errorhandler(404)
        def lost(_: Exception) -> tuple[str, int]:
            return "the host's own 404", 404

        @app.errorhandler(401)
        def unknown(_: Exception) -> tuple[str, int]:
            return "the host's own 401", 401

    def ask(self, path: str, **more: Any) -> Answer:
        return ask(wsgi(self.app), path, **{"host": "shop.test", **more})


class Visitor:
    """As the user of Flask-Login who is not signed in: an object, and therefore true."""

    is_authenticated = False


def wsgi(app: Flask) -> WSGIApp:
    return cast("WSGIApp", app)


def store_of_a_tick(tmp_path: Path) -> Path:
    """Create a store with one tick; return its folder."""
    folder = tmp_path / "store"
    disk = DiskStore(folder)
    disk.append(Tick(1_800_000_000, 1, {"cpu.percent": 12.5}))
    disk.close()
    return folder


Mounted = Callable[..., Host]


def mounter(store: Path) -> Mounted:
    def make(at: str = "/monitor/", config: dict[str, Any] | None = None, **settings: Any) -> Host:
        host = Host(**(config or {}))
        dashapp.mount(host.app, at, **{"store": store, "collect": False, **settings})
        return host

    return make
