"""Actions on alerts through a folder and Redis: after a restart, from another host."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import pytest
from action_reader import ActionReader
from authenticated_app import PASSWORD
from redis_server import RedisServer, needs_redis
from waiting import PATIENCE_S, wait_for
from wsgi_client import ask

from dashapp.alerts.monitor import AlertMonitor
from dashapp.config.settings import Settings, parse_settings
from dashapp.http.types import WSGIApp
from dashapp.model.alerts.rules import parse_rule
from dashapp.model.ticks import Tick
from dashapp.stores.base import Store
from dashapp.stores.factory import StoreBackend, open_backend
from dashapp.web.app import create_app

RULE = parse_rule("cpu.percent > 90")
BEARER = f"Bearer {PASSWORD}"


def settings_of(*flags: str) -> Settings:
    return parse_settings(flags, {"DASHAPP_PASSWORD": PASSWORD})


def app_of(backend: StoreBackend, settings: Settings) -> WSGIApp:
    return create_app(
        backend.reader(),
        settings,
        backend.push_writer(),
        backend.hosts(),
        settings.host_name,
        push_writer_of=backend.push_writer,
    )


def observe(store: Store, monitor: AlertMonitor, time: float) -> None:
    tick = Tick(time, 1, {"cpu.percent": 95.0})
    assert store.append(tick)
    monitor.observe(tick)


def mute(app: WSGIApp, root: str = "") -> int:
    body = json.dumps({"rule": RULE.text, "for": "1d"}).encode()
    return ask(app, f"{root}/api/alerts/mute", method="POST", body=body, authorization=BEARER).status


def test_action_waits_in_folder_and_is_applied_once_after_kill(tmp_path: Path) -> None:
    settings = settings_of("--store", str(tmp_path / "store"))
    backend = open_backend(settings)
    assert backend is not None
    now = float(int(time.time()))
    with closing(backend.open_writer()) as store:
        monitor = AlertMonitor([RULE], store)
        observe(store, monitor, now)
        reader = ActionReader(backend.push_reader(store), monitor)
        reader.read(store.newest().time_ms)
        app = app_of(backend, settings)
        assert mute(app) == 200
        # Killed before the tick: the next collector reads the same action again.
        reader.read(store.newest().time_ms)
    with closing(backend.open_writer()) as store:
        monitor = AlertMonitor([RULE], store)
        ActionReader(backend.push_reader(store), monitor).read(store.newest().time_ms)
        observe(store, monitor, now + 1)
        assert len(store.alert_controls().log) == 1
        row = ask(app, "/api/alerts", authorization=BEARER).json["thresholds"][0]
        assert row["mute"]["until"] is not None


@needs_redis
@pytest.mark.parametrize("lead", [0, 7200, -7200])
def test_page_of_other_host_mutes_its_alerts_through_redis(redis: RedisServer, lead: int) -> None:
    """The clock of the other host can be wrong; the mute is as long by that clock."""
    web = settings_of("--store", redis.url, "--name", "a", "--no-collector")
    other = settings_of("--store", redis.url, "--name", "b")
    backend, host = open_backend(web), open_backend(other)
    assert backend is not None
    assert host is not None
    now = float(int(time.time())) + lead
    with closing(host.open_writer()) as store:
        monitor = AlertMonitor([RULE], store)
        observe(store, monitor, now)
        assert store.drain(PATIENCE_S)
        app = app_of(backend, web)
        wait_for(lambda: ask(app, "/host/b/api/alerts", authorization=BEARER).status == 200)
        wait_for(lambda: mute(app, "/host/b") == 200)
        reader = ActionReader(host.push_reader(store), monitor)

        def is_muted() -> bool:
            reader.read(store.newest().time_ms)
            rows = ask(app, "/host/b/api/alerts", authorization=BEARER).json["thresholds"]
            return any("mute" in row for row in rows)

        wait_for(is_muted)
        (mute_of_host,) = store.alert_controls().mutes.values()
        assert mute_of_host.until is not None
        assert abs(mute_of_host.until - now - 86_400) < 1800
        # A comparison of hosts has no rules of its own.
        assert mute(app, "/host/a,b") == 403
