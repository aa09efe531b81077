"""Every source on the files and psutil values of a fake machine, and a check of its metrics."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from fake_machine import FakeMachine, size_of_disk
from gpu_tree import AMD_FILES
from waiting import PATIENCE_S

from dashapp.model.ticks import Metric
from dashapp.sources.base import Source
from dashapp.sources.function import FunctionSource
from dashapp.sources.polling import BackgroundSource, CachedSource
from dashapp.sources.system.connections import ConnectionSource
from dashapp.sources.system.container import ContainerSource
from dashapp.sources.system.cpu import CpuSource, FrequencySource, ProcStat, PsutilCpu
from dashapp.sources.system.disk import DiskSource, ProcDisks, PsutilDisks
from dashapp.sources.system.filesystem import FilesystemSource, ProcMounts, PsutilMounts
from dashapp.sources.system.gpu.source import GpuSource
from dashapp.sources.system.gpu.sysfs import SysfsReader
from dashapp.sources.system.groups.container_names import ContainerNames
from dashapp.sources.system.groups.source import GroupSource
from dashapp.sources.system.load import LoadSource, PressureSource
from dashapp.sources.system.memory import MemorySource, ProcMemory, PsutilMemory
from dashapp.sources.system.network import NetworkSource, ProcNetwork, PsutilNetwork
from dashapp.sources.system.processes import ProcessSource, UptimeSource
from dashapp.sources.system.sensors import SensorSource

Make = Callable[[FakeMachine], Source]

NOWHERE = "/nonexistent"
UNITS = {"W", "%", "B", "B/s", "1/s", "s", "°C", "Hz", "points", ""}

LINUX: dict[str, Make] = {
    "cpu": lambda m: CpuSource(ProcStat(m.proc), m.now),
    "frequency": lambda m: FrequencySource(m.proc, m.sys, m.call("cpu_freq")),
    "load": lambda m: LoadSource(m.proc, m.call("getloadavg"), lambda: 2),
    "pressure": lambda m: PressureSource(m.proc, m.now),
    "memory": lambda m: MemorySource(ProcMemory(m.proc, 4096), m.now),
    "disk": lambda m: DiskSource(ProcDisks(m.proc), m.now),
    "filesystem": lambda m: FilesystemSource(ProcMounts(f"{m.proc}/self/mounts"), size_of_disk),
    "network": lambda m: NetworkSource(ProcNetwork(m.proc), m.now),
    "connections": lambda m: ConnectionSource(m.proc),
    "processes": lambda m: ProcessSource(m.proc, m.call("pids")),
    "uptime": lambda m: UptimeSource(m.proc, m.call("boot_time"), m.now),
    "container": lambda m: ContainerSource(limited(m), lambda: 2, m.now),
    "groups": lambda m: GroupSource(grouped(m), m.proc, ContainerNames(NOWHERE), clock=m.now),
    "gpu": lambda m: GpuSource(
        SysfsReader(with_gpu(m), m.proc, m.now), lambda: True, max_wait=PATIENCE_S, clock=m.now
    ),
}
PSUTIL: dict[str, Make] = {
    "cpu": lambda m: CpuSource(PsutilCpu(m.call("cpu_times"), m.call("cpu_stats")), m.now),
    "frequency": lambda m: FrequencySource(NOWHERE, NOWHERE, m.call("cpu_freq")),
    "load": lambda m: LoadSource(NOWHERE, m.call("getloadavg"), lambda: 2),
    "memory": lambda m: MemorySource(PsutilMemory(m.call("virtual_memory"), m.call("swap_memory")), m.now),
    "disk": lambda m: DiskSource(PsutilDisks(m.call("disk_io_counters")), m.now),
    "filesystem": lambda m: FilesystemSource(PsutilMounts(m.call("disk_partitions")), size_of_disk),
    "network": lambda m: NetworkSource(PsutilNetwork(m.call("net_io_counters")), m.now),
    "processes": lambda m: ProcessSource(NOWHERE, m.call("pids")),
    "uptime": lambda m: UptimeSource(NOWHERE, m.call("boot_time"), m.now),
    "sensors": lambda m: SensorSource(
        m.call("sensors_temperatures"), m.call("sensors_fans"), m.call("sensors_battery")
    ),
}
ALL = {f"linux-{name}": make for name, make in LINUX.items()} | {
    f"psutil-{name}": make for name, make in PSUTIL.items()
}
ALL["seldom"] = lambda m: CachedSource(LINUX["disk"](m), 1.0, m.now)
ALL["isolated"] = lambda m: BackgroundSource(LINUX["disk"](m), max_wait=PATIENCE_S, clock=m.now)
TEMPERATURE, HUMIDITY = "sample_functions:temperature", "sample_functions:humidity"
ALL["function"] = lambda m: FunctionSource(TEMPERATURE, {})
ALL["function-isolated"] = lambda m: BackgroundSource(
    FunctionSource(TEMPERATURE, {}), max_wait=PATIENCE_S, clock=m.now
)
ALL["function-async"] = lambda m: BackgroundSource(
    FunctionSource(HUMIDITY, {}), max_wait=PATIENCE_S, clock=m.now
)
ALL["function-curve"] = lambda m: FunctionSource("sample_functions:growth", {})


def limited(machine: FakeMachine) -> str:
    """Put the machine into a container of half a core and 4 MB; return its /proc."""
    group = Path(machine.sys, "fs/cgroup")
    group.mkdir(parents=True, exist_ok=True)
    Path(machine.proc, "self/cgroup").write_text("0::/\n")
    Path(machine.proc, "self/mountinfo").write_text(f"31 23 0:28 / {group} rw - cgroup2 cgroup2 rw\n")
    (group / "cpu.max").write_text("50000 100000\n")
    (group / "cpu.stat").write_text("usage_usec 1000\nnr_periods 10\nnr_throttled 5\n")
    (group / "memory.max").write_text("4000000\n")
    (group / "memory.current").write_text("3000000\n")
    (group / "memory.stat").write_text("inactive_file 1000000\n")
    (group / "memory.events").write_text("oom 1\noom_kill 1\n")
    return machine.proc


def grouped(machine: FakeMachine) -> str:
    """Add a container and a service; return the machine's /sys."""
    top = Path(machine.sys, "fs/cgroup")
    for path in ("lxc.payload.web", "system.slice/cron.service"):
        (top / path).mkdir(parents=True, exist_ok=True)
        (top / path / "cpu.stat").write_text("usage_usec 1000\n")
        (top / path / "memory.current").write_text("3000000\n")
        (top / path / "memory.stat").write_text("inactive_file 1000000\n")
        (top / path / "io.stat").write_text("8:0 rbytes=5 wbytes=5\n")
    (top / "cgroup.controllers").write_text("cpu io memory\n")
    return machine.sys


def with_gpu(machine: FakeMachine) -> str:
    """Add a GPU of AMD; return the machine's /sys."""
    device = Path(machine.sys, "class/drm/card0/device")
    for name, content in AMD_FILES.items():
        (device / name).parent.mkdir(parents=True, exist_ok=True)
        (device / name).write_text(content)
    return machine.sys


def check(values: Mapping[Metric, float]) -> None:
    """Assert that the metrics of a reading are well-formed."""
    keys = [metric.key for metric in values]
    assert len(set(keys)) == len(keys)
    for metric, value in values.items():
        assert re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", metric.key)
        assert 0 < len(metric.label) <= 64
        assert metric.unit in UNITS
        assert re.fullmatch(r"[a-z]+", metric.panel)
        assert isinstance(value, int | float)
        assert math.isfinite(value)
        assert metric.low is None or value >= metric.low
        assert metric.high is None or value <= metric.high or metric.key == "container.cpu.percent"
        assert metric.unit == "°C" or metric.low == 0
        assert (metric.unit == "%") == (metric.high == 100)
