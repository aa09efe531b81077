"""How busy the CPUs are: in all, each core, and with what, in percent of the time since the last reading.

Reckoned from the kernel's own counters, because psutil's `cpu_percent` begins with a meaningless 0.0
and keeps its state by thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from dashapp.model.ticks import Metric
from dashapp.sources.rates import Rates
from dashapp.sources.system.cpu_counts import CpuCounts, cpu_counts

TOTAL = Metric("cpu.percent", "CPU", "%", "cpu", 0.0, 100.0)
KINDS = {
    kind: Metric(f"cpu.{kind}", label, "%", "cpukinds", 0.0, 100.0)
    for kind, label in {
        "user": "User",
        "system": "System",
        "iowait": "Waiting for disks",
        "steal": "Stolen by the host",
        "irq": "Interrupts",
        "nice": "Nice",
    }.items()
}
WORK = {
    "switches": Metric("cpu.switches", "Context switches", "1/s", "kernel", 0.0),
    "interrupts": Metric("cpu.interrupts", "Interrupts", "1/s", "kernel", 0.0),
}


def core(number: int) -> Metric:
    return Metric(f"cpu.core{number}.percent", f"Core {number}", "%", "cores", 0.0, 100.0)


class CpuSource:
    """`counts` reads the counters; where it fails, so does the source."""

    def __init__(
        self,
        counts: Callable[[], CpuCounts] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counts = counts or cpu_counts()
        self._cores: dict[int, Metric] = {}
        self._work: Rates[str] = Rates(clock)
        self._before = self._counts()
        self._work.per_second(self._before.work)

    def read(self) -> Mapping[Metric, float]:
        """No CPU value where no time has passed on any core. A core just plugged in is left out once."""
        now, before = self._counts(), self._before
        self._before = now
        values = self._shares(now, before)
        for name, rate in self._work.per_second(now.work).items():
            values[WORK[name]] = round(rate)
        return values

    def _shares(self, now: CpuCounts, before: CpuCounts) -> dict[Metric, float]:
        if not now.numbered and len(now.cores) != len(before.cores):
            return {}
        cores: dict[Metric, float] = {}
        spent_of_all: dict[str, float] = {}
        for number, times in now.cores.items():
            spent = _spent(times, before.cores.get(number))
            total = sum(spent.values())
            if total > 0:
                for kind, share in spent.items():
                    spent_of_all[kind] = spent_of_all.get(kind, 0) + share
                metric = self._cores.setdefault(number, core(number))
                cores[metric] = round(100 * _busy(spent, total) / total, 1)
        total = sum(spent_of_all.values())
        if total <= 0:
            return {}
        values = {TOTAL: round(100 * _busy(spent_of_all, total) / total, 1)}
        for kind, metric in KINDS.items():
            if kind in spent_of_all:
                values[metric] = round(100 * spent_of_all[kind] / total, 1)
        return values | cores


def _spent(new: Mapping[str, float], old: Mapping[str, float] | None) -> dict[str, float]:
    """Time by kind between two readings of a core; nothing where a counter stepped back.

    After a suspend Linux sets idle back, and what is left then looks like 100 % (psutil#2172).
    Only iowait steps back by itself, being unreliable (proc_stat(5)): it is taken as standing still.
    """
    if old is None:
        return {}
    spent = {kind: count - old.get(kind, count) for kind, count in new.items()}
    if spent.get("iowait", 0) < 0:
        spent["iowait"] = 0
    return spent if min(spent.values(), default=0) >= 0 else {}


def _busy(spent: Mapping[str, float], total: float) -> float:
    return total - spent.get("idle", 0) - spent.get("iowait", 0)
