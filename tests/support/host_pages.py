"""The pages of many hosts as a WSGI application, and the layout of one."""

from __future__ import annotations

from fake_hosts import Fleet
from wsgi_client import ask

from dashapp.config.settings import Settings
from dashapp.http.types import WSGIApp
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue
from dashapp.web.app import create_app


def served(fleet: Fleet, own: str = "web-1", **settings: object) -> WSGIApp:
    queue = MemoryPushQueue(1.0)
    return create_app(MemoryStore(), Settings(store="memory:", **settings), queue, fleet, own)  # type: ignore[arg-type]


def layout(app: WSGIApp, path: str = "/") -> str:
    return ask(app, f"{path}_dash-layout").body.decode()
