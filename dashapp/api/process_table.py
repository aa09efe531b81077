"""The process table: the CPU and memory of each process, read only while viewers request it.

It has names and numbers only, never a command line, user, path or environment.
"""

from __future__ import annotations

import heapq
import os
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple, Protocol, TypeVar

import psutil

from dashapp.model.ticks import to_milliseconds
from dashapp.sources.spec import OWN_PROC

# All viewers share one reading for this many seconds.
CACHE_TTL_S = 3.0
# After this many seconds without a reading, the CPU use since then does not describe the present. The table
# then takes two readings that are SHORT_SAMPLE_S apart.
IDLE_AFTER_S, SHORT_SAMPLE_S = 15.0, 0.25
# The kernel counts CPU time in steps of 10 ms: in a shorter sample, no step does not mean 0 %.
MIN_SAMPLE_S = 1.0
# Error of a creation time in seconds: the kernel reports its own start in whole seconds.
CREATE_TIME_TOLERANCE_S = 2.0
# Rows of a table: half of them by CPU, half by memory.
MAX_ROWS = 300
# The kernel keeps 15 characters of a name. psutil completes a longer one from the command line, which a
# process can overwrite.
KERNEL_NAME_LENGTH = 15 if os.name == "posix" else 64

Value = TypeVar("Value")


class Process(Hashable, Protocol):
    """The used part of psutil.Process. Two are equal if their PID and creation time are."""

    @property
    def pid(self) -> int: ...
    def oneshot(self) -> AbstractContextManager[None]: ...
    def name(self) -> str: ...
    def cpu_times(self) -> Any: ...
    def memory_info(self) -> Any: ...
    def num_threads(self) -> int: ...
    def create_time(self) -> float: ...


class Row(NamedTuple):
    """`cpu` in percent of one core, `memory` in bytes; None if the system hides the value."""

    pid: int
    name: str
    cpu: float | None
    memory: int | None
    threads: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows of one reading, the busiest first; `time` in epoch milliseconds."""

    time: int
    rows: Sequence[Row]

    def columns(self) -> dict[str, Any]:
        """The JSON form: a list for each column, all of the same length, and the time."""
        return {name: [row[at] for row in self.rows] for at, name in enumerate(Row._fields)} | {
            "time": self.time
        }


def process_table(proc: str = OWN_PROC) -> ProcessTable:
    """Return a table of the processes in `proc`, the /proc of the machine."""
    if proc != OWN_PROC:
        # psutil reads it at each call, so this is for the whole process.
        psutil.PROCFS_PATH = proc
    return ProcessTable()


class ProcessTable:
    """Thread-safe: one thread at a time reads the processes, and the others do not wait for it."""

    def __init__(
        self,
        pids: Callable[[], Sequence[int]] = psutil.pids,
        process: Callable[[int], Process] = psutil.Process,
        steady: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pids, self._process = pids, process
        self._steady, self._wall, self._sleep = steady, wall, sleep
        self._reading = Lock()
        self._table: Table | None = None
        self._read_at = float("-inf")
        # The start of the previous reading by both clocks. For each process: when that reading reached it,
        # and its CPU seconds until then.
        self._began: tuple[float, float] | None = None
        self._before: dict[Process, tuple[float, float]] = {}
        self._most = 100.0 * (os.cpu_count() or 1)

    def newest(self) -> Table | None:
        """A reading of the last CACHE_TTL_S.

        While another thread reads, the previous table, or None if that is older than IDLE_AFTER_S.
        """
        if self._steady() - self._read_at < CACHE_TTL_S:
            return self._table
        if not self._reading.acquire(blocking=False):
            return self._table if self._steady() - self._read_at < IDLE_AFTER_S else None
        try:
            age = self._steady() - self._read_at
            if age >= CACHE_TTL_S:
                if age > IDLE_AFTER_S:
                    self._rows()
                    self._sleep(SHORT_SAMPLE_S)
                self._table = Table(to_milliseconds(self._wall()), _busiest_rows(self._rows()))
                self._read_at = self._steady()
            return self._table
        finally:
            self._reading.release()

    def _rows(self) -> list[Row]:
        """A row for every process."""
        rows, now = [], {}
        began = (self._steady(), self._wall())
        for pid in self._pids():
            try:
                # A new object each time: a cached one would describe a later process with the same PID.
                process = self._process(pid)
                with process.oneshot():
                    # The name comes from the same file as the times, which is read once.
                    read_at = self._steady()
                    name = process.name()[:KERNEL_NAME_LENGTH]
                    times = _value_or_none(process.cpu_times)
                    memory = _value_or_none(process.memory_info)
                    threads = _value_or_none(process.num_threads)
                    cpu = None
                    if times is not None:
                        mark = (read_at, times.user + times.system)
                        cpu = self._cpu_percent(process, mark)
                        now[process] = mark
            except (psutil.Error, OSError):
                continue  # it ended meanwhile, is a zombie without a name, or is not readable
            rows.append(Row(pid, name, cpu, None if memory is None else int(memory.rss), threads))
        self._began, self._before = began, now
        return rows

    def _cpu_percent(self, process: Process, mark: tuple[float, float]) -> float | None:
        """Percent of one core since the previous reading; None if that does not show it."""
        before = self._before.get(process)
        if before is None:
            created = _value_or_none(process.create_time)
            if self._began is None or created is None or created < self._began[1] - CREATE_TIME_TOLERANCE_S:
                return None
            before = (self._began[0], 0.0)  # it started after that reading
        seconds = max(mark[0] - before[0], 1e-3)
        if mark[1] <= before[1] and seconds < MIN_SAMPLE_S:
            return None
        # The kernel's counter can step back by 10 ms; no process uses more than all cores.
        return round(min(max(100 * (mark[1] - before[1]) / seconds, 0.0), self._most), 1)


def _value_or_none(ask: Callable[[], Value]) -> Value | None:
    try:
        return ask()
    except psutil.AccessDenied:
        return None


def _busiest_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows with the most CPU and those with the most memory, sorted by CPU, then memory."""
    half = MAX_ROWS // 2
    largest = heapq.nlargest(half, rows, key=lambda row: row.memory or 0)
    busiest = heapq.nlargest(half, rows, key=_cpu_sort_key)
    return sorted({row.pid: row for row in (*busiest, *largest)}.values(), key=_cpu_sort_key, reverse=True)


def _cpu_sort_key(row: Row) -> tuple[float, int]:
    return row.cpu or 0.0, row.memory or 0
