"""One contract for every source, on Linux's files and on psutil's answers: well-formed metrics, real first
values, nothing negative, and an absent line at the worst, whatever a platform lacks, denies or resets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from fake_machine import FakeMachine, size_of_disk

from dashapp.model import Metric
from dashapp.sampler import Sampler
from dashapp.sources import Source
from dashapp.sources.connections import ConnectionSource
from dashapp.sources.container import ContainerSource
from dashapp.sources.cpu import CpuSource
from dashapp.sources.cpu_counts import ProcStat, PsutilCpu
from dashapp.sources.disk import DiskSource, ProcDisks, PsutilDisks
from dashapp.sources.filesystem import FilesystemSource, ProcMounts, PsutilMounts
from dashapp.sources.frequency import FrequencySource
from dashapp.sources.function import FunctionSource
from dashapp.sources.isolated import Isolated
from dashapp.sources.load import LoadSource
from dashapp.sources.machine import working
from dashapp.sources.memory import MemorySource, ProcMemory, PsutilMemory
from dashapp.sources.network import NetworkSource, ProcNetwork, PsutilNetwork
from dashapp.sources.pressure import PressureSource
from dashapp.sources.processes import ProcessSource
from dashapp.sources.seldom import Seldom
from dashapp.sources.sensors import SensorSource
from dashapp.sources.uptime import UptimeSource
from dashapp.stores.memory import MemoryStore

Make = Callable[[FakeMachine], Source]

NOWHERE = "/nonexistent"
UNITS = {"%", "B", "B/s", "1/s", "s", "°C", "Hz", "points", ""}

LINUX: dict[str, Make] = {
    "cpu": lambda m: CpuSource(ProcStat(m.proc), m.now),
    "frequency": lambda m: FrequencySource(m.proc, m.sys, m.call("cpu_freq")),
    "load": lambda m: LoadSource(m.proc, m.call("getloadavg"), lambda: 2),
    "pressure": lambda m: PressureSource(m.proc, m.now),
    "memory": lambda m: MemorySource(ProcMemory(m.proc, 4096), m.now),
    "disk": lambda m: DiskSource(ProcDisks(m.proc), m.now),
    "filesystem": lambda m: FilesystemSource(ProcMounts(m.proc), size_of_disk),
    "network": lambda m: NetworkSource(ProcNetwork(m.proc), m.now),
    "connections": lambda m: ConnectionSource(m.proc),
    "processes": lambda m: ProcessSource(m.proc, m.call("pids")),
    "uptime": lambda m: UptimeSource(m.proc, m.call("boot_time"), m.now),
    "container": lambda m: ContainerSource(limited(m), lambda: 2, m.now),
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
ALL["seldom"] = lambda m: Seldom(LINUX["disk"](m), 1.0, m.now)
ALL["isolated"] = lambda m: Isolated(LINUX["disk"](m), patience=5.0, clock=m.now)
TEMPERATURE, HUMIDITY = "own_functions:temperature", "own_functions:humidity"
ALL["function"] = lambda m: FunctionSource(TEMPERATURE, {})
ALL["function-isolated"] = lambda m: Isolated(FunctionSource(TEMPERATURE, {}), patience=5.0, clock=m.now)
ALL["function-async"] = lambda m: Isolated(FunctionSource(HUMIDITY, {}), patience=5.0, clock=m.now)
ALL["function-curve"] = lambda m: FunctionSource("own_functions:growth", {})

each = pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def limited(machine: FakeMachine) -> str:
    """A machine in a container of half a core and 4 MB; its /proc."""
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


def check(values: Mapping[Metric, float]) -> None:
    """What holds of every reading of every source."""
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


def sampled(machine: FakeMachine, sources: list[Source]) -> Mapping[str, float]:
    """A tick's values, judged as the collector would see them."""
    tick = Sampler(sources, MemoryStore(), 1.0).tick(machine.time)
    return tick.values if tick else {}


@each
def test_the_first_reading_is_real_and_well_formed(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    machine.pass_time(0.5)
    values = source.read()
    assert values
    check(values)


@each
def test_the_same_machine_gives_the_same_metrics_each_time(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    machine.pass_time()
    first = source.read()
    machine.pass_time()
    assert set(first) == set(source.read())


@each
def test_counters_that_step_back_are_never_negative_nor_a_spike(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    machine.pass_time()
    usual = source.read()
    machine.reset()
    machine.pass_time()
    values = source.read()
    check(values)
    for metric, value in values.items():
        if metric.unit in ("B/s", "1/s"):
            assert value <= 2 * usual[metric]
    machine.pass_time()
    after = source.read()
    check(after)
    assert {metric.key for metric in usual} == {metric.key for metric in after}


@each
def test_a_counter_that_wraps_is_left_out_once(machine: FakeMachine, make: Make) -> None:
    machine.links["eth0"] = machine.disks["sda"] = 2**32 - 10
    source = make(machine)
    machine.links["eth0"], machine.disks["sda"] = 90, 90
    machine.pass_time()
    values = source.read()
    check(values)
    assert not [metric.key for metric in values if re.search(r"eth0|sda", metric.key)]


@each
def test_a_clock_that_stands_still_divides_by_nothing(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    check(source.read())
    check(source.read())


@each
def test_cores_and_devices_come_and_go(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    for step in range(12):
        if step == 2:
            machine.plug(*range(2, 8))
            machine.disks["nvme0n1"] = machine.links["wlan0"] = 10**9
        if step == 5:
            machine.unplug(1, 2, 3, 4, 5, 6)
            del machine.disks["sda"], machine.links["eth0"]
        if step == 8:
            machine.disks["sda"] = machine.links["eth0"] = 10**12
        machine.pass_time()
        values = source.read()
        check(values)
        for metric, value in values.items():
            assert metric.unit not in ("B/s",) or value < 10**6, metric.key


def test_keys_are_unique_and_panels_of_one_unit_over_all_sources(machine: FakeMachine) -> None:
    sources = [make(machine) for make in LINUX.values()] + [PSUTIL["sensors"](machine)]
    machine.pass_time()
    metrics = [metric for source in sources for metric in source.read()]
    assert len({metric.key for metric in metrics}) == len(metrics)
    units: dict[str, set[str]] = {}
    for metric in metrics:
        units.setdefault(metric.panel, set()).add(metric.unit)
    assert [panel for panel, found in units.items() if len(found) > 1] == []


def test_linux_and_psutil_agree_on_the_keys_of_a_source(machine: FakeMachine) -> None:
    for name in ("frequency", "load", "memory", "uptime"):
        sources = [LINUX[name](machine), PSUTIL[name](machine)]
        machine.pass_time()
        linux, elsewhere = ({metric.key for metric in source.read()} for source in sources)
        assert linux == elsewhere


def test_a_function_that_gives_nonsense_gives_what_is_sound_in_it(machine: FakeMachine) -> None:
    store = MemoryStore()
    sources = [FunctionSource("own_functions:nonsense", {}), LINUX["cpu"](machine)]
    for _ in range(3):
        machine.pass_time()
        tick = Sampler(sources, store, 1.0).tick(machine.time)
        assert tick is not None
        assert tick.values["nonsense.fine"] == 7
        metrics = {metric.key: metric for metric in store.metrics()}
        check({metrics[key]: value for key, value in tick.values.items()})
        # The names whose values are none count too: they may have one the next time.
        assert len([key for key in tick.values if key.startswith("nonsense.")]) == 1000 - 4


CALLS = (
    ("cpu", "cpu_times"),
    ("cpu", "cpu_stats"),
    ("frequency", "cpu_freq"),
    ("load", "getloadavg"),
    ("memory", "virtual_memory"),
    ("memory", "swap_memory"),
    ("disk", "disk_io_counters"),
    ("filesystem", "disk_partitions"),
    ("network", "net_io_counters"),
    ("processes", "pids"),
    ("uptime", "boot_time"),
    ("sensors", "sensors_temperatures"),
    ("sensors", "sensors_fans"),
    ("sensors", "sensors_battery"),
)
HOLLOW = SimpleNamespace(
    user=None, idle=None, current=None, total=None, available=math.nan, used=math.inf, percent=None
)
ANSWERS = {
    "none": None,
    "missing": AttributeError("module 'psutil' has no attribute"),
    "denied": psutil.AccessDenied(),
    "forbidden": PermissionError("no"),
    "unsupported": NotImplementedError("platform not supported"),
    "broken": RuntimeError("no such thing"),
    "empty": (),
    "empty-mapping": {},
    "hollow": HOLLOW,
    "hollow-parts": {"x": HOLLOW, "y": None, "z": [HOLLOW, None]},
    "hollow-list": [HOLLOW, None],
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize(("name", "call"), CALLS, ids=[call for _, call in CALLS])
@pytest.mark.parametrize("when", ["always", "later"])
def test_a_psutil_call_that_fails_costs_its_own_metrics(
    machine: FakeMachine, name: str, call: str, answer: object, when: str
) -> None:
    whole = PSUTIL[name](machine)
    machine.pass_time()
    usual = {metric.key for metric in whole.read()}
    if when == "always":
        machine.answers[call] = answer
    sources = working([lambda: PSUTIL[name](machine)])
    machine.answers[call] = answer
    machine.pass_time()
    found = set(sampled(machine, sources))
    assert found < usual
    if [of for of, _ in CALLS].count(name) > 1:
        assert found, "the source's other calls still answer"


CONTENTS = {
    "empty": "",
    "blank": "\n\n\n",
    "garbage": "a b c d e f g h i j k l\nx: y z\n",
    "numbers": "1 2 3\n" * 9,
}


@pytest.mark.parametrize("content", [*CONTENTS.values(), None], ids=[*CONTENTS.keys(), "unreadable"])
@pytest.mark.parametrize("when", ["always", "later"])
@pytest.mark.parametrize("name", LINUX)
def test_files_that_make_no_sense_never_stop_the_sampler(
    machine: FakeMachine, name: str, content: str | None, when: str
) -> None:
    machine.answers = {call: None for _, call in CALLS}
    sources = working([lambda: LINUX[name](machine)]) if when == "later" else []
    for path in [*Path(machine.proc).rglob("*"), *Path(machine.sys).rglob("*")]:
        if path.is_file():
            # The very file that a source holds open, and then one that cannot be opened.
            path.write_text(content or "")
            if content is None:
                path.unlink()
                path.mkdir()
    sources = sources or working([lambda: LINUX[name](machine)])
    machine.time += 1
    for source in sources:
        with suppress(OSError, ValueError, LookupError):
            check(source.read())
    sampled(machine, sources)
