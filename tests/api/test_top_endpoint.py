"""GET /api/top: processes at a moment, in a range and now, only if the settings show them."""

from __future__ import annotations

import json

import pytest
from wsgi_client import ask

from dashapp.api.endpoints import Api
from dashapp.api.top import NO_RECORD, SEVERAL_HOSTS
from dashapp.config.settings import Settings, parse_settings
from dashapp.model.thresholds import AlertChange, Threshold
from dashapp.model.ticks import Tick
from dashapp.model.top import AlertProcesses, TopEntry, TopRecord
from dashapp.query.public_reader import PublicReader
from dashapp.query.shared_view import SharedView, SharedViewReader
from dashapp.stores.base import Reader
from dashapp.stores.documents import ALERT_PROCESSES
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

NOW = 1_800_000_000
CPU = [TopEntry("ffmpeg", 61, 1), TopEntry("python", 22.25, 4)]
MEMORY = [TopEntry("java", 3_210_000_000, 2)]


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.append(Tick(NOW, 1, {"cpu.percent": 97}))
    for second in (-20, -10, 0):
        made.append_top(TopRecord(1000 * (NOW + second), 10, {"cpu": CPU, "memory": MEMORY}, 3.5))
    return made


def api(store: Reader) -> Api:
    return Api(store, top_error="", now=lambda: NOW + 4)


EXPECTED = {
    "span": 10,
    "cpu": [{"name": "ffmpeg", "percent": 61, "count": 1}, {"name": "python", "percent": 22.25, "count": 4}],
    "memory": [{"name": "java", "bytes": 3_210_000_000, "count": 2}],
    "unknown": 3.5,
}


@pytest.mark.parametrize(
    ("query", "end"),
    [("", 0), (f"?at={1000 * NOW}", 0), (f"?at={1000 * NOW - 12_500}", -10), (f"?at={1000 * NOW}.75", 0)],
)
def test_top_returns_the_record_of_a_moment(store: MemoryStore, query: str, end: int) -> None:
    answer = ask(api(store), f"/api/top{query}")
    assert (answer.status, answer.json) == (200, {"t": 1000 * (NOW + end), **EXPECTED})


def test_top_combines_the_records_of_a_range(store: MemoryStore) -> None:
    query = f"from={1000 * NOW - 25_000}&to={1000 * NOW - 5000}"
    assert ask(api(store), f"/api/top?{query}").json == {"t": 1000 * NOW - 5000, **EXPECTED, "span": 20}
    until_now = ask(api(store), f"/api/top?from={1000 * NOW - 25_000}").json
    assert (until_now["t"], until_now["span"]) == (1000 * NOW, 25)


@pytest.mark.parametrize(
    "query",
    [
        f"?at={1000 * NOW - 500_000}",
        f"?at={1000 * NOW + 500_000}",
        "?at=0",
        f"?from={1000 * NOW - 500_000}&to={1000 * NOW - 400_000}",
    ],
)
def test_top_says_that_a_moment_has_no_record(store: MemoryStore, query: str) -> None:
    answer = ask(api(store), f"/api/top{query}")
    assert answer.status == 200
    assert answer.json | {"t": 0} == {
        "t": 0,
        "span": 0,
        "cpu": [],
        "memory": [],
        "unknown": None,
        "message": NO_RECORD,
    }


def test_top_has_no_present_after_the_collector_stopped(store: MemoryStore) -> None:
    late = Api(store, top_error="", now=lambda: NOW + 60)
    assert ask(late, "/api/top").json["message"] == NO_RECORD


@pytest.mark.parametrize(
    "query",
    [
        *(
            "at=",
            "at=x",
            "at=-1",
            "at=1e15",
            "at=nan",
            "at=inf",
            "at=1&at=2",
            "at=1&from=1&to=2",
            "at=1&to=2",
        ),
        *("to=5", "from=9&to=5", "from=5&to=5", "from=x&to=5", f"from={10**14}", "window=100", "x=1"),
        *("at=1&" + "a=1&" * 40, "at=" + "1" * 9000),
    ],
)
def test_top_rejects_invalid_query(store: MemoryStore, query: str) -> None:
    answer = ask(api(store), f"/api/top?{query}")
    assert (answer.status, set(answer.json)) == (400, {"error"})
    assert len(answer.json["error"]) < 300


def test_top_shows_other_kinds_in_bytes(store: MemoryStore) -> None:
    store.append_top(TopRecord(1000 * NOW + 1000, 1, {"gpu": [TopEntry("python", 5e9, 1)]}, None))
    answer = ask(api(store), "/api/top").json
    assert answer["gpu"] == [{"name": "python", "bytes": 5e9, "count": 1}]
    assert (answer["cpu"], answer["memory"]) == ([], [])


SETTINGS = [
    (["--store", "memory:"], True),
    (["--store", "memory:", "--processes", "never"], False),
    (["--store", "memory:", "--public"], False),
    (["--store", "memory:", "--public", "--processes", "always"], True),
    (["--store", "memory:", "--hosts", "example.org"], False),
    (["--store", "memory:", "--source", "none", "--source", "demo"], False),
]


@pytest.mark.parametrize(("arguments", "is_shown"), SETTINGS)
def test_names_follow_the_rule_of_the_process_table(
    store: MemoryStore, arguments: list[str], is_shown: bool
) -> None:
    hot = Threshold.parse("cpu.percent > 90")
    store.set_changes([AlertChange(hot, True, NOW, 97, 1)])
    store.write_document(ALERT_PROCESSES, {1: AlertProcesses(1000 * NOW, "cpu", CPU)})
    app = create_app(store, parse_settings(arguments, {}))
    answer = ask(app, f"/api/top?at={1000 * NOW}")
    assert (answer.status == 200) == is_shown
    assert ("ffmpeg" in json.dumps(answer.json)) == is_shown
    is_public = "--public" in arguments
    assert ("ffmpeg" in ask(app, "/api/alerts").body.decode()) == (is_shown and not is_public)


def test_public_page_does_not_mention_the_flag(store: MemoryStore) -> None:
    app = create_app(store, parse_settings(["--store", "memory:", "--public"], {}))
    answer = ask(app, "/api/top")
    assert (answer.status, answer.json) == (400, {"error": "this server does not show processes"})


@pytest.mark.parametrize(
    "reader",
    [PublicReader(MemoryStore()), SharedViewReader(MemoryStore(), SharedView(("cpu",), 100))],
    ids=["public", "shared"],
)
def test_restricted_readers_have_no_records(reader: Reader) -> None:
    assert reader.top_levels() == ()
    assert reader.alert_processes() == {}


def test_comparison_of_hosts_says_that_it_has_no_processes(store: MemoryStore) -> None:
    assert ask(api(PublicReader(store)), "/api/top").json["message"] == SEVERAL_HOSTS


def test_alert_history_names_the_processes_of_its_own_change(store: MemoryStore) -> None:
    hot = Threshold.parse("cpu.percent > 90")
    store.set_changes(
        [AlertChange(hot, firing, NOW + number, 97, number) for number, firing in enumerate([True] * 3, 1)]
    )
    store.write_document(
        ALERT_PROCESSES,
        {
            1: AlertProcesses(1000 * (NOW + 1), "cpu", CPU),
            2: AlertProcesses(1000 * NOW, "cpu", CPU),  # of a change that a crash lost
            3: AlertProcesses(1000 * (NOW + 3), "memory", MEMORY),
        },
    )
    third, second, first = ask(api(store), "/api/alerts").json["log"]
    assert first["processes"] == EXPECTED["cpu"]
    assert "processes" not in second
    assert third["processes"] == EXPECTED["memory"]
    assert "processes" not in ask(Api(store), "/api/alerts").json["log"][0]


def test_recording_is_on_by_default_and_has_a_setting() -> None:
    assert Settings().process_history
    assert not parse_settings(["--no-process-history"], {}).process_history
    assert not parse_settings([], {"DASHAPP_PROCESS_HISTORY": "0"}).process_history
