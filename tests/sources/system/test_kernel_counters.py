"""Metrics from /proc: memory, load, pressure, connections and processes; and its reader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from fake_machine import FakeMachine

from dashapp.model.ticks import Metric
from dashapp.sources.system import connections
from dashapp.sources.system.connections import ConnectionSource
from dashapp.sources.system.cpu import FrequencySource
from dashapp.sources.system.load import LoadSource, PressureSource
from dashapp.sources.system.memory import MemorySource, ProcMemory
from dashapp.sources.system.processes import ProcessSource, UptimeSource
from dashapp.sources.system.procfs import ProcFile, number_after


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def by_key(values: Mapping[Metric, float]) -> dict[str, float]:
    return {metric.key: value for metric, value in values.items()}


def test_memory_used_excludes_available_memory(machine: FakeMachine) -> None:
    source = MemorySource(ProcMemory(machine.proc, page=4096), machine.now)
    machine.pass_time(2.0)
    assert by_key(source.read()) == {
        "memory.percent": 25.0,
        "memory.used": 2000 * 1024,
        "memory.available": 6000 * 1024,
        "memory.cached": 3500 * 1024,
        "memory.buffers": 100 * 1024,
        "swap.percent": 25.0,
        "swap.used": 100 * 1024,
        "swap.in": 409_600,
        "swap.out": 409_600,
    }


def test_swap_is_zero_on_machine_without_swap(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 8 kB\nMemAvailable: 4 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n")
    found = by_key(MemorySource(ProcMemory(str(tmp_path))).read())
    assert (found["swap.percent"], found["swap.used"]) == (0.0, 0)


def test_memory_available_is_estimated_on_old_kernel(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 20 kB\nCached: 30 kB\n")
    assert by_key(MemorySource(ProcMemory(str(tmp_path))).read())["memory.percent"] == 40.0


def test_load_source_reports_load_per_core(machine: FakeMachine) -> None:
    source = LoadSource(machine.proc, machine.call("getloadavg"), lambda: 4)
    assert by_key(source.read()) == {"load.1": 0.5, "load.5": 1.25, "load.15": 2.0, "load.percore": 0.12}


def test_pressure_is_share_of_time_since_last_reading(machine: FakeMachine) -> None:
    source = PressureSource(machine.proc, machine.now)
    machine.counts["stall"] += 5000
    machine.time += 2.0
    machine.write()
    assert by_key(source.read()) == {
        "pressure.cpu": 25.0,
        "pressure.memory": 25.0,
        "pressure.io": 25.0,
        "pressure.memory.full": 12.5,
        "pressure.io.full": 12.5,
    }


def test_pressure_source_raises_on_kernel_without_pressure(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="does not measure pressure"):
        PressureSource(str(tmp_path))


def test_connections_report_states_and_keep_rare_state_once_seen(machine: FakeMachine) -> None:
    source = ConnectionSource(machine.proc)
    assert by_key(source.read()) == {"tcp.established": 3, "tcp.time_wait": 1, "tcp.listen": 1}
    table = Path(machine.proc, "net/tcp")
    calm = table.read_text()
    table.write_text(calm.replace(" 01 ", " 08 "))
    assert by_key(source.read())["tcp.close_wait"] == 3
    table.write_text(calm)
    assert by_key(source.read())["tcp.close_wait"] == 0


def test_connections_skip_table_when_too_long(machine: FakeMachine) -> None:
    net = Path(machine.proc, "net")
    (net / "sockstat").write_text(
        f"sockets: used 1\nTCP: inuse {connections.MAX_ROWS} orphan 0 tw 7 alloc 9 mem 1\n"
    )
    (net / "snmp").write_text(
        "Ip: A B\nIp: 1 2\nTcp: MaxConn CurrEstab InSegs\nTcp: -1 4321 5\nUdp: X\nUdp: 1\n"
    )
    source = ConnectionSource(machine.proc)
    assert by_key(source.read()) == {"tcp.established": 4321, "tcp.time_wait": 7}


def test_connections_read_no_whole_table_at_start(
    machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel takes seconds to write a table of many connections, too long at start."""

    def whole(_: ProcFile) -> bytes:
        raise AssertionError("a table was read whole")

    with monkeypatch.context() as patch:
        patch.setattr(ProcFile, "read", whole)
        source = ConnectionSource(machine.proc)
    assert by_key(source.read())["tcp.listen"] == 1


def test_connections_skip_table_without_sockets(machine: FakeMachine) -> None:
    net = Path(machine.proc, "net")
    (net / "sockstat6").write_text("TCP6: inuse 0\nUDP6: inuse 0\n")
    (net / "tcp6").write_text((net / "tcp").read_text())
    source = ConnectionSource(machine.proc)
    assert by_key(source.read())["tcp.listen"] == 1
    (net / "sockstat6").write_text("TCP6: inuse 4\nUDP6: inuse 0\n")
    assert by_key(source.read())["tcp.listen"] == 2


def test_process_source_counts_processes_and_threads(machine: FakeMachine) -> None:
    found = by_key(ProcessSource(machine.proc).read())
    assert found == {"processes.count": 2, "threads.count": 120}


def test_uptime_is_reported_in_whole_seconds(machine: FakeMachine) -> None:
    assert by_key(UptimeSource(machine.proc).read()) == {"uptime.seconds": 1000}
    assert by_key(UptimeSource("/nonexistent", lambda: 500.0, lambda: 450.0).read()) == {}


def test_frequency_is_mean_of_cores_in_hertz(machine: FakeMachine) -> None:
    assert by_key(FrequencySource(machine.proc, machine.sys).read()) == {"cpu.frequency": 2.5e9}
    for core, kilohertz in ((0, 1_000_000), (1, 2_000_000)):
        place = Path(machine.sys, f"devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq")
        place.parent.mkdir(parents=True)
        place.write_text(f"{kilohertz}\n")
    assert by_key(FrequencySource(machine.proc, machine.sys).read()) == {"cpu.frequency": 1.5e9}


def test_proc_file_rereads_whole_file_and_closes_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "long"
    file = ProcFile(path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for size in (100_000, 10):
        path.write_bytes(b"x" * size)
        assert len(file.read()) == size
    del file
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_proc_file_reads_file_that_appears_later(tmp_path: Path) -> None:
    file = ProcFile(tmp_path / "later")
    with pytest.raises(FileNotFoundError):
        file.read()
    (tmp_path / "later").write_text("7")
    assert file.read() == b"7"


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (b"name 5\n", 5),
        (b"other 1\nname 5\nlast 2", 5),
        (b"my name 5\nname 6\n", 6),
        (b"rename 5\n", None),
        (b"name x\n", None),
        (b"name \n", None),
        (b"", None),
    ],
)
def test_number_after_finds_number_at_line_start(content: bytes, number: int | None) -> None:
    assert number_after(b"name ", content) == number
