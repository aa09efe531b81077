"""CPU load in total, per core and by kind, and clock frequency.

Load is in percent of the time since the last reading. It comes from the kernel's counters, because psutil's
`cpu_percent` starts with a meaningless 0.0 and has state per thread. The counters come from /proc/stat if it
exists, because only that has the cores' numbers; otherwise from psutil.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

from dashapp.model.ticks import Metric
from dashapp.sources.rates import CounterRates
from dashapp.sources.system.container import GroupCpu
from dashapp.sources.system.procfs import ProcFile, number_after, whole_numbers
from dashapp.sources.system.psutil_safe import PsutilCall, as_list, call_or_none, finite_field, finite_fields

# The order of a line in /proc/stat. Guest time is omitted, because user and nice include it (proc_stat(5)).
STAT_FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


class CpuCounts(NamedTuple):
    """CPU time by kind and core, in any unit, and `work` since the start of the machine.

    `cores_are_numbered` is true if a core keeps its number when another is removed. `work` holds context
    switches and interrupts, if the platform counts them. `total` is the time of all cores, from a kernel
    that has no line for each.
    """

    cores: Mapping[int, Mapping[str, float]]
    cores_are_numbered: bool
    work: Mapping[str, float]
    total: Mapping[str, float] = {}


def cpu_counts(proc: str = "/proc") -> Callable[[], CpuCounts]:
    """Return the best reader for this platform."""
    return ProcStat(proc) if os.access(Path(proc, "stat"), os.R_OK) else PsutilCpu()


class ProcStat:
    """Linux: reads all counters from /proc/stat at once; OSError if that fails."""

    def __init__(self, proc: str = "/proc") -> None:
        self._file = ProcFile(f"{proc}/stat")

    def __call__(self) -> CpuCounts:
        content = self._file.read()
        cores: dict[int, Mapping[str, float]] = {}
        total: Mapping[str, float] = {}
        # The cores come first. The next line has thousands of numbers, one for each interrupt.
        for line in content.partition(b"\nintr ")[0].split(b"\n"):
            name, _, rest = line.partition(b" ")
            times = _parse_times(rest) if name.startswith(b"cpu") else {}
            if times and name == b"cpu":
                total = times
            elif times and name[3:].isdigit():
                cores[int(name[3:])] = times
        work = {"switches": number_after(b"ctxt ", content), "interrupts": number_after(b"intr ", content)}
        counts = {name: count for name, count in work.items() if count is not None}
        return CpuCounts(cores, True, counts, {} if cores else total)


def _parse_times(text: bytes) -> dict[str, float]:
    """Return the times of a line, or nothing without idle time: the rest would look like 100 %."""
    times: dict[str, float] = dict(zip(STAT_FIELDS, whole_numbers(text.split()), strict=False))
    if "idle" not in times:
        return {}
    times["irq"] = times.get("irq", 0) + times.pop("softirq", 0)
    return times


class PsutilCpu:
    """Other platforms; cores have no stable numbers, so a removed core is unknown."""

    def __init__(
        self,
        times: PsutilCall = lambda: psutil.cpu_times(percpu=True),
        stats: PsutilCall = lambda: psutil.cpu_stats(),
    ) -> None:
        self._times = times
        self._stats = stats

    def __call__(self) -> CpuCounts:
        cores = {}
        for core, result in enumerate(as_list(call_or_none(self._times))):
            times = finite_fields(result, "user", "nice", "system", "idle", "iowait", "steal")
            # The fields are irq and softirq on Linux, interrupt and dpc on Windows.
            if irq := finite_fields(result, "irq", "softirq", "interrupt", "dpc"):
                times["irq"] = sum(irq.values())
            if "idle" in times:
                cores[core] = times
        stats = call_or_none(self._stats)
        work = {
            "switches": finite_field(stats, "ctx_switches"),
            "interrupts": finite_field(stats, "interrupts"),
        }
        return CpuCounts(cores, False, {name: count for name, count in work.items() if count is not None})


TOTAL_METRIC = Metric("cpu.percent", "CPU", "%", "cpu", 0.0, 100.0)
KIND_METRICS = {
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
WORK_METRICS = {
    "switches": Metric("cpu.switches", "Context switches", "1/s", "kernel", 0.0),
    "interrupts": Metric("cpu.interrupts", "Interrupts", "1/s", "kernel", 0.0),
}


def core_metric(number: int) -> Metric:
    return Metric(f"cpu.core{number}.percent", f"Core {number}", "%", "cores", 0.0, 100.0)


# In place of TOTAL_METRIC on a machine whose counters do not work.
GROUP_METRIC = Metric("cpu.percent", "CPU of this container", "%", "cpu", 0.0, 100.0)
# Readings without a value after which the counters do not work.
MAX_EMPTY_READINGS = 3
NOT_AVAILABLE = (
    "CPU load is not available: the times in /proc/stat do not pass, and no control group counts CPU time; "
    "mount /sys/fs/cgroup, or run dashapp outside this sandbox"
)


class CpuSource:
    """Computes CPU load; `counts` reads the counters.

    If these never move, as in gVisor, the load is that of the control group. `group` reads it; without
    `counts` it is this process's.
    """

    name = "CPU"

    def __init__(
        self,
        counts: Callable[[], CpuCounts] | None = None,
        clock: Callable[[], float] = time.monotonic,
        group: GroupCpu | None = None,
    ) -> None:
        self.status_message = ""
        self._group = group or (GroupCpu() if counts is None else None)
        self._counts = counts or cpu_counts()
        self._cores: dict[int, Metric] = {}
        self._clock = clock
        self._work: CounterRates[str] = CounterRates()
        # Readings without a value before the first one with a value.
        self._empty_readings: int | None = 0
        read_at = clock()
        self._previous = self._read_counts()
        self._work.per_second(self._previous.work, read_at)

    def read(self) -> Mapping[Metric, float]:
        """Return the load since the last reading.

        If no time has passed on any core, there are no CPU values. A new core is omitted once.
        """
        read_at = self._clock()
        counts, previous = self._read_counts(), self._previous
        self._previous = counts
        values = self._compute_shares(counts, previous)
        if values:
            self._empty_readings, self.status_message = None, ""
        elif self._empty_readings is not None:
            values = self._read_group()
        for name, rate in self._work.per_second(counts.work, read_at).items():
            values[WORK_METRICS[name]] = round(rate)
        return values

    def _read_counts(self) -> CpuCounts:
        try:
            return self._counts()
        except OSError:
            return CpuCounts({}, True, {})

    def _read_group(self) -> dict[Metric, float]:
        assert self._empty_readings is not None
        self._empty_readings += 1
        percent = self._group.percent() if self._group else None
        if self._empty_readings < MAX_EMPTY_READINGS:
            return {}
        self.status_message = NOT_AVAILABLE if percent is None else ""
        return {} if percent is None else {GROUP_METRIC: percent}

    def _compute_shares(self, counts: CpuCounts, previous: CpuCounts) -> dict[Metric, float]:
        if not counts.cores_are_numbered and len(counts.cores) != len(previous.cores):
            return {}
        cores: dict[Metric, float] = {}
        total_deltas: dict[str, float] = {}
        for index, times in counts.cores.items():
            deltas = time_between(times, previous.cores.get(index))
            total = sum(deltas.values())
            if total > 0:
                for kind, share in deltas.items():
                    total_deltas[kind] = total_deltas.get(kind, 0) + share
                metric = self._cores.setdefault(index, core_metric(index))
                cores[metric] = round(100 * busy_time(deltas, total) / total, 1)
        if not counts.cores:
            total_deltas = time_between(counts.total, previous.total or None)
        total = sum(total_deltas.values())
        if total <= 0:
            return {}
        values = {TOTAL_METRIC: round(100 * busy_time(total_deltas, total) / total, 1)}
        for kind, metric in KIND_METRICS.items():
            if kind in total_deltas:
                values[metric] = round(100 * total_deltas[kind] / total, 1)
        return values | cores


def time_between(new: Mapping[str, float], old: Mapping[str, float] | None) -> dict[str, float]:
    """Return the time by kind between two readings of a core, or nothing after a reset.

    After a suspend Linux sets the idle counter back, and the rest would look like 100 % (psutil#2172). Only
    iowait is unreliable and goes back by itself (proc_stat(5)); it then counts as 0.
    """
    if old is None:
        return {}
    deltas = {kind: count - old.get(kind, count) for kind, count in new.items()}
    if deltas.get("iowait", 0) < 0:
        deltas["iowait"] = 0
    return deltas if min(deltas.values(), default=0) >= 0 else {}


def busy_time(deltas: Mapping[str, float], total: float) -> float:
    return total - deltas.get("idle", 0) - deltas.get("iowait", 0)


FREQUENCY_METRIC = Metric("cpu.frequency", "Frequency", "Hz", "frequency", 0.0)

_MEGAHERTZ = re.compile(rb"^cpu MHz\s*:\s*([0-9.]+)", re.MULTILINE)


class FrequencySource:
    """Reads the frequency from cpufreq if available, from /proc/cpuinfo or from psutil."""

    is_optional = True

    def __init__(
        self, proc: str = "/proc", sys: str = "/sys", frequency: PsutilCall = lambda: psutil.cpu_freq()
    ) -> None:
        cores = Path(sys, "devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq")
        self._frequency_files = [ProcFile(path) for path in sorted(cores)]
        self._info = ProcFile(f"{proc}/cpuinfo")
        self._frequency = frequency

    def read(self) -> Mapping[Metric, float]:
        hertz = self._from_cpufreq() or self._from_cpuinfo() or self._from_psutil()
        # The cores differ by more than 1 MHz, and whole MHz keep the tick short.
        return {FREQUENCY_METRIC: round(hertz, -6)} if hertz else {}

    def _from_cpufreq(self) -> float:
        frequencies = []
        for file in self._frequency_files:
            try:
                frequencies.append(1e3 * int(file.read()))
            except (OSError, ValueError):
                continue  # this core is offline
        return sum(frequencies) / len(frequencies) if frequencies else 0.0

    def _from_cpuinfo(self) -> float:
        try:
            frequencies = [1e6 * float(match) for match in _MEGAHERTZ.findall(self._info.read())]
        except (OSError, ValueError):
            return 0.0
        return sum(frequencies) / len(frequencies) if frequencies else 0.0

    def _from_psutil(self) -> float:
        return 1e6 * (finite_field(call_or_none(self._frequency), "current") or 0.0)
