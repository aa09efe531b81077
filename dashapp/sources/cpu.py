"""How busy the CPUs are: in all and each core, in percent of the time since the last reading.

Reckoned from the kernel's own counters, because psutil's `cpu_percent` begins with a meaningless 0.0
and keeps its state by thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil

from dashapp.model import Metric

TOTAL = Metric("cpu.percent", "CPU", "%", "cpu", 0.0, 100.0)


def core(number: int) -> Metric:
    return Metric(f"cpu.core{number}.percent", f"Core {number}", "%", "cores", 0.0, 100.0)


class CpuSource:
    """`times` gives one reading a core, as `psutil.cpu_times(percpu=True)` does."""

    def __init__(self, times: Callable[[], Sequence[Any]] | None = None) -> None:
        self._times = times or (lambda: psutil.cpu_times(percpu=True))
        self._before = self._times()

    def read(self) -> Mapping[Metric, float]:
        """Empty where no time has passed on any core. A core that was just plugged in is left out once."""
        now, before = self._times(), self._before
        self._before = now
        values: dict[Metric, float] = {}
        busy_of_all = total_of_all = 0.0
        for number, (new, old) in enumerate(zip(now, before, strict=False)):
            busy, total = _spent(new, old)
            if total > 0:
                values[core(number)] = round(100 * busy / total, 1)
                busy_of_all += busy
                total_of_all += total
        if total_of_all > 0:
            return {TOTAL: round(100 * busy_of_all / total_of_all, 1), **values}
        return values


def _spent(new: Any, old: Any) -> tuple[float, float]:
    """Busy and all CPU seconds between two readings; a counter that stepped back counts as still.

    Idle and iowait are not busy; guest time is already within user and nice (proc_stat(5)).
    """
    idle = total = 0.0
    for field in new._fields:
        if field in ("guest", "guest_nice"):
            continue
        spent = max(0.0, getattr(new, field) - getattr(old, field))
        total += spent
        if field in ("idle", "iowait"):
            idle += spent
    return total - idle, total
