"""Cost of processes: CPU seconds, to the nanosecond if the system has them, and memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

MB = 1e6


def cpu(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU seconds (user and system) of processes, their ended threads included."""
    return sum(_cpu(process) for process in processes)


def _cpu(process: psutil.Process) -> float:
    if sys.platform == "linux":
        # psutil reads hundredths of a second, more than a single viewer costs in the time of a measurement.
        # The kernel's CPU clock of a process counts nanoseconds; this is its number (clock_getcpuclockid(3)).
        return time.clock_gettime((~process.pid << 3) | 2)
    times = process.cpu_times()
    return times.user + times.system


@dataclass(frozen=True)
class Memory:
    """Megabytes of one or more processes. `whole` counts a page that two of them share once."""

    rss: float
    uss: float
    whole: float


def memory(processes: Iterable[psutil.Process]) -> Memory:
    infos = [process.memory_full_info() for process in processes]
    uss = sum(info.uss for info in infos)
    return Memory(
        rss=sum(info.rss for info in infos) / MB,
        uss=uss / MB,
        whole=sum(getattr(info, "pss", info.rss) for info in infos) / MB,
    )
