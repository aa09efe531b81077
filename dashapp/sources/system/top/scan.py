"""One scan of all processes: the name, CPU time and memory of each.

On Linux it reads /proc/PID/stat itself, once per process, because psutil takes ten times as long.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from dashapp.model.top import MAX_NAME_CHARS
from dashapp.sources.system.cpu import CpuCounts, ProcStat, PsutilCpu
from dashapp.sources.system.psutil_safe import as_list, call_or_none, finite_field

# The text for a process whose name is empty.
NO_NAME = "(no name)"
# Processes between two pauses, and seconds of a pause: a scan of thousands must not occupy the interpreter.
SLICE_PROCESSES, PAUSE_S = 250, 0.002
# The flag PF_KTHREAD of include/linux/sched.h.
KERNEL_THREAD_FLAG = 0x00200000
# Bytes of /proc/PID/stat: 52 numbers and a name.
STAT_BYTES = 1200
# Errors of start times: the kernel counts hundredths of a second, and psutil knows its start to a second.
JIFFIES_ERROR_S, PSUTIL_ERROR_S = 0.02, 2.0
# Names in the cache of decoded ones.
MAX_CACHED_NAMES = 5000


# A process: its name, its CPU time in the unit of the scan, and its resident bytes. A plain tuple, because a
# named one takes three times as long to make.
ProcessUsage = tuple[str, float, int]


@dataclass(frozen=True, slots=True)
class Scan:
    """All processes by PID and start time, because a PID can come again.

    `now` is the start of the scan in the unit and from the origin of the start times. `machine` has the CPU
    time of the whole machine, or nothing. `units_per_s`: units of CPU time per second. `start_error_s`: the
    error of a start time. `shared` returns the bytes that a process may share with others.
    """

    processes: Mapping[tuple[int, float], ProcessUsage]
    now: float
    machine: CpuCounts
    units_per_s: float
    start_error_s: float
    shared: Callable[[int], int] = field(default=lambda _pid: 0)


class Scanner(Protocol):
    def __call__(self) -> Scan:
        """Return a scan. Raises OSError if the list of processes cannot be read."""


def process_scanner(proc: str = "/proc") -> Scanner:
    """Return the scanner of this platform."""
    return ProcScanner(proc) if Path(proc, "stat").exists() else PsutilScanner()


def clean_name(name: bytes | str) -> str:
    """Return a process's name as one printable line.

    >>> clean_name(b"a b)\\xff\\n"), clean_name(b"")
    ('a b)\ufffd\ufffd', '(no name)')
    """
    text = name.decode(errors="replace") if isinstance(name, bytes) else name
    if not text.isprintable():
        text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return text.strip()[:MAX_NAME_CHARS] or NO_NAME


class ProcScanner:
    """Linux: reads `proc`. `uptime` returns the seconds since the start of the machine."""

    def __init__(
        self,
        proc: str = "/proc",
        uptime: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._proc = proc
        self._uptime = uptime
        self._pause = pause
        self._stat = ProcStat(proc)
        self._names: dict[bytes, str] = {}
        self._jiffies_per_s = os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")

    def __call__(self) -> Scan:
        now = self._uptime() * self._jiffies_per_s
        try:
            machine = self._stat()
        except OSError:
            machine = CpuCounts({}, True, {})
        processes = self._read_processes()
        return Scan(processes, now, machine, self._jiffies_per_s, JIFFIES_ERROR_S, self._shared_bytes)

    def _read_processes(self) -> dict[tuple[int, float], ProcessUsage]:
        # Each microsecond counts here: this loop is the cost of a scan.
        proc, page_bytes, names = self._proc, self._page_bytes, self._names
        open_file, read, close, flags = os.open, os.read, os.close, os.O_RDONLY
        processes: dict[tuple[int, float], ProcessUsage] = {}
        pids = [name for name in os.listdir(proc) if name.isdecimal()]  # noqa: PTH208
        for number, pid in enumerate(pids, 1):
            if number % SLICE_PROCESSES == 0:
                self._pause(PAUSE_S)
            try:
                descriptor = open_file(f"{proc}/{pid}/stat", flags)
                try:
                    text = read(descriptor, STAT_BYTES)
                finally:
                    close(descriptor)
                # A name can contain spaces and brackets, and the numbers after it cannot.
                end = text.rindex(b")")
                words = text[end + 2 :].split(None, 22)
                name = text[text.index(b"(") + 1 : end]
                memory = int(words[21]) * page_bytes
                if not memory and int(words[6]) & KERNEL_THREAD_FLAG:
                    # "kworker/3:1-events": the part after the slash names a core or a task.
                    name = name.partition(b"/")[0]
                key, cpu = (int(pid), int(words[19])), int(words[11]) + int(words[12])
            except (OSError, ValueError, IndexError):
                continue  # it has ended, or is another user's with hidepid
            processes[key] = (names.get(name) or self._decode(name), cpu, memory)
        return processes

    def _decode(self, name: bytes) -> str:
        if len(self._names) >= MAX_CACHED_NAMES:
            self._names.clear()
        self._names[name] = text = clean_name(name)
        return text

    def _shared_bytes(self, pid: int) -> int:
        """Return the resident bytes that a process may share with others; 0 if it has ended."""
        try:
            return int(_read_file(f"{self._proc}/{pid}/statm", 200).split()[2]) * self._page_bytes
        except (OSError, ValueError, IndexError):
            return 0


def _read_file(path: str, size: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


class PsutilScanner:
    """Other platforms. Times are in seconds, start times in epoch seconds."""

    def __init__(
        self,
        process_iter: Callable[[], Iterator[psutil.Process]] = psutil.process_iter,
        counts: Callable[[], CpuCounts] | None = None,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._process_iter = process_iter
        self._counts = counts or PsutilCpu()
        self._now = now
        self._pause = pause

    def __call__(self) -> Scan:
        now, machine = self._now(), self._counts()
        processes: dict[tuple[int, float], ProcessUsage] = {}
        for number, process in enumerate(as_list(call_or_none(lambda: list(self._process_iter()))), 1):
            if number % SLICE_PROCESSES == 0:
                self._pause(PAUSE_S)
            # It ended meanwhile, or another user's process is not readable.
            with suppress(psutil.Error, OSError), process.oneshot():
                times = process.cpu_times()
                user, system = finite_field(times, "user"), finite_field(times, "system")
                memory = finite_field(process.memory_info(), "rss")
                processes[(process.pid, process.create_time())] = (
                    clean_name(process.name()),
                    (user or 0.0) + (system or 0.0),
                    int(memory or 0),
                )
        return Scan(processes, now, machine, 1.0, PSUTIL_ERROR_S)
