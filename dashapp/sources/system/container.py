"""The container's CPU in percent of its quota, and its memory in percent of its limit.

A container without limits has no values. In a container psutil shows the host (psutil#2100). For `docker
stats` one core is 100 %; here the whole quota is 100 %.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from dashapp.model.ticks import Metric
from dashapp.sources.rates import CounterRates
from dashapp.sources.system.cgroup import CgroupUsage, cpu_limit, memory_limit, own_cgroups
from dashapp.sources.system.procfs import ProcFile, number_after

THROTTLED = Metric("container.cpu.throttled", "Container, throttled", "%", "throttling", 0.0, 100.0)
USED = Metric("container.memory.used", "Container, used", "B", "memorybytes", 0.0)
OOM_KILLS = Metric("container.oom_kills", "Container, killed for memory", "", "oomkills", 0.0)

# Seconds between checks of the limits, which can change while a container runs.
LIMIT_CHECK_INTERVAL_S = 10.0


def allowed_cpus() -> int:
    """Return the number of CPUs in the affinity mask."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ContainerSource:
    """Reads the usage of the container; `cpus` returns the number of CPUs without a quota."""

    is_optional = True

    def __init__(
        self,
        proc: str = "/proc",
        cpus: Callable[[], int] = allowed_cpus,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._proc = proc
        self._cpus = cpus
        self._clock = clock
        self._limits: object = None
        self._usage: CgroupUsage | None = None
        self._update_limits()

    def read(self) -> Mapping[Metric, float]:
        """Return the usage in percent of the limits, and the processes killed for memory.

        CPU percent = Δusage / (Δtime x cores) x 100; a burst or a late reading can exceed 100. Memory percent
        is relative to the limit or to the host, whichever is smaller. OOM kills count from the creation of
        the group.
        """
        if self._clock() - self._check_time >= LIMIT_CHECK_INTERVAL_S:
            self._update_limits()
        if self._usage is None:
            return {}
        return self._cpu(self._usage) | self._memory(self._usage)

    def _update_limits(self) -> None:
        self._check_time = self._clock()
        groups = own_cgroups(self._proc)
        cpu, memory, cpus = cpu_limit(groups), memory_limit(groups), self._cpus()
        if self._limits == (groups, cpu, memory, cpus):
            return
        self._limits = (groups, cpu, memory, cpus)
        self._usage = CgroupUsage(groups, cpu, memory) if cpu or memory else None
        self._has_quota = cpu is not None
        self._cores = cpu.amount if cpu else cpus
        self._memory_bytes = min(_host_memory(self._proc), memory.amount if memory else float("inf"))
        self._percent = Metric(
            "container.cpu.percent", f"Container, of {_format_cores(self._cores)}", "%", "cpu", 0.0, 100.0
        )
        self._memory_percent = Metric(
            "container.memory.percent",
            f"Container, of {_format_size(self._memory_bytes)}",
            "%",
            "memory",
            0.0,
            100.0,
        )
        self._rates: CounterRates[str] = CounterRates()
        if self._usage:
            self._cpu_rates(self._usage)

    def _cpu_rates(self, usage: CgroupUsage) -> dict[str, float]:
        read_at = self._clock()
        return self._rates.per_second(usage.cpu(), read_at)

    def _cpu(self, usage: CgroupUsage) -> dict[Metric, float]:
        rates = self._cpu_rates(usage)
        values: dict[Metric, float] = {}
        if "usage" in rates and self._cores > 0:
            values[self._percent] = round(100 * rates["usage"] / self._cores, 1)
        if self._has_quota and "nr_periods" in rates and "nr_throttled" in rates:
            # Without a period there was no throttling.
            share = rates["nr_throttled"] / rates["nr_periods"] if rates["nr_periods"] else 0.0
            values[THROTTLED] = round(min(100.0, 100 * share), 1)
        return values

    def _memory(self, usage: CgroupUsage) -> dict[Metric, float]:
        amounts = usage.memory()
        values: dict[Metric, float] = {}
        if "used" in amounts:
            values[USED] = amounts["used"]
            if 0 < self._memory_bytes < float("inf"):
                values[self._memory_percent] = round(100 * amounts["used"] / self._memory_bytes, 1)
        if "oom_kills" in amounts:
            values[OOM_KILLS] = amounts["oom_kills"]
        return values


class GroupCpu:
    """CPU of this process's control group in percent of its quota, or of its CPUs."""

    def __init__(
        self,
        proc: str = "/proc",
        cpus: Callable[[], int] = allowed_cpus,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        groups = own_cgroups(proc)
        limit = cpu_limit(groups)
        self._usage = CgroupUsage(groups, limit, None)
        self._cores = limit.amount if limit else cpus()
        self._clock = clock
        self._is_counting = False
        self._rates: CounterRates[str] = CounterRates()

    def percent(self) -> float | None:
        """Return the share since the last call; None at first, or if nothing counts CPU time."""
        read_at = self._clock()
        usage = self._rates.per_second(self._usage.cpu(), read_at).get("usage")
        # This process uses CPU time, so a counter that never moves counts nothing.
        self._is_counting = self._is_counting or bool(usage)
        if usage is None or not self._is_counting or self._cores <= 0:
            return None
        return round(100 * usage / self._cores, 1)


def _host_memory(proc: str) -> float:
    """Return bytes, infinite if unknown."""
    try:
        kilobytes = number_after(b"MemTotal:", ProcFile(f"{proc}/meminfo").read())
    except OSError:
        kilobytes = None
    return 1024 * kilobytes if kilobytes else float("inf")


def _format_cores(cores: float) -> str:
    return f"{cores:.3g} {'core' if cores == 1 else 'cores'}"


def _format_size(size: float) -> str:
    """Return bytes as text, such as "512 MiB" or "1.5 GiB"."""
    for factor, unit in ((2**30, "GiB"), (2**20, "MiB")):
        if size >= factor:
            return f"{size / factor:.3g} {unit}" if size < 1000 * factor else f"{size / factor:.0f} {unit}"
    return f"{size:.0f} B"
