"""CPU: shares by core and kind from counters, through suspends, unplugged cores and threads."""

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


class Counted:
    """Counters that a test moves: cores by number, each a reading by kind."""

    def __init__(self, numbered: bool = True, **cores: tuple[int, int]) -> None:
        self.numbered = numbered
        self.set(**cores)

    def set(self, **cores: tuple[int, int]) -> None:
        """`core0=(user, idle)`."""
        self.cores = {int(name[4:]): dict(zip(("user", "idle"), t, strict=True)) for name, t in cores.items()}

    def __call__(self) -> CpuCounts:
        return CpuCounts(self.cores, self.numbered, {})


def test_the_first_reading_is_the_real_share_in_all_by_kind_and_by_core(machine: FakeMachine) -> None:
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


def test_guest_time_is_not_counted_twice_and_soft_interrupts_are_interrupts(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  0\ncpu0 0 0 0 0 0 0 0 0 0 0\nintr 5 1 2\nctxt 7\n")
    counts = ProcStat(str(tmp_path))
    source = CpuSource(counts)
    stat.write_text("cpu  0\ncpu0 40 0 0 40 0 5 5 10 40 0\nintr 5 1 2\nctxt 7\n")
    found = by_key(source.read())
    assert (found["cpu.percent"], found["cpu.user"], found["cpu.irq"], found["cpu.steal"]) == (60, 40, 10, 10)


def test_a_core_in_the_middle_that_goes_shifts_no_other(machine: FakeMachine) -> None:
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


def test_unnumbered_cores_that_change_are_a_gap_once(machine: FakeMachine) -> None:
    source = CpuSource(PsutilCpu(machine.call("cpu_times"), machine.call("cpu_stats")), machine.now)
    machine.plug(2)
    machine.pass_time(1.0)
    assert set(by_key(source.read())) == {"cpu.switches", "cpu.interrupts"}
    machine.pass_time(1.0)
    assert by_key(source.read())["cpu.core2.percent"] == 40.0


def test_idle_set_back_by_a_suspend_is_a_gap_and_not_a_hundred_percent() -> None:
    counted = Counted(core0=(100, 9000), core1=(100, 9000))
    source = CpuSource(counted)
    counted.set(core0=(110, 5000), core1=(110, 9090))
    assert by_key(source.read()) == {"cpu.percent": 10.0, "cpu.user": 10.0, "cpu.core1.percent": 10.0}
    counted.set(core0=(120, 5090), core1=(120, 9180))
    assert by_key(source.read())["cpu.core0.percent"] == 10.0


def test_iowait_that_steps_back_stands_still(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  0\ncpu0 0 0 0 0 50 0 0 0\nintr 0\n")
    source = CpuSource(ProcStat(str(tmp_path)))
    stat.write_text("cpu  0\ncpu0 50 0 0 50 40 0 0 0\nintr 0\n")
    assert by_key(source.read())["cpu.percent"] == 50.0


def test_no_time_on_any_core_is_no_value() -> None:
    source = CpuSource(Counted(core0=(100, 9000)))
    assert source.read() == {}


def test_psutil_asked_by_fifty_threads_meanwhile_changes_nothing(machine: FakeMachine) -> None:
    source = CpuSource(ProcStat(machine.proc), machine.now)
    machine.pass_time(1.0)
    threads = [threading.Thread(target=psutil.cpu_percent) for _ in range(50)]
    for thread in threads:
        thread.start()
    found = by_key(source.read())
    for thread in threads:
        thread.join()
    assert found["cpu.percent"] == 40.0


def test_the_best_reader_is_the_one_that_is_there(machine: FakeMachine) -> None:
    assert isinstance(cpu_counts(machine.proc), ProcStat)
    assert isinstance(cpu_counts("/nonexistent"), PsutilCpu)
