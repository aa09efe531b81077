"""The process table: names and numbers, one reading for all, no impossible values."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

import psutil
import pytest
from fake_processes import Fake, Machine
from waiting import PATIENCE_S

from dashapp.api.process_table import (
    CACHE_TTL_S,
    IDLE_AFTER_S,
    MAX_ROWS,
    SHORT_SAMPLE_S,
    ProcessTable,
    Row,
    Table,
)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_first_reading_has_cpu_values_where_the_counter_moved(machine: Machine) -> None:
    """In a quarter of a second, a counter in steps of 10 ms that did not move does not mean 0 %."""
    machine.run(Fake(1, 50.0), Fake(2, 9.0))
    machine.sleeps = lambda: machine.run(Fake(1, 50.0), Fake(2, 9.2))
    rows = machine.rows()
    assert machine.slept == [SHORT_SAMPLE_S]
    assert [rows[pid].cpu for pid in (1, 2)] == [None, 80.0]
    assert rows[2] == Row(2, "p2", 80.0, 2000, 1)


def test_cpu_is_percent_of_one_core_since_previous_reading(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    machine = Machine()
    machine.run(Fake(1, 50.0), Fake(2, 9.0))
    machine.rows()
    machine.run(Fake(1, 51.0), Fake(2, 19.0))
    machine.now += 4
    rows = machine.rows()
    assert machine.slept == [SHORT_SAMPLE_S], "no second look where there was one"
    assert [rows[pid].cpu for pid in (1, 2)] == [25.0, 250.0]


@pytest.mark.parametrize(
    ("later", "readings"),
    [(CACHE_TTL_S - 0.1, 2), (CACHE_TTL_S, 3), (IDLE_AFTER_S, 3), (IDLE_AFTER_S + 1, 4)],
)
def test_process_table_is_cached_for_its_ttl(machine: Machine, later: float, readings: int) -> None:
    machine.run(Fake(1))
    first = machine.table.newest()
    machine.now += later
    again = machine.table.newest()
    assert machine.readings == readings
    assert (again is first) == (readings == 2)
    assert len(machine.slept) == (2 if readings == 4 else 1)


def test_process_table_does_not_block_during_reading(machine: Machine) -> None:
    """During a reading other threads do not wait.

    They get None before the first table, then the last table, and None if that is old.
    """
    machine.run(Fake(1))
    entered, go_on = Event(), Event()

    def slow() -> list[int]:
        entered.set()
        assert go_on.wait(PATIENCE_S)
        return [1]

    def beside(expected: Callable[[Table | None], bool]) -> Table | None:
        entered.clear()
        go_on.clear()
        reader = Thread(target=table.newest)
        reader.start()
        assert entered.wait(PATIENCE_S)
        with ThreadPoolExecutor(8) as pool:
            assert all(expected(each) for each in pool.map(lambda _: table.newest(), range(8)))
        go_on.set()
        reader.join(PATIENCE_S)
        return table.newest()

    table = ProcessTable(slow, machine.process, lambda: machine.now, lambda: machine.now, lambda _: None)
    first = beside(lambda found: found is None)
    assert first is not None
    machine.now += CACHE_TTL_S
    beside(lambda found: found is first)
    machine.now += IDLE_AFTER_S + 1
    beside(lambda found: found is None)


def test_process_table_reads_once_for_50_threads(machine: Machine) -> None:
    machine.run(Fake(1))
    machine.rows()
    machine.now += CACHE_TTL_S
    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(lambda _: machine.table.newest(), range(50)))
    assert machine.readings == 3


@pytest.mark.parametrize(
    "trouble", [psutil.NoSuchProcess(2), psutil.ZombieProcess(2), psutil.AccessDenied(2), OSError(24, "x")]
)
@pytest.mark.parametrize("what", ["process", "name"])
def test_unreadable_process_is_omitted(machine: Machine, trouble: Exception, what: str) -> None:
    machine.run(Fake(1), Fake(2, name=trouble) if what == "name" else Fake(2))
    if what == "process":
        machine.runs[2] = trouble
    assert list(machine.rows()) == [1]


@pytest.mark.parametrize(("what", "at"), [("cpu", 2), ("memory", 3), ("threads", 4)])
def test_denied_value_is_empty_in_row(machine: Machine, what: str, at: int) -> None:
    trouble: dict[str, Any] = {what: psutil.AccessDenied(2)}
    machine.run(Fake(1), Fake(2, **trouble))
    machine.rows()
    machine.now += 4
    row = machine.rows()[2]
    assert [place for place, cell in enumerate(row) if cell is None] == [at]


@pytest.mark.parametrize("what", ["cpu", "memory", "threads"])
def test_process_that_exits_during_reading_is_omitted(machine: Machine, what: str) -> None:
    trouble: dict[str, Any] = {what: psutil.NoSuchProcess(2)}
    machine.run(Fake(1), Fake(2, **trouble))
    assert list(machine.rows()) == [1]


@pytest.mark.parametrize("cpu", [0.0, 0.5, 400.0, 1e9])
@pytest.mark.parametrize("created", [0.0, 500.0, 1003.0])
def test_reused_pid_is_new_process(machine: Machine, cpu: float, created: float) -> None:
    """The share is never negative and never above all cores, for any counter values."""
    machine.run(Fake(7, 300.0, created=1.0))
    machine.rows()
    machine.now += 4
    machine.run(Fake(7, cpu, created=created))
    share = machine.rows()[7].cpu
    if created < 1000:
        assert share is None, "it was there before, and nobody saw it: nobody knows since when"
    else:
        assert share == min(round(100 * cpu / 4, 1), 100.0 * (os.cpu_count() or 1))


def test_cpu_of_new_process_counts_from_previous_reading(machine: Machine) -> None:
    machine.run(Fake(1))
    machine.rows()
    machine.now += 4
    machine.run(Fake(1), Fake(2, 1.0, created=machine.now - 2))
    assert machine.rows()[2].cpu == 25.0


def test_cpu_is_zero_when_counter_decreases(machine: Machine) -> None:
    machine.run(Fake(1, 5.0))
    machine.rows()
    machine.now += 4
    machine.run(Fake(1, 4.99))
    assert machine.rows()[1].cpu == 0.0


def test_process_table_has_busiest_and_largest_up_to_limit(machine: Machine) -> None:
    idle = [Fake(pid, 0.0) for pid in range(1, 2001)]
    machine.run(*idle)
    busy = {pid: Fake(pid, 0.25 * pid / 2000) for pid in range(1, 301)}
    machine.sleeps = lambda: machine.run(*(busy.get(each.pid, each) for each in idle))
    table = machine.table.newest()
    assert table is not None
    pids = [row.pid for row in table.rows]
    assert len(pids) == len(set(pids)) == MAX_ROWS
    assert pids[: MAX_ROWS // 2] == list(range(300, 150, -1)), "the busiest first"
    assert set(pids[MAX_ROWS // 2 :]) == set(range(1851, 2001)), "then the largest"
    columns = table.columns()
    assert set(columns) == {"pid", "name", "cpu", "memory", "threads", "time"}
    assert all(len(columns[name]) == MAX_ROWS for name in Row._fields)
