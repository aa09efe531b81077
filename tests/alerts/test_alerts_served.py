"""Alerts in the API and on the page, with a store in memory and in a running server."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from processes import Dashapp, dashapp
from waiting import wait_for
from wsgi_client import ask

from dashapp.alerts.monitor import AlertMonitor
from dashapp.api.endpoints import Api
from dashapp.config.settings import Settings
from dashapp.model.thresholds import Threshold
from dashapp.model.ticks import Tick
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

HOT = Threshold("cpu.percent", ">", 90)


def now() -> int:
    return int(time.time())


def test_ticks_endpoint_lists_firing_alerts_until_resolved() -> None:
    store = MemoryStore()
    watch, api = AlertMonitor([HOT, Threshold("b", ">", 1)], store), Api(store)

    def answer(at: int, value: float) -> dict[str, object]:
        tick = Tick(at, 1, {"cpu.percent": value})
        store.append(tick)
        watch.observe(tick)
        body: dict[str, object] = ask(api, "/api/ticks").json
        return body

    start = now()
    assert "broken" not in answer(start, 5)
    for at in (1, 2):
        assert answer(start + at, 95)["broken"] == [
            {"metric": "cpu.percent", "text": "cpu.percent > 90", "since": 1000 * (start + 1)}
        ]
    assert "broken" not in answer(start + 3, 5)


def test_ticks_endpoint_shows_late_alert_in_next_response() -> None:
    """The store gets a tick before its alerts: a cached response may show them one tick late."""
    store = MemoryStore()
    watch, api = AlertMonitor([HOT], store), Api(store)
    tick = Tick(now(), 1, {"cpu.percent": 95})
    store.append(tick)
    ask(api, "/api/ticks")
    watch.observe(tick)
    store.append(Tick(now() + 1, 1, {"cpu.percent": 95}))
    assert ask(api, "/api/ticks").json["broken"]


def test_alerts_endpoint_lists_thresholds_in_any_state() -> None:
    store = MemoryStore()
    assert ask(Api(store), "/api/alerts").json == {"thresholds": [], "log": [], "actions": []}
    AlertMonitor([HOT, Threshold("b", "<=", 1.5e9, 90)], store).observe(Tick(1000.5, 1, {"cpu.percent": 95}))
    assert ask(Api(store), "/api/alerts").json == {
        "thresholds": [
            {
                "text": "cpu.percent > 90",
                "metric": "cpu.percent",
                "op": ">",
                "limit": 90.0,
                "for": 0.0,
                "level": "warning",
                "origin": "settings",
                "repeat": 0.0,
                "except": [],
                "state": "broken",
                "since": 1_000_500,
            },
            {
                "text": "b <= 1.5G for 90s",
                "metric": "b",
                "op": "<=",
                "limit": 1.5e9,
                "for": 90.0,
                "level": "warning",
                "origin": "settings",
                "repeat": 0.0,
                "except": [],
                # The metric never had a value, which does not make it ok.
                "state": "unknown",
                "since": None,
            },
        ],
        "log": [
            {
                "number": 1,
                "text": "cpu.percent > 90",
                "metric": "cpu.percent",
                "state": "broken",
                "time": 1_000_500,
                "value": 95.0,
                "sent": None,
            }
        ],
        "actions": [],
    }


def on_page(store: MemoryStore) -> object:
    layout = ask(create_app(store, Settings(store="memory:")), "/_dash-layout").json
    return json.loads(layout["props"]["data-thresholds"])


def test_page_layout_contains_threshold_limits() -> None:
    store = MemoryStore()
    assert on_page(store) == []
    AlertMonitor([Threshold('<i>"', ">", 90, 5)], store)
    assert on_page(store) == [
        {"metric": '<i>"', "op": ">", "limit": 90.0, "text": '<i>" > 90 for 5s', "level": "warning"}
    ]


def broken(app: Dashapp) -> list[dict[str, object]]:
    found: list[dict[str, object]] = app.ticks().get("broken", [])
    return found


def states(app: Dashapp) -> list[tuple[str, int | None]]:
    found = json.loads(app.get("/api/alerts")[1])["thresholds"]
    return [(each["state"], each["since"]) for each in found]


@pytest.mark.parametrize("store", ["data", "memory:"])
def test_alert_fires_on_real_machine_and_survives_collector_kill(tmp_path: Path, store: str) -> None:
    """The alert keeps its state and its start time when the collector is killed."""
    flags = ["--threshold", "memory.percent > 0.001", "--threshold=cpu.percent > 100 for 1h"]
    with dashapp(tmp_path, "--interval", "0.2", "--store", store, *flags) as app:
        app.serving()
        (found,) = wait_for(lambda: broken(app))
        assert (found["metric"], found["text"]) == ("memory.percent", "memory.percent > 0.001")
        since = found["since"]
        assert since in app.shown()
        page = json.loads(app.get("/_dash-layout")[1])["props"]
        limits = [each["limit"] for each in json.loads(page["data-thresholds"])]
        assert limits == [0.001, 100]
        # Until the newest tick has a value, and while the collector is late, the state is unknown.
        wait_for(lambda: states(app) == [("broken", since), ("ok", None)])
        if store == "data":
            app.child("collector").kill()
            app.moves()
            assert broken(app) == [found]
            assert len(app.ticks()["y"]["memory.percent"]) > 2


def test_threshold_from_variable_is_gone_after_restart_without_it(tmp_path: Path) -> None:
    text = "memory.percent > 0.001; swap.percent < 0;"
    with dashapp(tmp_path, "--interval", "0.2", env={"DASHAPP_THRESHOLD": text}) as app:
        app.serving()
        assert [each["text"] for each in wait_for(lambda: broken(app))] == ["memory.percent > 0.001"]
    with dashapp(tmp_path, "--interval", "0.2") as app:
        app.serving().moves()
        assert json.loads(app.get("/api/alerts")[1])["thresholds"] == []
        assert broken(app) == []
