"""Applications with a password for tests: their store, a login, and a share link."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from wsgi_client import Answer, ask

from dashapp.config.settings import parse_settings
from dashapp.http.middleware.share_links import DAY_S
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import Metric, Tick
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue
from dashapp.web.app import create_app

PASSWORD = "correct horse 7"
TOKEN = "4f9c2e7ab15d8036"
METRICS = [
    Metric("cpu.percent", "CPU", "%", "cpu", 0, 100),
    Metric("memory.percent", "Memory", "%", "memory", 0, 100),
    Metric("secret.plan", "Plan", "", "secret"),
]


def filled(count: int = 100, now: float | None = None) -> MemoryStore:
    """Return a store with a tick per second up to `now`, of three metrics in three panels."""
    store = MemoryStore()
    store.describe(METRICS)
    end = int(time.time() if now is None else now)
    for at in range(end - count + 1, end + 1):
        store.append(Tick(at, 1, {"cpu.percent": 1.0, "memory.percent": 2.0, "secret.plan": 4711.0}))
    return store


def guarded(
    *flags: str, folder: Path | None = None, store: MemoryStore | None = None, **more: str
) -> WSGIApp:
    """Return an app; `more` are variables in lower case and without DASHAPP_."""
    environ = {"DASHAPP_PASSWORD": PASSWORD} | {f"DASHAPP_{k.upper()}": text for k, text in more.items()}
    settings = parse_settings(
        ["--store", "memory:", *flags], {k: text for k, text in environ.items() if text}
    )
    return create_app(store or filled(), settings, MemoryPushQueue(1), folder=folder)


def post(app: WSGIApp, path: str, form: dict[str, str], **headers: str) -> Answer:
    return ask(app, path, method="POST", body=urlencode(form).encode(), **headers)


def sign_in(app: WSGIApp, password: str = PASSWORD, **headers: str) -> str:
    """Log in and return the session cookie, which a browser sends with each request."""
    answer = post(app, "/login", {"password": password}, **headers)
    assert answer.status == 303, answer.body
    return answer.headers["set-cookie"].partition(";")[0]


def ask_for_link(app: WSGIApp, body: object, **headers: str) -> Answer:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(app, "/api/share", method="POST", body=text, **headers)


def link(app: WSGIApp, **view: Any) -> str:
    """Create a share link and return its path."""
    cookie, before = sign_in(app), int(time.time())
    answer = ask_for_link(app, {"panels": ["cpu"], "days": 1, "window": 30, **view}, cookie=cookie)
    assert answer.status == 200, answer.body
    made = answer.json["until"] / 1000 - view.get("days", 1) * DAY_S
    assert before - 1 <= made <= time.time() + 1
    return "/" + str(answer.json["path"])
