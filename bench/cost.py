"""What processes cost: CPU seconds to the nanosecond where the system tells, and memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

MB = 1e6


def cpu(processes: Iterable[psutil.Process]) -> float:
    """Seconds of CPU (user and system) that these have used, their ended threads included."""
    return sum(_cpu(process) for process in processes)


def _cpu(process: psutil.Process) -> float:
    if sys.platform == "linux":
        # psutil reads hundredths of a second, more than a lone viewer costs in as long as we look. The
        # kernel's clock of a process counts nanoseconds; this is its number (clock_getcpuclockid(3)).
        return time.clock_gettime((~process.pid << 3) | 2)
    times = process.cpu_times()
    return times.user + times.system


@dataclass(frozen=True)
class Memory:
    """Megabytes of one or more processes. `whole` counts a page that two of them share once only."""

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
