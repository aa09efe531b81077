"""The process table: names and numbers of what runs, one reading for all, and never anything else."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from processes import dashapp, wait_for
from test_api_bounds import BAD
from wsgi import ask

from dashapp.api import Api
from dashapp.app import create_app, shows_processes
from dashapp.config import Settings, parse
from dashapp.model import Tick
from dashapp.process_table import BLINK, FRESH, MOST, PAUSE, SHORT, ProcessTable, Row, Table
from dashapp.stores.memory import MemoryStore


class Fake:
    """A process that is made up; what is an exception is raised where it is asked for."""

    def __init__(self, pid: int, cpu: Any = 0.0, *, created: float = 0.0, **more: Any) -> None:
        self.pid = pid
        self._created = created
        self._told = {"name": f"p{pid}", "memory": pid * 1000, "threads": 1, "cpu": cpu, **more}

    def _tell(self, what: str) -> Any:
        if isinstance(self._told[what], Exception):
            raise self._told[what]
        return self._told[what]

    def oneshot(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def name(self) -> str:
        return str(self._tell("name"))

    def cpu_times(self) -> Any:
        return SimpleNamespace(user=self._tell("cpu"), system=0.0)

    def memory_info(self) -> Any:
        return SimpleNamespace(rss=self._tell("memory"))

    def num_threads(self) -> int:
        return int(self._tell("threads"))

    def create_time(self) -> float:
        return self._created

    def __hash__(self) -> int:
        return hash((self.pid, self._created))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fake) and (self.pid, self._created) == (other.pid, other._created)


class Machine:
    """What runs, as a test wants it, and the time; `sleeps` is what happens while a reader sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.runs: dict[int, Fake | Exception] = {}
        self.readings = 0
        self.slept: list[float] = []
        self.sleeps: Callable[[], None] = lambda: None
        self.table = ProcessTable(self.pids, self.process, lambda: self.now, lambda: self.now, self.sleep)

    def pids(self) -> list[int]:
        self.readings += 1
        return list(self.runs)

    def process(self, pid: int) -> Fake:
        found = self.runs[pid]
        if isinstance(found, Exception):
            raise found
        return found

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.sleeps()

    def run(self, *processes: Fake) -> None:
        self.runs = {each.pid: each for each in processes}

    def rows(self) -> dict[int, Row]:
        table = self.table.newest()
        assert table is not None
        return {row.pid: row for row in table.rows}


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_the_first_reading_is_a_real_one(machine: Machine) -> None:
    machine.run(Fake(1, 50.0), Fake(2, 9.0))
    machine.sleeps = lambda: machine.run(Fake(1, 50.0), Fake(2, 9.2))
    rows = machine.rows()
    assert machine.slept == [BLINK]
    assert [rows[pid].cpu for pid in (1, 2)] == [0.0, 80.0]
    assert rows[2] == Row(2, "p2", 80.0, 2000, 1)


def test_cpu_is_of_one_core_over_the_time_since_the_reading_before(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    machine = Machine()
    machine.run(Fake(1, 50.0), Fake(2, 9.0))
    machine.rows()
    machine.run(Fake(1, 51.0), Fake(2, 19.0))
    machine.now += 4
    rows = machine.rows()
    assert machine.slept == [BLINK], "no second look where there was one"
    assert [rows[pid].cpu for pid in (1, 2)] == [25.0, 250.0]


@pytest.mark.parametrize(("later", "readings"), [(FRESH - 0.1, 2), (FRESH, 3), (PAUSE, 3), (PAUSE + 1, 4)])
def test_one_reading_serves_all_for_a_while(machine: Machine, later: float, readings: int) -> None:
    machine.run(Fake(1))
    first = machine.table.newest()
    machine.now += later
    again = machine.table.newest()
    assert machine.readings == readings
    assert (again is first) == (readings == 2)
    assert len(machine.slept) == (2 if readings == 4 else 1)


def test_who_does_not_read_waits_for_nobody(machine: Machine) -> None:
    """While one thread is at it: none before the first reading, the last one after, none once it is old."""
    machine.run(Fake(1))
    entered, go_on = Event(), Event()

    def slow() -> list[int]:
        entered.set()
        assert go_on.wait(10)
        return [1]

    def beside(expected: Callable[[Table | None], bool]) -> Table | None:
        entered.clear()
        go_on.clear()
        reader = Thread(target=table.newest)
        reader.start()
        assert entered.wait(10)
        with ThreadPoolExecutor(8) as pool:
            assert all(expected(each) for each in pool.map(lambda _: table.newest(), range(8)))
        go_on.set()
        reader.join(10)
        return table.newest()

    table = ProcessTable(slow, machine.process, lambda: machine.now, lambda: machine.now, lambda _: None)
    first = beside(lambda found: found is None)
    assert first is not None
    machine.now += FRESH
    beside(lambda found: found is first)
    machine.now += PAUSE + 1
    beside(lambda found: found is None)


def test_fifty_threads_make_one_reading(machine: Machine) -> None:
    machine.run(Fake(1))
    machine.rows()
    machine.now += FRESH
    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(lambda _: machine.table.newest(), range(50)))
    assert machine.readings == 3


@pytest.mark.parametrize(
    "trouble", [psutil.NoSuchProcess(2), psutil.ZombieProcess(2), psutil.AccessDenied(2), OSError(24, "x")]
)
@pytest.mark.parametrize("what", ["process", "name"])
def test_what_vanishes_or_says_nothing_is_left_out(machine: Machine, trouble: Exception, what: str) -> None:
    machine.run(Fake(1), Fake(2, name=trouble) if what == "name" else Fake(2))
    if what == "process":
        machine.runs[2] = trouble
    assert list(machine.rows()) == [1]


@pytest.mark.parametrize(("what", "at"), [("cpu", 2), ("memory", 3), ("threads", 4)])
def test_what_is_denied_is_empty_and_the_rest_is_shown(machine: Machine, what: str, at: int) -> None:
    trouble: dict[str, Any] = {what: psutil.AccessDenied(2)}
    machine.run(Fake(1), Fake(2, **trouble))
    row = machine.rows()[2]
    assert [place for place, cell in enumerate(row) if cell is None] == [at]


@pytest.mark.parametrize("what", ["cpu", "memory", "threads"])
def test_what_vanishes_in_the_middle_is_left_out(machine: Machine, what: str) -> None:
    trouble: dict[str, Any] = {what: psutil.NoSuchProcess(2)}
    machine.run(Fake(1), Fake(2, **trouble))
    assert list(machine.rows()) == [1]


@pytest.mark.parametrize("cpu", [0.0, 0.5, 400.0, 1e9])
@pytest.mark.parametrize("created", [0.0, 500.0, 1003.0])
def test_a_pid_used_again_is_another_process(machine: Machine, cpu: float, created: float) -> None:
    """Never less than nothing, never more than there is, whatever the counters say."""
    machine.run(Fake(7, 300.0, created=1.0))
    machine.rows()
    machine.now += 4
    machine.run(Fake(7, cpu, created=created))
    share = machine.rows()[7].cpu
    if created < 1000:
        assert share is None, "it was there before, and nobody saw it: nobody knows since when"
    else:
        assert share == min(round(100 * cpu / 4, 1), 100.0 * (os.cpu_count() or 1))


def test_a_new_process_has_used_all_its_cpu_since(machine: Machine) -> None:
    machine.run(Fake(1))
    machine.rows()
    machine.now += 4
    machine.run(Fake(1), Fake(2, 1.0, created=machine.now - 2))
    assert machine.rows()[2].cpu == 25.0


def test_a_counter_that_steps_back_is_nothing(machine: Machine) -> None:
    machine.run(Fake(1, 5.0))
    machine.rows()
    machine.now += 4
    machine.run(Fake(1, 4.99))
    assert machine.rows()[1].cpu == 0.0


def test_the_largest_and_the_busiest_and_no_more(machine: Machine) -> None:
    idle = [Fake(pid, 0.0) for pid in range(1, 2001)]
    machine.run(*idle)
    busy = {pid: Fake(pid, 0.25 * pid / 2000) for pid in range(1, 301)}
    machine.sleeps = lambda: machine.run(*(busy.get(each.pid, each) for each in idle))
    table = machine.table.newest()
    assert table is not None
    pids = [row.pid for row in table.rows]
    assert len(pids) == len(set(pids)) == MOST
    assert pids[: MOST // 2] == list(range(300, 150, -1)), "the busiest first"
    assert set(pids[MOST // 2 :]) == set(range(1851, 2001)), "then the largest"
    columns = table.columns()
    assert set(columns) == {"pid", "name", "cpu", "memory", "threads", "time"}
    assert all(len(columns[name]) == MOST for name in Row._fields)


BURN = "import sys\nprint('on', flush=True)\nwhile True: pass"


@contextmanager
def child(*argv: str, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, **more)
    try:
        assert process.stdout is not None
        with closing(process.stdout) as said:
            assert said.readline()
            yield process
    finally:
        process.kill()
        process.wait()


def test_a_child_that_burns_a_core_is_found() -> None:
    """With what the kernel says that it got meanwhile: beside others that is less than a whole core."""
    with child(sys.executable, "-c", BURN) as process:
        watched = psutil.Process(process.pid)

        def told() -> Row | None:
            table = ProcessTable()
            before, start = watched.cpu_times().user, time.monotonic()
            found = table.newest()
            got = 100 * (watched.cpu_times().user - before) / (time.monotonic() - start)
            assert found is not None
            row = next(row for row in found.rows if row.pid == process.pid)
            assert row.cpu is not None
            # The kernel counts hundredths of a second, and who reads may be held up between two looks.
            return row if abs(row.cpu - got) < 0.2 * got and got > 30 else None

        row = wait_for(told, 30)
        assert row is not None
        assert (row.memory or 0) > 1e6
        assert row.threads == 1


def test_its_own_process_is_in_it() -> None:
    found = ProcessTable().newest()
    assert found is not None
    (row,) = [row for row in found.rows if row.pid == os.getpid()]
    assert row.memory == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)
    assert abs(found.time - time.time() * 1000) < 2000


# A name that fills what the kernel keeps, so that psutil would complete it; and a title that begins like it.
TITLED = """
import ctypes, sys
ctypes.CDLL(None).prctl(15, b"abcdefghijklmno", 0, 0, 0)
print("on", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl")
def test_no_command_line_or_environment_is_ever_shown(tmp_path: Path) -> None:
    env = {**os.environ, "TOKEN": "canary-in-the-environment"}
    argv = ["abcdefghijklmno --password=canary-in-the-title", "-c", TITLED, "canary-argument"]
    with (
        dashapp(tmp_path, env=env) as app,
        child(*argv, executable=sys.executable, env=env, cwd=tmp_path, stdin=subprocess.PIPE) as process,
    ):
        assert process.stdin is not None
        app.serving()

        def found() -> dict[str, Any] | None:
            status, body = app.get("/api/ticks?window=10&processes=1")
            assert status == 200
            assert b"canary" not in body
            assert str(tmp_path).encode() not in body
            answer: dict[str, Any] | None = json.loads(body)["processes"]
            return answer

        columns = wait_for(found)
        assert columns is not None
        assert set(columns) == {"pid", "name", "cpu", "memory", "threads", "time"}
        assert columns["name"][columns["pid"].index(process.pid)] == "abcdefghijklmno"
        assert max(map(len, columns["name"])) <= SHORT
        assert b"canary" not in app.get("/")[1] + app.get("/_dash-layout")[1]
        process.stdin.close()


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.append(Tick(5, 1, {"a": 1}))
    return made


def test_a_frame_is_as_ever_without_the_parameter(store: MemoryStore, machine: Machine) -> None:
    machine.run(Fake(1))
    api = Api(store, processes=machine.table)
    plain = ask(api, "/api/ticks?window=10").json
    more = ask(api, "/api/ticks?window=10&processes=1").json
    assert machine.readings == 2, "read for the one who asked"
    assert set(more) == {*plain, "processes"}
    assert more["processes"] == {
        "pid": [1],
        "name": ["p1"],
        "cpu": [0.0],
        "memory": [1000],
        "threads": [1],
        "time": 1_000_250,
    }
    assert "processes" in ask(api, "/api/ticks?from=1&to=6000&processes=1").json
    assert "processes" in ask(api, "/api/ticks?window=10&%70rocesses=1").json


def test_an_answer_has_the_newest_table(store: MemoryStore, machine: Machine) -> None:
    """Though no tick came since."""
    machine.run(Fake(1))
    api = Api(store, processes=machine.table)
    assert ask(api, "/api/ticks?window=10&processes=1").json["processes"]["pid"] == [1]
    machine.now += FRESH
    machine.run(Fake(2, created=machine.now))
    assert ask(api, "/api/ticks?window=10&processes=1").json["processes"]["pid"] == [2]


@pytest.mark.parametrize("value", ["0", "", "2", "true", "on", "1.0", "01", "x" * 500, "1&processes=1"])
@pytest.mark.parametrize("shown", [True, False])
def test_only_1_asks_for_them(store: MemoryStore, machine: Machine, value: str, shown: bool) -> None:
    api = Api(store, processes=machine.table) if shown else Api(store)
    answer = ask(api, f"/api/ticks?window=10&processes={value}")
    assert (answer.status, set(answer.json)) == (400, {"error"})
    assert "processes" in answer.json["error"]
    assert len(answer.json["error"]) < 200


@pytest.mark.parametrize("query", [query for query in BAD if len(query) < 5000])
def test_a_bad_question_stays_one(store: MemoryStore, machine: Machine, query: str) -> None:
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
def test_processes_are_shown_where_nobody_else_sees_them(argv: list[str], shown: bool) -> None:
    assert shows_processes(parse(argv, {})) is shown


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
def test_where_they_are_off_one_sentence_says_so(store: MemoryStore, settings: Settings, hint: bool) -> None:
    app = create_app(store, settings)
    answer = ask(app, "/api/ticks?window=10&processes=1")
    assert (answer.status, set(answer.json)) == (400, {"error"})
    assert ("--processes" in answer.json["error"]) is hint
    assert ask(app, "/api/ticks?window=10").status == 200
    assert b'"data-processes":"off"' in ask(app, "/_dash-layout").body


@pytest.mark.parametrize("settings", ON)
def test_where_they_are_on_the_page_is_told(store: MemoryStore, settings: Settings) -> None:
    app = create_app(store, settings)
    body = ask(app, "/api/ticks?window=10&processes=1").json
    assert os.getpid() in body["processes"]["pid"]
    assert b'"data-processes":"on"' in ask(app, "/_dash-layout").body


def test_who_does_not_ask_waits_for_no_reading(store: MemoryStore) -> None:
    """A reading that hangs holds up who asked for it, alone."""
    entered, go_on = Event(), Event()

    def hang() -> list[int]:
        entered.set()
        assert go_on.wait(20)
        return []

    api = Api(store, processes=ProcessTable(hang))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, api, "/api/ticks?window=10&processes=1")
        assert entered.wait(10)
        assert ask(api, "/api/ticks?window=10").status == 200
        # Not even who asks the same: it is told that there is nothing yet.
        assert ask(api, "/api/ticks?window=10&processes=1").json["processes"] is None
        go_on.set()
        assert slow.result(10).json["processes"]["pid"] == []
