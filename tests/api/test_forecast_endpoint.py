"""/api/forecast: which metrics it has, its numbers, and how often it computes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from effort import calls_of
from fake_hosts import Clock, Fleet
from long_series import CPU, DAY, FILESYSTEM, HOUR, NOW, fill_days, rising
from overlay_of import overlay
from wsgi_client import ask

from dashapp.api.endpoints import Api
from dashapp.model.ticks import Metric, Tick
from dashapp.query.public_reader import PublicReader
from dashapp.query.shared_view import SharedView, SharedViewReader
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.memory import MemoryStore

PLAN = Metric("filesystem.srv-plan.percent", "/srv/plan", "%", "filesystem", 0.0, 100.0)
QUOTA = Metric("mail.quota", "Quota", "GB", "mail", 0.0, 50.0)
MEMORY = Metric("container.db.memory", "db", "B", "containermemory", 0.0, 1e9)


def values(time: float) -> Mapping[str, float]:
    rise = rising(4)(time)
    return {
        FILESYSTEM.key: rise,
        CPU.key: rise,
        QUOTA.key: rise / 2,
        MEMORY.key: 1e7 * rise,
        PLAN.key: 40.0,
    }


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DiskReader]:
    folder = tmp_path_factory.mktemp("store")
    fill_days(folder, values, 7.5, [CPU, FILESYSTEM, PLAN, QUOTA, MEMORY]).close()
    reader = DiskReader(folder)
    yield reader
    reader.close()


def test_forecast_endpoint_returns_the_metrics_that_fill_up(reader: DiskReader) -> None:
    rows = ask(Api(reader, now=lambda: NOW), "/api/forecast").json
    assert [(row["metric"], row["limit"]) for row in rows] == [
        (FILESYSTEM.key, 100),
        (QUOTA.key, 50),
        (MEMORY.key, 1e9),
    ]
    for row in rows:
        assert row["at"] == pytest.approx(1000 * (NOW + 5 * DAY), abs=60_000)
        assert row["earliest"] <= row["at"] <= row["latest"]
        assert row["slope_low"] <= row["slope"] <= row["slope_high"]
        value_at_end = row["start"] + row["slope"] * (row["at"] - row["since"]) / (1000 * DAY)
        assert value_at_end == pytest.approx(row["limit"])
    assert rows[0]["slope"] == pytest.approx(4)
    assert (rows[0]["label"], rows[0]["unit"]) == ("/", "%")


def test_forecast_endpoint_returns_the_requested_metrics(reader: DiskReader) -> None:
    api = Api(reader, now=lambda: NOW)
    assert [row["metric"] for row in ask(api, f"/api/forecast?metrics={QUOTA.key}").json] == [QUOTA.key]
    assert ask(api, f"/api/forecast?metrics={CPU.key}").json == []
    assert ask(api, "/api/forecast?metrics=nothing").json == {
        "error": '"nothing" is not a metric; see /api/metrics'
    }
    assert ask(api, "/api/forecast?from=1").json == {
        "error": '"from" is not a parameter; expected one of metrics'
    }


def test_forecast_endpoint_computes_once_an_hour(reader: DiskReader) -> None:
    now = NOW
    api = Api(reader, now=lambda: now)
    costs = []
    for seconds in (0, 60, 2000, HOUR):
        now = NOW + seconds
        costs.append(calls_of(lambda: ask(api, "/api/forecast")))
    assert max(costs[1:3]) < min(costs[0], costs[3]) / 3


def test_forecast_endpoint_computes_again_only_for_a_new_metric_that_fills_up() -> None:
    store = MemoryStore()
    for time in range(NOW - 3 * DAY, NOW + 1, 600):
        store.append(Tick(time, 600.0, {QUOTA.key: rising(4)(time) / 2}))
    api = Api(store, now=lambda: NOW)
    costs = []
    for number, metrics in enumerate(([QUOTA], [QUOTA, CPU], [QUOTA, CPU, MEMORY])):
        store.describe(metrics)
        store.append(Tick(NOW + 1 + number, 1.0, {}))
        costs.append(calls_of(lambda: ask(api, "/api/forecast")))
    assert costs[1] < min(costs[0], costs[2]) / 3


def test_forecast_endpoint_has_no_forecast_of_an_old_store(reader: DiskReader) -> None:
    assert ask(Api(reader, now=lambda: NOW + DAY), "/api/forecast").json == []
    assert ask(Api(reader, now=lambda: NOW - DAY / 2), "/api/forecast").status == 200


def test_forecast_endpoint_is_empty_without_history() -> None:
    assert ask(Api(MemoryStore(), now=lambda: NOW), "/api/forecast").json == []


def test_forecast_endpoint_has_public_names_without_a_login(reader: DiskReader) -> None:
    rows = ask(Api(PublicReader(reader), now=lambda: NOW), "/api/forecast").json
    assert [row["metric"] for row in rows] == [FILESYSTEM.key, QUOTA.key]


@pytest.mark.parametrize(("seconds", "found"), [(600, []), (8 * DAY, [FILESYSTEM.key])])
def test_forecast_endpoint_uses_only_the_history_of_a_shared_view(
    reader: DiskReader, seconds: float, found: list[str]
) -> None:
    view = SharedViewReader(reader, SharedView(("filesystem",), seconds))
    rows = ask(Api(view, now=lambda: NOW), "/api/forecast").json
    assert [row["metric"] for row in rows] == found


def test_forecast_endpoint_has_the_metrics_of_all_compared_hosts() -> None:
    clock = Clock()
    clock.now = NOW
    fleet = Fleet(clock)
    for number, name in enumerate(("a", "b")):
        machine = fleet.add(name, 0, 300.0)
        for time in range(NOW - 8 * DAY, NOW + 1, 300):
            value = rising(4 * number)(time)
            machine.store.append(Tick(time, 300.0, {"memory.percent": value, "cpu.percent": value}))
        machine.arrived_ms = 1000 * NOW
    rows = ask(Api(overlay(fleet), now=lambda: NOW), "/api/forecast").json
    assert [(row["metric"], row["label"]) for row in rows] == [("b/memory.percent", "b")]
