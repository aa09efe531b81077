"""The process table over HTTP: only with processes=1, and only if the settings allow it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from bad_queries import BAD
from fake_processes import Fake, Machine
from waiting import PATIENCE_S
from wsgi_client import ask

from dashapp.api.endpoints import Api
from dashapp.api.process_table import CACHE_TTL_S, ProcessTable
from dashapp.config.settings import Settings, parse_settings
from dashapp.config.visibility import shows_processes
from dashapp.model.ticks import Tick
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.append(Tick(5, 1, {"a": 1}))
    return made


def test_ticks_endpoint_reads_processes_only_on_request(store: MemoryStore, machine: Machine) -> None:
    machine.run(Fake(1))
    api = Api(store, processes=machine.table)
    plain = ask(api, "/api/ticks?window=10").json
    more = ask(api, "/api/ticks?window=10&processes=1").json
    assert machine.readings == 2, "read for the one who asked"
    assert set(more) == {*plain, "processes"}
    assert more["processes"] == {
        "pid": [1],
        "name": ["p1"],
        "cpu": [None],  # the sample is shorter than a second
        "memory": [1000],
        "threads": [1],
        "time": 1_000_250,
    }
    assert "processes" in ask(api, "/api/ticks?from=1&to=6000&processes=1").json
    assert "processes" in ask(api, "/api/ticks?window=10&%70rocesses=1").json


def test_response_contains_newest_process_table_without_new_tick(
    store: MemoryStore, machine: Machine
) -> None:
    """No new tick has come between the two requests."""
    machine.run(Fake(1))
    api = Api(store, processes=machine.table)
    assert ask(api, "/api/ticks?window=10&processes=1").json["processes"]["pid"] == [1]
    machine.now += CACHE_TTL_S
    machine.run(Fake(2, created=machine.now))
    assert ask(api, "/api/ticks?window=10&processes=1").json["processes"]["pid"] == [2]


@pytest.mark.parametrize("value", ["0", "", "2", "true", "on", "1.0", "01", "x" * 500, "1&processes=1"])
@pytest.mark.parametrize("shown", [True, False])
def test_processes_parameter_rejects_values_other_than_1(
    store: MemoryStore, machine: Machine, value: str, shown: bool
) -> None:
    api = Api(store, processes=machine.table) if shown else Api(store)
    answer = ask(api, f"/api/ticks?window=10&processes={value}")
    assert (answer.status, set(answer.json)) == (400, {"error"})
    assert "processes" in answer.json["error"]
    assert len(answer.json["error"]) < 200


@pytest.mark.parametrize("query", [query for query in BAD if len(query) < 5000])
def test_invalid_query_is_rejected_with_processes(store: MemoryStore, machine: Machine, query: str) -> None:
    api = Api(store, processes=machine.table)
    assert ask(api, f"/api/ticks?processes=1&{query}").status == 400


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        ([], True),
        (["--host", "::1"], True),
        (["--public"], False),
        (["--public", "--host", "127.0.0.2"], False),
        (["--hosts", "mon.test"], False),
        (["--public", "--processes", "always"], True),
        (["--hosts", "mon.test", "--processes", "always"], True),
        (["--processes", "never"], False),
        (["--public", "--processes", "local"], False),
        (["--source", "none", "--source", "demo"], False),
        (["--source", "demo"], True),
    ],
)
def test_processes_are_shown_only_on_local_server_by_default(argv: list[str], shown: bool) -> None:
    assert shows_processes(parse_settings(argv, {})) is shown


LOCAL = Settings(store="memory:")
OFF = [
    (Settings(store="memory:", processes="never"), True),
    (Settings(store="memory:", public=True), False),
    (Settings(store="memory:", public=True, processes="never"), False),
    (Settings(store="memory:", public=True, host="127.0.0.2"), False),
    (Settings(store="memory:", hosts=("mon.test",)), False),
]
ON = [LOCAL, *(Settings(store="memory:", public=public, processes="always") for public in (True, False))]


@pytest.mark.parametrize(("settings", "hint"), OFF)
def test_request_for_disabled_processes_is_rejected(
    store: MemoryStore, settings: Settings, hint: bool
) -> None:
    app = create_app(store, settings)
    answer = ask(app, "/api/ticks?window=10&processes=1")
    assert (answer.status, set(answer.json)) == (400, {"error"})
    assert ("--processes" in answer.json["error"]) is hint
    assert ask(app, "/api/ticks?window=10").status == 200
    assert b'"data-processes":"off"' in ask(app, "/_dash-layout").body


@pytest.mark.parametrize("settings", ON)
def test_page_layout_enables_process_table(store: MemoryStore, settings: Settings) -> None:
    app = create_app(store, settings)
    body = ask(app, "/api/ticks?window=10&processes=1").json
    assert os.getpid() in body["processes"]["pid"]
    assert b'"data-processes":"on"' in ask(app, "/_dash-layout").body


def test_slow_process_reading_blocks_only_its_request(store: MemoryStore) -> None:
    """A reading that hangs blocks only the request that started it."""
    entered, go_on = Event(), Event()

    def hang() -> list[int]:
        entered.set()
        assert go_on.wait(PATIENCE_S)
        return []

    api = Api(store, processes=ProcessTable(hang))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, api, "/api/ticks?window=10&processes=1")
        assert entered.wait(PATIENCE_S)
        assert ask(api, "/api/ticks?window=10").status == 200
        # Another request for processes does not wait either: it gets null.
        assert ask(api, "/api/ticks?window=10&processes=1").json["processes"] is None
        go_on.set()
        assert slow.result(PATIENCE_S).json["processes"]["pid"] == []
