"""Fake processes, the clock of their machine, and a process table that reads them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any

from dashapp.api.process_table import ProcessTable, Row


class Fake:
    """A fake process; a value that is an exception is raised when it is read."""

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
    """The processes and the time of a fake machine; `sleeps` runs while a reader sleeps."""

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
