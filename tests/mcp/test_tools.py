"""Tools: right values in compact answers, limits, and one sentence for bad arguments."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_hosts import Fleet
from ports import free_port
from three_o_clock import NOW, fill

from dashapp.config.settings import parse_settings
from dashapp.mcp.hosts import NO_HOST, UNREADABLE, HostChoice
from dashapp.mcp.tools import TOOLS, Answers, call_tool
from dashapp.model.ticks import BadRequestError, BusyError, Metric, Tick
from dashapp.stores.base import Reader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.factory import DiskBackend, RedisBackend


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    store = DiskStore(folder)
    fill(store)
    store.close()
    return folder


def answers(folder: Path, now: float = NOW, shows_processes: bool = True) -> Answers:
    settings = parse_settings([f"--store={folder}"], {}, serving=False)
    return Answers(HostChoice(DiskBackend(settings, folder), "", lambda: now), shows_processes)


@pytest.fixture(scope="module")
def tools(folder: Path) -> Answers:
    return answers(folder)


def test_answers_begin_with_the_time_and_the_newest_point(tools: Answers) -> None:
    answer = call_tool(tools, "list_metrics", {})
    assert answer["now"] == "2026-11-28T15:30:00+01:00 (Sat 28 Nov 2026 15:30:00 CET)"
    assert answer["newest"] == "2026-11-28T15:30:00+01:00"
    assert "note" not in answer


def test_answers_state_the_age_of_a_store_without_collector(folder: Path) -> None:
    later = answers(folder, NOW + 7200)
    old = "the newest point is 2 h old: no newer values have arrived"
    for name in ("list_metrics", "alerts", "list_hosts"):
        assert call_tool(later, name, {})["note"] == old
    earlier = answers(folder, NOW - 7200)
    note = "the newest point is 2 h in the future: a clock was wrong"
    assert call_tool(earlier, "list_metrics", {})["note"] == note


def test_answers_say_that_a_store_is_empty(tmp_path: Path) -> None:
    empty = answers(tmp_path)
    assert call_tool(empty, "list_metrics", {}) == {
        "now": "2026-11-28T14:30:00+00:00 (Sat 28 Nov 2026 14:30:00 UTC)",
        "note": f"the store {tmp_path}/ has no points yet",
        "columns": ["key", "title", "unit", "last"],
        "rows": [],
    }
    assert call_tool(empty, "alerts", {})["history"] == []
    assert call_tool(empty, "events", {})["rows"] == []
    assert "note_processes" in call_tool(empty, "top_processes", {})


def test_list_metrics_has_unit_title_last_value_and_limit(tools: Answers) -> None:
    answer = call_tool(tools, "list_metrics", {})
    assert answer["rows"] == [
        ["cpu.percent", "CPU", "%", 10],
        ["disk.read", "Read", "B/s", 3600],
        ["a,b", "Comma", "", None],
    ]
    assert call_tool(tools, "list_metrics", {"search": "READ disk"})["rows"] == [answer["rows"][1]]
    cut = call_tool(tools, "list_metrics", {"limit": 1})
    assert (len(cut["rows"]), cut["limit"]) == (1, "1 of 3 metrics; narrow the search")


def test_read_metrics_returns_ticks_of_a_short_range(tools: Answers) -> None:
    values = {"metrics": ["cpu.*", "disk.read"], "from": "15:00", "to": "15:00:04"}
    answer = call_tool(tools, "read_metrics", values)
    assert answer["columns"] == ["time", "cpu.percent", "disk.read"]
    assert answer["rows"] == [
        [f"2026-11-28T15:00:0{second}+01:00", 95, 1800 + second] for second in range(1, 5)
    ]
    assert answer["units"] == {"cpu.percent": "%", "disk.read": "B/s"}
    assert "step_s" not in answer


def test_read_metrics_downsamples_a_long_range_with_its_extremes(tools: Answers) -> None:
    values = {"metrics": "cpu.percent", "from": "-1h", "points": 12}
    answer = call_tool(tools, "read_metrics", values)
    assert answer["columns"] == ["time", "cpu.percent mean", "cpu.percent min", "cpu.percent max"]
    assert 6 <= len(answer["rows"]) <= 13
    assert max(row[3] for row in answer["rows"]) == 95
    assert answer["step_s"] >= 300
    assert answer["rows"][-1][0] == "2026-11-28T15:30:00+01:00"
    assert len(call_tool(tools, "read_metrics", {"metrics": "cpu.percent", "points": 200})["gaps"]) == 1


def test_answers_have_a_bounded_size(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    names = [f"{'n' * 180}{number}" for number in range(600)]
    store.describe([Metric(name, name, "%", "p") for name in names])
    for second in range(NOW - 2000, NOW):
        store.append(Tick(second, 1, dict.fromkeys(names[:20], 1 / 3)))
    store.append(Tick(NOW, 1, dict.fromkeys(names, 1 / 3)))
    store.close()
    many = answers(tmp_path)
    answer = call_tool(many, "read_metrics", {"metrics": [f"{'n' * 180}?"], "points": 200})
    assert len(json.dumps(answer)) < 40_000
    assert call_tool(many, "list_metrics", {})["limit"] == "100 of 600 metrics; narrow the search"
    with pytest.raises(BadRequestError, match="metrics matches 600 metrics; expected at most 200"):
        call_tool(many, "read_metrics", {"metrics": "*"})
    with pytest.raises(BadRequestError, match="metrics matches 600 metrics; expected at most 8"):
        call_tool(many, "extremes", {"metrics": "*"})


def test_extremes_name_value_time_and_processes(tools: Answers) -> None:
    values = {"metrics": ["cpu.percent"], "from": "14:55", "to": "15:10"}
    (found,) = call_tool(tools, "extremes", values)["extremes"]
    assert found["max"] == {
        "value": 95,
        "time": "2026-11-28T15:00:01+01:00",
        "processes": "cpu: ffmpeg 61 % (2 processes)",
    }
    assert found["min"]["value"] == 10
    assert found["mean"] == pytest.approx(10 + 85 * 10 / 900, abs=0.01)


def test_read_metrics_without_values_say_so(tools: Answers) -> None:
    values = {"metrics": ["cpu.percent"], "from": "2026-11-28T10:00", "to": "2026-11-28T11:00"}
    answer = call_tool(tools, "read_metrics", values)
    assert (answer["rows"], answer["without_values"]) == ([], ["cpu.percent"])
    gap = call_tool(tools, "read_metrics", {"metrics": "cpu.percent", "from": "14:46", "to": "14:49"})
    assert (gap["rows"], gap["without_values"]) == ([], ["cpu.percent"])


def test_extremes_without_values_say_so(tools: Answers) -> None:
    values = {"metrics": ["cpu.percent"], "from": "2026-11-28T10:00", "to": "2026-11-28T11:00"}
    assert call_tool(tools, "extremes", values)["extremes"] == [
        {"metric": "cpu.percent", "unit": "%", "note": "no values in this range"}
    ]


def test_alerts_are_those_that_fire_and_those_of_the_range(tools: Answers) -> None:
    answer = call_tool(tools, "alerts", {"from": "14:59", "to": "15:05"})
    assert answer["rules"] == 2
    assert answer["firing"] == [
        {"rule": "disk.read > 1", "since": "2026-11-28T15:00:00+01:00", "value": 3600}
    ]
    assert answer["history"] == [
        ["2026-11-28T15:00:05+01:00", "cpu.percent > 90 for 5s: firing, at 95 (ffmpeg 61 % (2 processes))"],
        ["2026-11-28T15:00:12+01:00", "cpu.percent > 90 for 5s: resolved, at 10"],
    ]
    assert call_tool(tools, "alerts", {"from": "15:05"})["history"] == []


def test_events_are_in_order_and_limited(tools: Answers) -> None:
    answer = call_tool(tools, "events", {"from": "14:59", "to": "15:05"})
    assert answer["rows"] == [
        ["2026-11-28T15:00:00+01:00", "user", "deploy 1.4"],
        ["2026-11-28T15:00:05+01:00", "alert", "cpu.percent > 90 for 5s: firing, at 95"],
        ["2026-11-28T15:00:12+01:00", "alert", "cpu.percent > 90 for 5s: resolved, at 10"],
    ]
    cut = call_tool(tools, "events", {"limit": 1})
    assert (cut["rows"], cut["limit"]) == ([answer["rows"][2]], "1 of 4 newest events; narrow the search")


def test_top_processes_of_a_moment_and_of_a_range(tools: Answers) -> None:
    moment = call_tool(tools, "top_processes", {"at": "15:00:05"})
    assert moment["cpu_percent"] == [["ffmpeg", 61, 2]]
    assert moment["memory_bytes"] == [["postgres", 2_000_000_000, 9]]
    assert (moment["until"], moment["covers_s"]) == ("2026-11-28T15:00:10+01:00", 10)
    whole = call_tool(tools, "top_processes", {"from": "15:00", "to": "15:01"})
    assert [row[0] for row in whole["cpu_percent"]] == ["idle", "ffmpeg"]
    assert call_tool(tools, "top_processes", {})["cpu_percent"] == [["idle", 61, 2]]


def test_names_of_processes_are_hidden_as_on_the_page(folder: Path) -> None:
    hidden = answers(folder, shows_processes=False)
    calls: dict[str, dict[str, Any]] = {
        "extremes": {"metrics": ["cpu.percent"], "from": "14:55", "to": "15:10"},
        "alerts": {},
        "events": {},
        "list_metrics": {},
    }
    for name, values in calls.items():
        assert "ffmpeg" not in json.dumps(call_tool(hidden, name, values))
    with pytest.raises(BadRequestError, match="the names of processes are not shown"):
        call_tool(hidden, "top_processes", {})


ERRORS: dict[str, tuple[str, dict[str, Any]]] = {
    '"nope" is not a tool; expected one of list_hosts, list_metrics, read_metrics, extremes, alerts, events, '
    "top_processes": ("nope", {}),
    'metrics is missing; expected a list of keys such as ["cpu.percent"]': ("read_metrics", {}),
    'metrics contains "cpu.percnt", which is no metric; did you mean cpu.percent?': (
        "extremes",
        {"metrics": ["cpu.percnt"]},
    ),
    'metrics contains "zzz*", which is no metric; list_metrics lists all': ("extremes", {"metrics": "zzz*"}),
    "metrics is 5; expected a list of keys such as cpu.percent": ("read_metrics", {"metrics": 5}),
    "metrics has 33 keys; expected at most 32": ("read_metrics", {"metrics": ["a"] * 33}),
    "metrics has 40 wildcards; expected at most 32": ("read_metrics", {"metrics": ["*" * 40]}),
    '"form" is not an argument; did you mean from?': ("events", {"form": "-1h"}),
    'host is "web-1"; leave it out: this store has one host': ("alerts", {"host": "web-1"}),
    "host is 5; expected text": ("alerts", {"host": 5}),
    "limit is 0; expected a whole number from 1 to 200": ("alerts", {"limit": 0}),
    "limit is true; expected a whole number from 1 to 200": ("alerts", {"limit": True}),
    'points is "9"; expected a whole number from 2 to 200': (
        "read_metrics",
        {"metrics": "cpu.percent", "points": "9"},
    ),
    'from is "then"; expected ISO 8601, -1h, 15:00, yesterday 15:00 or now': ("alerts", {"from": "then"}),
    "at cannot be combined with from and to": ("top_processes", {"at": "15:00", "from": "-1h"}),
}


@pytest.mark.parametrize("sentence", ERRORS, ids=lambda sentence: sentence[:40])
def test_bad_arguments_are_one_sentence(tools: Answers, sentence: str) -> None:
    name, values = ERRORS[sentence]
    with pytest.raises(BadRequestError) as failure:
        call_tool(tools, name, values)
    assert str(failure.value) == sentence


def test_tools_are_described_in_few_words() -> None:
    for tool in TOOLS.values():
        assert 0 < len(tool.description) <= 110
        assert set(tool.required) <= set(tool.parameters)
    assert sum(len(json.dumps([tool.description, tool.parameters])) for tool in TOOLS.values()) < 5000


def test_redis_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashapp.mcp.hosts.LOAD_TIMEOUT_S", 0.1)
    settings = parse_settings([f"--store=redis://127.0.0.1:{free_port()}"], {}, serving=False)
    dead = Answers(HostChoice(RedisBackend(settings), ""), shows_processes=True)
    with pytest.raises(BusyError) as failure:
        call_tool(dead, "list_metrics", {})
    assert str(failure.value) in (UNREADABLE, NO_HOST)


class SilentHost(Fleet):
    """The hosts of a store that does not answer for `b`."""

    def reader(self, name: str) -> Reader | None:
        return None if name == "b" else super().reader(name)


def test_list_hosts_shows_the_others_if_one_does_not_answer() -> None:
    fleet = SilentHost(lambda: NOW)
    for name in ("a", "b", "c"):
        fleet.add(name, 3)
    backend: Any = SimpleNamespace(hosts=lambda: fleet, label="redis")
    rows = call_tool(Answers(HostChoice(backend, "a", lambda: NOW), True), "list_hosts", {})["rows"]
    assert [(name, state) for name, _newest, state in rows] == [
        ("a", "live"),
        ("b", UNREADABLE),
        ("c", "live"),
    ]
