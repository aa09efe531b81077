"""The number of processes and threads, and the uptime in whole seconds.

Names and command lines are private, so nothing reads them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence

import psutil

from dashapp.model.ticks import Metric
from dashapp.sources.system.procfs import ProcFile
from dashapp.sources.system.psutil_safe import PsutilCall, as_list, call_or_none

PROCESSES = Metric("processes.count", "Processes", "", "processes", 0.0)
THREADS = Metric("threads.count", "Threads", "", "processes", 0.0)


class ProcessSource:
    """Counts processes and threads in /proc; elsewhere psutil counts only the processes."""

    is_optional = True

    def __init__(
        self, proc: str = "/proc", pids: Callable[[], Sequence[int]] = lambda: psutil.pids()
    ) -> None:
        self._proc = proc
        self._load = ProcFile(f"{proc}/loadavg")
        self._pids = pids

    def read(self) -> Mapping[Metric, float]:
        """Return the counts; in a container the threads are those of the whole machine."""
        values: dict[Metric, float] = {}
        try:
            # The fourth word is "running/all" and counts threads, which the kernel calls tasks.
            words = self._load.read().split()
            values[THREADS] = int(words[3].partition(b"/")[2])
            with os.scandir(self._proc) as entries:
                values[PROCESSES] = sum(entry.name.isdigit() for entry in entries)
        except (OSError, ValueError, IndexError):
            # At least this process exists, so 0 is no valid count.
            if count := sum(isinstance(pid, int) for pid in as_list(call_or_none(self._pids))):
                values[PROCESSES] = count
        return values


UPTIME = Metric("uptime.seconds", "Up", "s", "uptime", 0.0)


class UptimeSource:
    """Reads /proc/uptime, or else subtracts psutil's boot time from `now` (seconds UTC)."""

    is_optional = True

    def __init__(
        self,
        proc: str = "/proc",
        boot_time: PsutilCall = lambda: psutil.boot_time(),
        now: Callable[[], float] = time.time,
    ) -> None:
        self._file = ProcFile(f"{proc}/uptime")
        self._boot_time = boot_time
        self._now = now

    def read(self) -> Mapping[Metric, float]:
        try:
            seconds = float(self._file.read().split()[0])
        except (OSError, ValueError, IndexError):
            boot_time = call_or_none(self._boot_time)
            if not isinstance(boot_time, int | float):
                return {}
            seconds = self._now() - boot_time
        return {UPTIME: round(seconds)} if seconds >= 0 else {}
