"""A Flask application for browser tests, with the monitor mounted and a page with a chart."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from fake_collector import Feeder
from faulty_server import Served
from flask import Flask, render_template_string, session

import dashapp
from dashapp.http.types import WSGIApp
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.memory import MemoryStore

TEMPLATE = "<!doctype html><title>Shop</title><h1>Shop</h1><div id=place>{{ chart }}</div>"


class Shop:
    """An application with the monitor and a chart; `outer` is the path prefix of a proxy."""

    def __init__(self, folder: Path, *, past: int = 100, outer: str = "", **settings: Any) -> None:
        self.store = cast(MemoryStore, DiskStore(folder / "data"))
        self.feeder = Feeder(self.store, 0.5)
        if past:
            self.feeder.backfill(past)
        app = Flask("shop")
        app.config.update(SECRET_KEY="a secret", TESTING=True)
        settings = {"interval": 0.5, "store": folder / "data", "collect": False, **settings}
        dashapp.mount(app, "/ops/monitor/", **settings)
        self.call = 'dashapp_chart("cpu.percent", window=40)'

        @app.get("/")
        def home() -> str:
            return render_template_string(TEMPLATE.replace("chart", self.call))

        @app.get("/login")
        def login() -> str:
            session["user"] = "ann"
            return "Hello"

        def proxied(environ: dict[str, Any], start_response: Any) -> Any:
            path = environ["PATH_INFO"]
            assert path.startswith(outer), path
            inside = {"SCRIPT_NAME": outer, "PATH_INFO": path[len(outer) :]}
            return app({**environ, **inside}, start_response)

        self.server = Served(cast("WSGIApp", proxied))
        self.url = self.server.url.rstrip("/") + outer + "/"

    def stop(self) -> None:
        self.feeder.stop()
        self.server.close()
        self.store.close()
