"""What the kernel counts of its CPUs, core by core and kind by kind, and of its own work.

From /proc/stat where there is one, for it alone names the cores; from psutil elsewhere. Counts only:
shares and rates are the sources' work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

from dashapp.sources.system.procfs import ProcFile, number_after
from dashapp.sources.system.psutil_safe import Ask, ask, listed, number, numbers

# The order of a line in /proc/stat; guest time is left out, for user and nice hold it (proc_stat(5)).
ORDER = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


class CpuCounts(NamedTuple):
    """`cores`: time by kind by core; in which unit does not matter for a share.

    `numbered`: whether a core keeps its number when another goes. `work`: context switches and
    interrupts since the machine's start, those of them that the platform counts.
    """

    cores: Mapping[int, Mapping[str, float]]
    numbered: bool
    work: Mapping[str, float]


def cpu_counts(proc: str = "/proc") -> Callable[[], CpuCounts]:
    """The best reader for this platform."""
    return ProcStat(proc) if os.access(Path(proc, "stat"), os.R_OK) else PsutilCpu()


class ProcStat:
    """Linux: one reading of /proc/stat for all of it. OSError where it cannot be read."""

    def __init__(self, proc: str = "/proc") -> None:
        self._file = ProcFile(f"{proc}/stat")

    def __call__(self) -> CpuCounts:
        content = self._file.read()
        cores = {}
        # The cores come first. The line of interrupts that follows them has a number for each of thousands.
        for line in content[: content.find(b"\nintr ") + 1].split(b"\n"):
            name, _, rest = line.partition(b" ")
            if name.startswith(b"cpu") and name[3:].isdigit():
                times = dict(zip(ORDER, map(int, rest.split()), strict=False))
                times["irq"] = times.get("irq", 0) + times.pop("softirq", 0)
                cores[int(name[3:])] = times
        found = {"switches": number_after(b"ctxt ", content), "interrupts": number_after(b"intr ", content)}
        return CpuCounts(cores, True, {name: count for name, count in found.items() if count is not None})


class PsutilCpu:
    """Elsewhere. Cores are counted through, so that which of them went cannot be told."""

    def __init__(
        self,
        times: Ask = lambda: psutil.cpu_times(percpu=True),
        stats: Ask = lambda: psutil.cpu_stats(),
    ) -> None:
        self._times = times
        self._stats = stats

    def __call__(self) -> CpuCounts:
        cores = {}
        for core, answer in enumerate(listed(ask(self._times))):
            times = numbers(answer, "user", "nice", "system", "idle", "iowait", "steal")
            # Linux says irq and softirq, Windows interrupt and dpc.
            if irq := numbers(answer, "irq", "softirq", "interrupt", "dpc"):
                times["irq"] = sum(irq.values())
            if "idle" in times:
                cores[core] = times
        stats = ask(self._stats)
        found = {"switches": number(stats, "ctx_switches"), "interrupts": number(stats, "interrupts")}
        return CpuCounts(cores, False, {name: count for name, count in found.items() if count is not None})
