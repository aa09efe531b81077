"""CPU shares by core and kind from counters, despite suspends, unplugged cores and threads."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest
from fake_machine import FakeMachine

from dashapp.model.ticks import Metric
from dashapp.sources.system.cpu import CpuCounts, CpuSource, ProcStat, PsutilCpu, cpu_counts


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def by_key(values: Mapping[Metric, float]) -> dict[str, float]:
    return {metric.key: value for metric, value in values.items()}


class FakeCounters:
    """Counters that a test sets: for each core number, its times by kind."""

    def __init__(self, numbered: bool = True, **cores: tuple[int, int]) -> None:
        self.numbered = numbered
        self.set(**cores)

    def set(self, **cores: tuple[int, int]) -> None:
        """Set the counters: `core0=(user, idle)`."""
        self.cores = {int(name[4:]): dict(zip(("user", "idle"), t, strict=True)) for name, t in cores.items()}

    def __call__(self) -> CpuCounts:
        return CpuCounts(self.cores, self.numbered, {})


def test_cpu_first_reading_has_total_kinds_and_cores(machine: FakeMachine) -> None:
    source = CpuSource(ProcStat(machine.proc), machine.now)
    machine.pass_time(1.0)
    assert by_key(source.read()) == {
        "cpu.percent": 40.0,
        "cpu.user": 30.0,
        "cpu.system": 10.0,
        "cpu.iowait": 10.0,
        "cpu.steal": 0.0,
        "cpu.irq": 0.0,
        "cpu.nice": 0.0,
        "cpu.core0.percent": 40.0,
        "cpu.core1.percent": 40.0,
        "cpu.switches": 100,
        "cpu.interrupts": 100,
    }


def test_cpu_counts_guest_time_once_and_softirq_as_irq(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  0\ncpu0 0 0 0 0 0 0 0 0 0 0\nintr 5 1 2\nctxt 7\n")
    counts = ProcStat(str(tmp_path))
    source = CpuSource(counts)
    stat.write_text("cpu  0\ncpu0 40 0 0 40 0 5 5 10 40 0\nintr 5 1 2\nctxt 7\n")
    found = by_key(source.read())
    assert (found["cpu.percent"], found["cpu.user"], found["cpu.irq"], found["cpu.steal"]) == (60, 40, 10, 10)


def test_cpu_keeps_core_keys_when_middle_core_is_unplugged(machine: FakeMachine) -> None:
    machine.plug(2, 3)
    machine.write()
    source = CpuSource(ProcStat(machine.proc), machine.now)
    machine.unplug(1)
    machine.pass_time(1.0)
    machine.cores[3]["user"] += 100
    machine.write()
    found = by_key(source.read())
    assert found["cpu.core2.percent"] == 40.0
    assert found["cpu.core3.percent"] == 70.0
    assert "cpu.core1.percent" not in found


def test_cpu_drops_one_reading_when_unnumbered_cores_change(machine: FakeMachine) -> None:
    source = CpuSource(PsutilCpu(machine.call("cpu_times"), machine.call("cpu_stats")), machine.now)
    machine.plug(2)
    machine.pass_time(1.0)
    assert set(by_key(source.read())) == {"cpu.switches", "cpu.interrupts"}
    machine.pass_time(1.0)
    assert by_key(source.read())["cpu.core2.percent"] == 40.0


def test_cpu_drops_core_when_idle_goes_back_after_suspend() -> None:
    counted = FakeCounters(core0=(100, 9000), core1=(100, 9000))
    source = CpuSource(counted)
    counted.set(core0=(110, 5000), core1=(110, 9090))
    assert by_key(source.read()) == {"cpu.percent": 10.0, "cpu.user": 10.0, "cpu.core1.percent": 10.0}
    counted.set(core0=(120, 5090), core1=(120, 9180))
    assert by_key(source.read())["cpu.core0.percent"] == 10.0


def test_cpu_ignores_iowait_that_goes_back(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  0\ncpu0 0 0 0 0 50 0 0 0\nintr 0\n")
    source = CpuSource(ProcStat(str(tmp_path)))
    stat.write_text("cpu  0\ncpu0 50 0 0 50 40 0 0 0\nintr 0\n")
    assert by_key(source.read())["cpu.percent"] == 50.0


def test_cpu_reports_nothing_when_no_time_passed() -> None:
    source = CpuSource(FakeCounters(core0=(100, 9000)))
    assert source.read() == {}


def test_cpu_is_correct_when_50_threads_call_psutil(machine: FakeMachine) -> None:
    source = CpuSource(ProcStat(machine.proc), machine.now)
    machine.pass_time(1.0)
    threads = [threading.Thread(target=psutil.cpu_percent) for _ in range(50)]
    for thread in threads:
        thread.start()
    found = by_key(source.read())
    for thread in threads:
        thread.join()
    assert found["cpu.percent"] == 40.0


def test_cpu_counts_prefers_procfs_to_psutil(machine: FakeMachine) -> None:
    assert isinstance(cpu_counts(machine.proc), ProcStat)
    assert isinstance(cpu_counts("/nonexistent"), PsutilCpu)
