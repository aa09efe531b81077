"""The process table: who uses this machine's CPU and memory, read only while somebody asks.

Names and numbers alone: no command line, user, path or environment is ever in it. Knows no HTTP and no store.
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

# Seconds that one reading serves all viewers.
CACHE_TTL_S = 3.0
# Seconds without a reading after which the CPU used since says little of now: measured over BLINK then.
IDLE_AFTER_S, SHORT_SAMPLE_S = 15.0, 0.25
# Seconds by which a time of creation may be wrong: the kernel tells that of its own start in whole ones.
CREATE_TIME_TOLERANCE_S = 2.0
# Rows of a table: half of them by CPU, half by memory.
MAX_ROWS = 300
# The kernel keeps 15 characters of a name. psutil completes a longer one from the command line, where a
# process may have written anything about itself.
KERNEL_NAME_LENGTH = 15 if os.name == "posix" else 64

Value = TypeVar("Value")


class Process(Hashable, Protocol):
    """What is asked of a psutil.Process. Two are equal where their PID and time of creation are."""

    @property
    def pid(self) -> int: ...
    def oneshot(self) -> AbstractContextManager[None]: ...
    def name(self) -> str: ...
    def cpu_times(self) -> Any: ...
    def memory_info(self) -> Any: ...
    def num_threads(self) -> int: ...
    def create_time(self) -> float: ...


class Row(NamedTuple):
    """`cpu` in percent of one core, `memory` in bytes; None for what the system does not tell us."""

    pid: int
    name: str
    cpu: float | None
    memory: int | None
    threads: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows of one instant, the busiest first; `time` in epoch milliseconds."""

    time: int
    rows: Sequence[Row]

    def columns(self) -> dict[str, Any]:
        """As they go on the wire: a list a column, all of one length, and the time."""
        return {name: [row[at] for row in self.rows] for at, name in enumerate(Row._fields)} | {
            "time": self.time
        }


class ProcessTable:
    """Any number of threads ask; one at a time reads, and nobody waits for it but who reads."""

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
        # When the reading before began, by both clocks; when it looked at each process, and the seconds of
        # CPU that this had used by then.
        self._began: tuple[float, float] | None = None
        self._before: dict[Process, tuple[float, float]] = {}
        self._most = 100.0 * (os.cpu_count() or 1)

    def newest(self) -> Table | None:
        """A reading that is FRESH; an older one, or None before the first, where another thread is at it."""
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
        """Every process there is."""
        rows, now = [], {}
        began = (self._steady(), self._wall())
        for pid in self._pids():
            try:
                # Anew for each: one that psutil keeps would pass for whoever has its PID today.
                process = self._process(pid)
                with process.oneshot():
                    name = process.name()[:KERNEL_NAME_LENGTH]
                    times = _value_or_none(process.cpu_times)
                    memory = _value_or_none(process.memory_info)
                    threads = _value_or_none(process.num_threads)
                    cpu = None
                    if times is not None:
                        mark = (self._steady(), times.user + times.system)
                        cpu = self._cpu_percent(process, mark)
                        now[process] = mark
            except (psutil.Error, OSError):
                continue  # gone while we looked, a zombie without a name, or nobody's business
            rows.append(Row(pid, name, cpu, None if memory is None else int(memory.rss), threads))
        self._began, self._before = began, now
        return rows

    def _cpu_percent(self, process: Process, mark: tuple[float, float]) -> float | None:
        """Percent of one core since the reading before; None where that did not see the process."""
        before = self._before.get(process)
        if before is None:
            created = _value_or_none(process.create_time)
            if self._began is None or created is None or created < self._began[1] - CREATE_TIME_TOLERANCE_S:
                return None
            before = (self._began[0], 0.0)  # it began since, and has used all its CPU since
        seconds = max(mark[0] - before[0], 1e-3)
        # A counter may step back by a hundredth of a second; no process uses more than the machine has.
        return round(min(max(100 * (mark[1] - before[1]) / seconds, 0.0), self._most), 1)


def _value_or_none(ask: Callable[[], Value]) -> Value | None:
    try:
        return ask()
    except psutil.AccessDenied:
        return None


def _busiest_rows(rows: Sequence[Row]) -> list[Row]:
    """The busiest and the largest, by CPU and then by memory."""
    half = MAX_ROWS // 2
    largest = heapq.nlargest(half, rows, key=lambda row: row.memory or 0)
    busiest = heapq.nlargest(half, rows, key=_cpu_sort_key)
    return sorted({row.pid: row for row in (*busiest, *largest)}.values(), key=_cpu_sort_key, reverse=True)


def _cpu_sort_key(row: Row) -> tuple[float, int]:
    return row.cpu or 0.0, row.memory or 0
