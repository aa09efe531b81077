"""`/api/alerts`: the state of each threshold, and a limited log of changes."""

from __future__ import annotations

from typing import Any

import pytest
from fake_hosts import NOW
from wsgi_client import ask

from dashapp.api.endpoints import Api
from dashapp.model.thresholds import REMINDER, AlertChange, AlertState, Threshold
from dashapp.model.ticks import Tick
from dashapp.stores.memory import MemoryStore

HOT, ABSENT = Threshold.parse("cpu.percent > 90"), Threshold.parse("gone missing for 60s")


@pytest.fixture
def store() -> MemoryStore:
    found = MemoryStore()
    found.set_thresholds([AlertState(HOT), AlertState(ABSENT), AlertState(Threshold("b", ">", 1))])
    return found


def states(store: MemoryStore) -> list[str]:
    api = Api(store, now=lambda: NOW + 0.5)
    return [each["state"] for each in ask(api, "/api/alerts").json["thresholds"]]


def log(store: MemoryStore, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(Api(store), f"/api/alerts?{query}").json["log"]
    return found


def test_alert_state_is_unknown_without_value(store: MemoryStore) -> None:
    assert states(store) == ["unknown"] * 3
    store.append(Tick(NOW, 1, {"cpu.percent": 5}))
    assert states(store) == ["ok", "ok", "unknown"]
    store.set_thresholds([AlertState(HOT, False, 1000), AlertState(Threshold("b", ">", 1), True, 1000)])
    assert states(store) == ["ok", "broken"]


def test_alert_state_is_unknown_when_collector_is_down(store: MemoryStore) -> None:
    store.append(Tick(NOW - 60, 1, {"cpu.percent": 5, "b": 0}))
    assert states(store) == ["unknown"] * 3


def test_missing_data_threshold_has_no_limit(store: MemoryStore) -> None:
    found = ask(Api(store), "/api/alerts").json["thresholds"][1]
    assert (found["op"], found["limit"], found["for"]) == ("missing", None, 60.0)


def test_alert_log_is_newest_first_and_limited(store: MemoryStore) -> None:
    store.set_changes(
        [AlertChange(HOT, number % 2 == 1, 1000 + number, 95, number) for number in range(1, 700)]
    )
    assert [each["number"] for each in log(store)] == list(range(699, 599, -1))
    assert [each["number"] for each in log(store, "limit=2")] == [699, 698]
    assert len(log(store, "limit=500")) == 500
    assert {each["sent"] for each in log(store)} == {None}
    store.set_deliveries({"one": 699, "two": 697})
    assert [each["sent"] for each in log(store, "limit=3")] == [False, False, True]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=",
        "limit=x",
        "limit=1e2",
        "limit=٣",
        "limit=1&limit=2",
        "x=1",
    ],
)
def test_alerts_endpoint_rejects_invalid_query(store: MemoryStore, query: str) -> None:
    answer = ask(Api(store), f"/api/alerts?{query}")
    assert answer.status == 400
    assert answer.json["error"]


def test_ticks_endpoint_contains_number_of_last_change() -> None:
    store = MemoryStore()
    store.append(Tick(NOW, 1, {"cpu.percent": 5}))
    assert "changes" not in ask(Api(store), "/api/ticks").json
    store.set_changes([AlertChange(HOT, True, 1000, 95, 7)])
    assert ask(Api(store), "/api/ticks").json["changes"] == 7
    # A page requests the log until it has this number, and the log has no reminders.
    store.set_changes([*store.changes(), AlertChange(HOT, True, 5000, 95, 8, kind=REMINDER)])
    api = Api(store)
    assert ask(api, "/api/ticks").json["changes"] == ask(api, "/api/alerts").json["log"][0]["number"] == 7
