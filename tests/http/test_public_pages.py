"""A public page shows no mount point, no alert rule and no version, on any path."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from authenticated_app import guarded, sign_in
from csv_store import SPAN, START, seal
from fake_hosts import Fleet
from host_pages import served
from wsgi_client import Answer, ask

from dashapp import __version__
from dashapp.api.endpoints import Api
from dashapp.http.types import WSGIApp
from dashapp.model.events import GAP, USER, Event, EventLog
from dashapp.model.events import START as RESTART
from dashapp.model.panels import Panel
from dashapp.model.runs import Run
from dashapp.model.thresholds import AlertChange, AlertState, Threshold
from dashapp.model.ticks import Metric, Tick
from dashapp.model.top import AlertProcesses, TopEntry
from dashapp.query.public_reader import PublicReader, public_panels
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.documents import ALERT_PROCESSES, EVENTS, RUNS
from dashapp.stores.history.archive import Retention
from dashapp.stores.memory import MemoryStore

ROOT = Metric("filesystem.root.percent", "/", "%", "filesystem", 0, 100)
PLAN = Metric("filesystem.srv-plan.percent", "/srv/plan", "%", "filesystem", 0, 100)
HOME = Metric("filesystem.home.percent", "/home", "%", "filesystem", 0, 100)
CPU = Metric("cpu.percent", "CPU", "%", "cpu", 0, 100)
RULE = Threshold.parse("cpu.percent > 47.11 for 30s")
SECRETS = ("srv", "plan", "47.11", "home", RULE.text, f'"{__version__}"')
VALUES = {ROOT.key: 10.0, PLAN.key: 20.5, HOME.key: 30.0, CPU.key: 99.0}

PATHS = ["/", "/_dash-layout", "/_dash-dependencies", "/metrics", "/healthz", "/readyz", "/nothing"]
PATHS += ["/api/openapi.json", "/api/metrics", "/api/alerts", "/api/csv", "/api/csv?panel=filesystem"]
PATHS += [
    "/api/events",
    "/api/runs",
    "/api/top",
    "/api/forecast",
    "/api/ticks?processes=1",
    "/api/ticks?curves=1",
]
PATHS += ["/chart/cpu.percent", "/chart/filesystem.*", "/chart/filesystem.xrv-pxan.percent"]
PATHS += ["/api/badge/cpu.percent.svg", "/api/badge/filesystem.xrv-pxan.percent.svg"]
PATHS += [f"/api/{path}" for path in ("ticks", "ticks?window=60", "frames?q=window%3D60&q=like%3D*")]
PATHS += ["/api/ticks?from=1", "/api/ticks?like=filesystem.*", f"/api/ticks?metrics={CPU.key}", "/api/hosts"]


def fill(store: Any, ticks: int = 20) -> Any:
    """Describe metrics with mount points, a firing alert with its processes, events, and a run."""
    now = int(time.time())
    marks = [
        Event(1000 * now - 9000, "deploy of plan", USER, 1),
        Event(1000 * now - 8000, "The host name changed from plan-a to plan-b", RESTART, 2),
        Event(1000 * now - 7000, "No data for 20 s: the machine was off", GAP, 3),
    ]
    store.write_document(EVENTS, EventLog(tuple(marks), "plan-boot", "plan-b"))
    store.write_document(RUNS, [Run("a", "a", "A", "running", now - 9.0, config={"data": "/srv/plan"})])
    planner = AlertProcesses(1000 * now - 5000, "cpu", [TopEntry("planner", 90.0, 1)])
    store.write_document(ALERT_PROCESSES, {1: planner})
    store.describe([ROOT, PLAN, HOME, CPU])
    store.set_thresholds([AlertState(RULE, True, now - 5.0)])
    store.set_changes([AlertChange(number=1, threshold=RULE, firing=True, time=now - 5.0, value=99.0)])
    store.set_deliveries({"mailto://home": 1})
    for at in range(now - ticks + 1, now + 1):
        store.append(Tick(at, 1, VALUES))
    return store


def shown(answer: Answer) -> str:
    return f"{answer.headers} {answer.body.decode(errors='replace')}"


def assert_nothing_private(app: WSGIApp, path: str) -> None:
    found = shown(ask(app, path))
    assert not [secret for secret in SECRETS if secret in found], path


@pytest.mark.parametrize("flags", [("--public",), ("--hosts", "monitor.example")])
def test_public_app_shows_no_mount_point_rule_or_version(flags: tuple[str, ...]) -> None:
    app = guarded(*flags, password="", store=fill(MemoryStore()))
    for path in PATHS:
        assert_nothing_private(app, path)


def test_public_app_shows_gaps_and_runs() -> None:
    app = guarded("--public", password="", store=fill(MemoryStore()))
    assert [event["kind"] for event in ask(app, "/api/events").json] == [GAP]
    (run,) = ask(app, "/api/runs").json["runs"]
    assert (run["title"], run["config"]) == ("A", {})


def test_public_app_hides_them_in_panels_of_settings() -> None:
    panels = 'name="x", metrics=["filesystem.srv-plan.percent", "cpu.percent"], right=["filesystem.srv*"]'
    app = guarded("--public", "--panel", panels, password="", store=fill(MemoryStore()))
    for path in ("/", "/_dash-layout", "/api/csv?panel=x"):
        assert_nothing_private(app, path)
    (panel,) = public_panels([Panel("x", "X", metrics=("filesystem.*", "a"), right=("filesystem.srv?plan",))])
    assert (panel.metrics, panel.right) == (("filesystem.*", "a"), ())


def test_public_pages_of_hosts_hide_them_too() -> None:
    fleet = Fleet()
    for name in ("a", "b"):
        machine = fleet.add(name, past=5)
        fill(machine.store)
    app = served(fleet, "a", public=True)
    for path in PATHS:
        for prefix in ("", "/host/a", "/host/b", "/host/a,b"):
            assert_nothing_private(app, prefix + path)


def test_page_with_password_shows_all_of_them() -> None:
    app = guarded("--public", store=fill(MemoryStore()))
    cookie = sign_in(app)
    found = " ".join(shown(ask(app, path, cookie=cookie)) for path in PATHS)
    assert not [secret for secret in SECRETS if secret not in found]


def test_public_values_are_those_of_the_file_systems() -> None:
    app = guarded("--public", password="", store=fill(MemoryStore()))
    disks = ["filesystem.disk1.percent", "filesystem.disk2.percent"]
    catalogue = {row["key"]: row["label"] for row in ask(app, "/api/metrics").json}
    assert catalogue == {ROOT.key: "/", disks[0]: "Disk 1", disks[1]: "Disk 2", CPU.key: "CPU"}
    for query in ("", "&like=filesystem.*", f"&metrics={','.join([ROOT.key, *disks])}"):
        columns = ask(app, f"/api/ticks?window=60{query}").json["y"]
        assert [columns[key][-1] for key in (ROOT.key, *disks)] == [10.0, 20.5, 30.0], query
    assert "filesystem" not in ask(app, f"/api/ticks?metrics={PLAN.key},{CPU.key}").body.decode()
    first, *rows = ask(app, "/api/csv?panel=filesystem").body.decode().split("\r\n")
    assert first == f"time,{ROOT.key},{disks[0]},{disks[1]}"
    assert rows[0].endswith(",10,20.5,30")


def test_public_history_has_public_names_in_every_level(tmp_path: Path) -> None:
    """A file system that is no longer in the catalogue has no name, and is left out."""
    gone = "filesystem.srv-gone.percent"
    ticks = [Tick(at, 1, {PLAN.key: 20.0, CPU.key: 1.0, gone: 5.0}) for at in range(START, START + 7 * SPAN)]
    seal(tmp_path, ticks, Retention())
    store = DiskStore(tmp_path)
    store.describe([CPU, PLAN])
    store.append(Tick(START + 7 * SPAN, 1, {PLAN.key: 20.0, CPU.key: 1.0}))
    store.close()
    api = Api(PublicReader(DiskReader(tmp_path)), max_window=86_400)
    for window in (100, 3600, 86_400):
        body = ask(api, f"/api/ticks?window={window}").json
        assert set(body["y"]) == {"filesystem.disk1.percent", CPU.key}
        assert set(body["y"]["filesystem.disk1.percent"]) <= {20.0, None}
    assert ask(api, "/api/csv?window=86400").body.startswith(b"time,cpu.percent,filesystem.disk1.percent\r\n")


def test_public_cursor_ends_when_names_change() -> None:
    """Otherwise the points of one disk would continue those of another."""
    store = fill(MemoryStore())
    reader = PublicReader(store)
    before = reader.newest()
    assert reader.snapshot().cursor == before
    store.describe([ROOT, HOME, PLAN, CPU])
    assert reader.newest().generation != before.generation
    store.describe([ROOT, CPU])
    assert reader.newest() == store.newest()
