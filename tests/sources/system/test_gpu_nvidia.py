"""NVIDIA GPUs: the recorded H100 is drawn as it was, and errors of the driver lose only their values."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from clocks import FakeClock
from processes import ROOT
from readings import by_key, labels
from recorded_nvml import FUNCTION_NOT_FOUND, READINGS, RESERVED, UNKNOWN, NVMLError, RecordedNvml
from waiting import PATIENCE_S, wait_for

from dashapp.collector.sampler import Sampler
from dashapp.model.ticks import SourceError
from dashapp.sources.system.gpu.nvidia import SEARCH_INTERVAL_S, NvidiaReader, has_nvidia
from dashapp.sources.system.gpu.reading import GpuMetrics, GpuProcess
from dashapp.sources.system.gpu.source import GpuSource, gpu_processes
from dashapp.stores.memory import MemoryStore


class Machine:
    """A reader of `nvml`; a test sets `time` by hand."""

    def __init__(self, nvml: Any, proc: Path) -> None:
        self.time = 100.0
        self.nvml = nvml
        self.reader = NvidiaReader(str(proc), lambda: nvml, lambda: self.time)
        self._metrics = GpuMetrics()

    def read(self, seconds: float = 1.0) -> dict[str, float]:
        self.time += seconds
        values: dict[str, float] = {}
        for number, reading in self.reader.read().items():
            values |= by_key(self._metrics.values(number, reading))
        return values


@pytest.fixture
def nvml() -> RecordedNvml:
    return RecordedNvml()


@pytest.fixture
def machine(nvml: RecordedNvml, tmp_path: Path) -> Machine:
    return Machine(nvml, tmp_path)


def test_recorded_h100_is_drawn_as_it_was(nvml: RecordedNvml, tmp_path: Path) -> None:
    """Each second of the recording is one tick in the store."""
    store = MemoryStore()
    source = GpuSource(NvidiaReader(str(tmp_path), lambda: nvml), lambda: True, max_wait=PATIENCE_S)
    sampler = Sampler([source], store, 1.0)
    for nvml.index, reading in enumerate(READINGS):
        tick = sampler.tick(reading["t"])
        assert tick is not None
        used = reading["memory"]["used"] - RESERVED
        assert tick.values == {
            "gpu.0.percent": reading["gpu"],
            "gpu.0.memory": used,
            "gpu.0.memory.percent": round(100 * used / reading["memory"]["total"], 1),
            "gpu.0.temperature": reading["temperature"],
            "gpu.0.power": round(reading["power"] / 1000, 1),
            "gpu.0.clock": reading["clock"] * 1_000_000,
            # The recording was idle at times, but nothing limited its clock.
            "gpu.0.throttled": 0,
        }
    assert {metric.key: metric.label for metric in store.metrics()}[
        "gpu.0.percent"
    ] == "GPU 0, NVIDIA H100 80GB HBM3"
    assert not {"nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetPcieThroughput"} & nvml.calls.keys()


@pytest.mark.parametrize("error", [FUNCTION_NOT_FOUND, 3, 2])
def test_memory_falls_back_to_first_version(machine: Machine, error: int) -> None:
    whole = machine.nvml.reading["memory"]["used"]
    second = machine.nvml._nvmlDeviceGetMemoryInfo

    def first_only(handle: Any, version: int | None = None) -> Any:
        if version:
            raise NVMLError(error)
        return second(handle)

    machine.nvml._nvmlDeviceGetMemoryInfo = first_only
    assert machine.read()["gpu.0.memory"] == whole


def test_memory_uses_first_version_of_old_package(tmp_path: Path) -> None:
    nvml = RecordedNvml()
    nvml.nvmlMemory_v2 = None
    assert Machine(nvml, tmp_path).read()["gpu.0.memory"] == nvml.reading["memory"]["used"]


@pytest.mark.parametrize(
    ("bits", "reasons"),
    [
        (0x0, set()),
        (0x1, set()),
        (0x2 | 0x10 | 0x100, set()),
        (0x4, {"power"}),
        (0x20, {"temperature"}),
        (0x8 | 0x40, {"temperature"}),
        (0x8 | 0x80, {"brake"}),
        (0x8, {"hardware"}),
        (0x4 | 0x20 | 0x1, {"power", "temperature"}),
    ],
)
def test_throttled_has_reasons(machine: Machine, bits: int, reasons: set[str]) -> None:
    machine.nvml.results["nvmlDeviceGetCurrentClocksEventReasons"] = bits
    values = machine.read()
    assert values["gpu.0.throttled"] == bool(reasons)
    assert {key.rpartition(".")[2] for key in values if key.startswith("gpu.0.throttled.")} == reasons
    machine.nvml.results.clear()
    assert {machine.read()[f"gpu.0.throttled.{reason}"] for reason in reasons} <= {0}


def test_reason_is_in_words(machine: Machine) -> None:
    machine.nvml.results["nvmlDeviceGetCurrentClocksEventReasons"] = 0x4
    (reading,) = machine.reader.read().values()
    found = labels(GpuMetrics().values("0", reading))
    assert found["gpu.0.throttled.power"] == "GPU 0, power limit"


def test_throttled_uses_earlier_name_of_function(machine: Machine) -> None:
    machine.nvml.errors["nvmlDeviceGetCurrentClocksEventReasons"] = FUNCTION_NOT_FOUND
    assert "gpu.0.throttled" not in machine.read()


VALUES = {
    "nvmlDeviceGetUtilizationRates": {"percent"},
    "nvmlDeviceGetMemoryInfo": {"memory", "memory.percent"},
    "nvmlDeviceGetTemperature": {"temperature"},
    "nvmlDeviceGetPowerUsage": {"power"},
    "nvmlDeviceGetClockInfo": {"clock"},
    "nvmlDeviceGetCurrentClocksEventReasons": {"throttled"},
}


@pytest.mark.parametrize("function", VALUES)
@pytest.mark.parametrize("error", [3, 4, 13, UNKNOWN, 21, 10])
def test_error_of_one_call_loses_only_its_values(machine: Machine, function: str, error: int) -> None:
    usual = machine.read()
    machine.nvml.errors[function] = error
    assert machine.read().keys() == usual.keys() - {f"gpu.0.{name}" for name in VALUES[function]}
    assert machine.reader.status_message == ""


@pytest.mark.parametrize(
    "result", [None, "x", -1, float("nan"), 2**64 - 1, b"", [], SimpleNamespace(gpu=400)]
)
@pytest.mark.parametrize("function", VALUES)
def test_invalid_result_loses_only_its_values(machine: Machine, function: str, result: object) -> None:
    usual = machine.read()
    machine.nvml.results[function] = result
    values = machine.read()
    assert values.keys() >= usual.keys() - {f"gpu.0.{name}" for name in VALUES[function]}
    assert all(0 <= value < 1e12 for value in values.values())


def test_unsupported_call_is_not_repeated(machine: Machine) -> None:
    machine.nvml.errors["nvmlDeviceGetClockInfo"] = 3
    for _ in range(5):
        machine.read()
    assert machine.nvml.calls["nvmlDeviceGetClockInfo"] == 1


def test_slices_are_separate(tmp_path: Path) -> None:
    machine = Machine(RecordedNvml(gpus=2, slices=2), tmp_path)
    values = machine.read()
    numbers = {key.split(".")[1] for key in values}
    assert numbers == {"0", "0-mig0", "0-mig1", "1", "1-mig0", "1-mig1"}
    assert "gpu.0.percent" not in values
    assert values["gpu.0.power"] > 0
    assert {key for key in values if key.startswith("gpu.0-mig1.")} == {
        "gpu.0-mig1.memory",
        "gpu.0-mig1.memory.percent",
    }


def test_lost_gpu_gives_one_sentence_and_others_continue(tmp_path: Path) -> None:
    machine = Machine(RecordedNvml(gpus=3), tmp_path)
    machine.read()
    machine.nvml.lost = {1}
    for _ in range(3):
        assert {key.split(".")[1] for key in machine.read()} == {"0", "2"}
        assert machine.reader.status_message == "GPU 1 does not respond (GPU is lost)"
    machine.nvml.lost = set()
    machine.read(SEARCH_INTERVAL_S)
    assert {key.split(".")[1] for key in machine.read()} == {"0", "1", "2"}
    assert machine.reader.status_message == ""


def test_gpu_that_has_disappeared_gives_one_sentence(tmp_path: Path) -> None:
    machine = Machine(RecordedNvml(gpus=2), tmp_path)
    machine.read()
    machine.nvml.gpus = 1
    machine.read(SEARCH_INTERVAL_S)
    assert machine.reader.status_message == "GPU 1 does not respond (it has disappeared)"


def test_gpu_whose_calls_all_fail_gives_one_sentence(machine: Machine) -> None:
    machine.nvml.errors = dict.fromkeys(VALUES, UNKNOWN)
    assert machine.read() == {}
    assert machine.reader.status_message == "GPU 0 does not respond (Unknown Error)"
    machine.nvml.errors = {}
    assert machine.read()
    assert machine.reader.status_message == ""


def test_driver_that_lost_all_gpus_starts_again(machine: Machine) -> None:
    machine.read()
    machine.nvml.lost = {0}
    machine.read()
    with pytest.raises(SourceError, match="GPU 0 does not respond"):
        machine.read()
    machine.nvml.lost = set()
    assert machine.read(SEARCH_INTERVAL_S)
    assert machine.nvml.calls["nvmlInit"] == 2


@pytest.mark.parametrize("error", [9, 12, 4, 18])
def test_driver_that_does_not_start_gives_one_sentence(machine: Machine, error: int) -> None:
    machine.nvml.errors["nvmlInit"] = error
    for _ in range(3):
        with pytest.raises(SourceError, match=r"^The NVIDIA GPUs cannot be read \(.*\); check nvidia-smi$"):
            machine.read()
    assert machine.nvml.calls["nvmlInit"] == 1
    machine.nvml.errors.clear()
    assert machine.read(SEARCH_INTERVAL_S)


def test_missing_package_gives_one_sentence_with_the_fix(tmp_path: Path) -> None:
    def load() -> Any:
        raise ModuleNotFoundError("pynvml")

    with pytest.raises(SourceError, match="run python -m pip install nvidia-ml-py"):
        NvidiaReader(str(tmp_path), load).read()


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_hanging_driver_gives_one_sentence_and_delays_nothing(
    nvml: RecordedNvml, tmp_path: Path, released: threading.Event
) -> None:
    clock = FakeClock()
    reader = NvidiaReader(str(tmp_path), lambda: nvml, clock.monotonic)
    source = GpuSource(reader, lambda: True, max_wait=0.0, clock=clock.monotonic)
    source.read()
    wait_for(lambda: nvml.calls.get("nvmlDeviceGetGraphicsRunningProcesses"))
    nvml.before = released.wait
    message = "The NVIDIA driver has not responded for 5 s; its GPUs have no values until it does"
    for _ in range(6):
        clock.wait(2.0)
        try:
            source.read()
            sentence = ""
        except SourceError as error:
            sentence = str(error)
    assert sentence == message
    nvml.before = lambda: None
    released.set()

    def responds() -> bool:
        clock.wait(1.0)
        try:
            return bool(source.read())
        except SourceError:
            return False

    wait_for(responds)


def test_processes_have_names_and_memory(nvml: RecordedNvml, tmp_path: Path) -> None:
    nvml.index = next(index for index, reading in enumerate(READINGS) if reading["processes"])
    (process,) = nvml.reading["processes"]
    pid = process["pid"]
    folder = tmp_path / str(pid)
    (folder / "fd").mkdir(parents=True)
    (folder / "fd/3").symlink_to("/dev/nvidia0")
    (folder / "comm").write_text("python\n")
    source = GpuSource(NvidiaReader(str(tmp_path), lambda: nvml), lambda: True, max_wait=PATIENCE_S)
    source.read()
    assert source.processes() == [GpuProcess("python", process["usedGpuMemory"], 1)]
    assert gpu_processes([source, object()]) == [
        {"name": "python", "bytes": process["usedGpuMemory"], "count": 1}
    ]


def test_process_with_number_of_host_has_no_wrong_name(machine: Machine, tmp_path: Path) -> None:
    """In a container another process can have the number that the driver reports."""
    (tmp_path / "7/fd").mkdir(parents=True)
    (tmp_path / "7/fd/0").symlink_to("/dev/null")
    (tmp_path / "7/comm").write_text("nginx\n")
    machine.nvml.results["nvmlDeviceGetComputeRunningProcesses"] = [
        SimpleNamespace(pid=7, usedGpuMemory=5),
        SimpleNamespace(pid=8, usedGpuMemory=6),
        SimpleNamespace(pid=9, usedGpuMemory=None),
        SimpleNamespace(pid=10, usedGpuMemory=2**64 - 1),
    ]
    machine.read()
    assert machine.reader.processes == [("unknown process", 5), ("unknown process", 6)]


def test_process_counts_once_per_gpu(tmp_path: Path) -> None:
    machine = Machine(RecordedNvml(gpus=2), tmp_path)
    both = [SimpleNamespace(pid=7, usedGpuMemory=5)]
    machine.nvml.results["nvmlDeviceGetComputeRunningProcesses"] = both
    machine.nvml.results["nvmlDeviceGetGraphicsRunningProcesses"] = both
    machine.read()
    assert [size for _, size in machine.reader.processes] == [10]


@pytest.mark.parametrize("node", ["nvidiactl", "nvidia0"])
def test_has_nvidia_finds_device(tmp_path: Path, node: str) -> None:
    assert not has_nvidia(str(tmp_path))
    (tmp_path / node).touch()
    assert has_nvidia(str(tmp_path))


def test_source_imports_and_starts_nothing_without_gpu() -> None:
    code = (
        "import sys, threading\n"
        "from dashapp.sources.machine import MachineFiles\n"
        "from dashapp.sources.system.gpu.source import GpuSource, gpu_sources\n"
        "from dashapp.sources.system.gpu.nvidia import NvidiaReader, has_nvidia\n"
        "sources = [GpuSource(NvidiaReader(), lambda: has_nvidia('/nonexistent')),\n"
        "           *gpu_sources(MachineFiles(sys='/nonexistent'))[1:]]\n"
        "assert [source.read() for source in sources] == [{}, {}]\n"
        "assert threading.active_count() == 1\n"
        "assert not {'pynvml', 'ctypes'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
