"""Limits on what people write, which the pages of all hosts of a process share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from threading import Event, Thread
from typing import Any

import pytest
from authenticated_app import PASSWORD
from fake_hosts import Fleet
from waiting import PATIENCE_S, wait_for
from wsgi_client import Answer, ask

from dashapp.api.alerts.endpoint import MAX_ACTIONS_PER_S
from dashapp.config.settings import parse_settings
from dashapp.http.middleware.rate_limit import RATE_WINDOW_S, RequestRateLimiter
from dashapp.http.request_body import MAX_CONCURRENT_BODIES
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue
from dashapp.web.app import create_app
from dashapp.web.host_routes import HostRouter, PageTarget

BEARER = f"Bearer {PASSWORD}"
HOSTS = ("a", "b", "c", "d")


def app_of_hosts() -> WSGIApp:
    fleet = Fleet()
    for name in HOSTS:
        fleet.add(name, 5)
    settings = parse_settings(["--store", "memory:"], {"DASHAPP_PASSWORD": PASSWORD})
    queues = {name: MemoryPushQueue() for name in HOSTS}
    reader = fleet.reader("a")
    assert reader is not None
    return create_app(reader, settings, queues["a"], fleet, "a", push_writer_of=queues.__getitem__)


class SlowBody:
    """A body that arrives when `go` is set; `entered` counts the readers."""

    def __init__(self) -> None:
        self.go, self.entered = Event(), 0

    def read(self, _size: int) -> bytes:
        self.entered += 1
        assert self.go.wait(PATIENCE_S)
        return b""


def test_slow_bodies_to_many_hosts_share_one_limit() -> None:
    """Each occupies a thread of the server, and each host has endpoints of its own."""
    app, slow = app_of_hosts(), SlowBody()
    paths = [
        f"/host/{name}/api/{path}" for name in HOSTS for path in ("events", "alerts/test") for _ in range(6)
    ]
    statuses: list[int] = []

    def with_slow_body(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return app({**environ, "wsgi.input": slow, "CONTENT_LENGTH": "10"}, start_response)

    def send(path: str) -> None:
        statuses.append(ask(with_slow_body, path, method="POST", authorization=BEARER).status)

    threads = [Thread(target=send, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    wait_for(lambda: slow.entered + len(statuses) == len(paths))
    try:
        assert slow.entered == MAX_CONCURRENT_BODIES
        assert statuses == [503] * (len(paths) - MAX_CONCURRENT_BODIES)
    finally:
        slow.go.set()
        for thread in threads:
            thread.join()


def act(app: WSGIApp, host: str, name: str = "test", rule: str = "cpu.percent > 1") -> Answer:
    body = json.dumps({"rule": rule}).encode()
    path = f"/host/{host}/api/alerts/{name}"
    return ask(app, path, method="POST", body=body, authorization=BEARER)


def test_requests_about_alerts_of_all_people_and_hosts_have_one_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The collector takes them from the queue of pushes, which they would delay."""
    limiter = partial(RequestRateLimiter, clock=lambda: 0.0)
    monkeypatch.setattr("dashapp.web.write_routes.RequestRateLimiter", limiter)
    app = app_of_hosts()
    allowed = int(MAX_ACTIONS_PER_S * RATE_WINDOW_S)
    answers = [act(app, HOSTS[number % len(HOSTS)]) for number in range(allowed + 1)]
    assert [answer.status for answer in answers] == [*[200] * allowed, 429]
    assert answers[-1].json["error"] == f"more than {allowed} requests about alerts in 10 seconds"
    assert answers[-1].headers["retry-after"] == "10"
    # Marks have a limit of their own, and reads have none.
    body = json.dumps({"event": "deploy"}).encode()
    assert ask(app, "/api/events", method="POST", body=body, authorization=BEARER).status == 200
    assert ask(app, "/api/alerts", authorization=BEARER).status == 200


def test_new_host_delays_no_request_for_others() -> None:
    """The first request for a host waits for its data, for up to half a second."""
    fleet, go, entered = Fleet(), Event(), Event()
    for name in HOSTS:
        fleet.add(name, 1)

    def serve(target: PageTarget) -> WSGIApp:
        if target.names == ("b",):
            entered.set()
            assert go.wait(PATIENCE_S)
        return lambda environ, start: start("200 OK", []) or []

    router = HostRouter(fleet, serve(PageTarget(MemoryStore())), serve, "a")
    results: list[int] = []
    slow = Thread(target=lambda: results.append(ask(router, "/host/b/").status), daemon=True)
    slow.start()
    assert entered.wait(PATIENCE_S)
    others = Thread(target=lambda: results.extend(ask(router, path).status for path in ("/", "/host/c/")))
    others.start()
    wait_for(lambda: results == [200, 200])
    go.set()
    slow.join()
    others.join()
    assert results == [200, 200, 200]
