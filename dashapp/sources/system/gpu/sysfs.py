"""GPUs of AMD and Intel, from files of the kernel; nothing needs to be installed.

AMD: https://docs.kernel.org/gpu/amdgpu/thermal.html. Intel: the drivers i915 and xe, whose load is that of
their clients (`DrmClients`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from dashapp.sources.named_values import plain_label
from dashapp.sources.rates import CounterRates
from dashapp.sources.system.gpu.drm_clients import DrmClients
from dashapp.sources.system.gpu.processes import ProcessMemory
from dashapp.sources.system.gpu.reading import GpuReading
from dashapp.sources.system.procfs import read_file

AMD, INTEL, NVIDIA = "0x1002", "0x8086", "0x10de"
# Seconds between two searches for cards, and for the processes that use them.
SEARCH_INTERVAL_S, CLIENT_INTERVAL_S = 30.0, 10.0

_CARD = re.compile(r"card(\d+)")
# Names of Intel's reasons for a low clock, by a part of them; pl1, pl2 and pl4 are limits of the power.
_INTEL_REASONS = {"pl": "power", "thermal": "temperature", "prochot": "temperature", "ratl": "temperature"}
_INTEL_REASONS |= {"thermalert": "temperature", "tdc": "power", "ppcc": "power"}


def has_sysfs_gpus(sys: str = "/sys") -> bool:
    return any(True for _ in _cards(sys))


class SysfsReader:
    """Reads all cards of AMD and Intel; their numbers follow those of NVIDIA's GPUs."""

    driver = "The GPU's driver"

    def __init__(
        self, sys: str = "/sys", proc: str = "/proc", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.status_message = ""
        self.processes: ProcessMemory = []
        self._sys = sys
        self._clock = clock
        self._clients = DrmClients(proc)
        self._first_number = _nvidia_count(sys)
        # By bus address: the folder, the vendor and the number of a card.
        self._cards: dict[str, tuple[Path, str]] = {}
        self._numbers: dict[str, int] = {}
        self._loads: Mapping[str, float] | None = None
        self._energy: CounterRates[str] = CounterRates()
        self._next_search = self._next_clients = float("-inf")

    def read(self) -> Mapping[str, GpuReading]:
        now = self._clock()
        if now >= self._next_search:
            self._next_search = now + SEARCH_INTERVAL_S
            self._cards = {address: (folder, vendor) for address, folder, vendor in _cards(self._sys)}
            for address in self._cards:
                self._numbers.setdefault(address, self._first_number + len(self._numbers))
        if now >= self._next_clients:
            self._next_clients = now + CLIENT_INTERVAL_S
            self._loads, self.processes = self._clients.read(now)
        joules = {address: count for address in self._cards if (count := self._joules(address)) is not None}
        watts = self._energy.per_second(joules, now)
        readings: dict[str, GpuReading] = {}
        for address, (folder, vendor) in self._cards.items():
            device = folder / "device"
            if not device.exists():
                # It has been removed.
                self._next_search = now
            elif _text(device / "power/runtime_status") != "suspended":
                # A reading would wake it.
                number = str(self._numbers[address])
                load = None if self._loads is None else self._loads.get(address, 0.0)
                if vendor == AMD:
                    readings[number] = _amd_reading(device)
                else:
                    readings[number] = _intel_reading(folder, load, watts.get(address))
        return readings

    def _joules(self, address: str) -> float | None:
        folder, vendor = self._cards[address]
        device = folder / "device"
        if vendor != INTEL or _text(device / "power/runtime_status") == "suspended":
            return None
        return _scaled(_first_file(device, "energy*_input"), 1e-6)


def _cards(sys: str) -> Iterator[tuple[str, Path, str]]:
    """Yield bus address, folder and vendor of each card of AMD and Intel."""
    try:
        folders = [path for path in Path(sys, "class/drm").iterdir() if _CARD.fullmatch(path.name)]
    except OSError:
        return
    for folder in sorted(folders, key=lambda path: int(path.name[4:])):
        vendor = _text(folder / "device/vendor")
        if vendor in (AMD, INTEL):
            yield (folder / "device").resolve().name, folder, vendor


def _nvidia_count(sys: str) -> int:
    """Return the number of NVIDIA's GPUs, whether or not their driver is loaded."""
    try:
        devices = list(Path(sys, "bus/pci/devices").iterdir())
    except OSError:
        return 0
    # Class 03 is a display controller; such a card is also a sound device.
    return sum(
        _text(path / "vendor") == NVIDIA and _text(path / "class").startswith("0x03") for path in devices
    )


def _amd_reading(device: Path) -> GpuReading:
    power = _first_file(device, "power1_average")
    return GpuReading(
        _text(device / "product_name"),
        percent=_scaled(device / "gpu_busy_percent"),
        memory=_scaled(device / "mem_info_vram_used"),
        memory_total=_scaled(device / "mem_info_vram_total"),
        temperature=_scaled(_first_file(device, "temp1_input"), 1e-3),
        power=_scaled(power if power else _first_file(device, "power1_input"), 1e-6),
        clock=_scaled(_first_file(device, "freq1_input")),
    )


def _intel_reading(folder: Path, load: float | None, watts: float | None) -> GpuReading:
    device = folder / "device"
    files = (
        folder / "gt/gt0/rps_act_freq_mhz",
        folder / "gt_act_freq_mhz",
        device / "tile0/gt0/freq0/act_freq",
    )
    clocks = [clock for file in files if (clock := _scaled(file, 1e6)) is not None]
    return GpuReading(
        percent=load,
        temperature=_scaled(_first_file(device, "temp*_input"), 1e-3),
        power=watts,
        clock=clocks[0] if clocks else None,
        throttled=_intel_throttled(folder),
    )


def _intel_throttled(folder: Path) -> set[str] | None:
    for directory, start in (
        (folder / "gt/gt0", "throttle_reason_"),
        (folder / "device/tile0/gt0/freq0/throttle", "reason_"),
    ):
        reasons: set[str] | None = None
        for path in sorted(directory.glob(f"{start}*")):
            reasons = set() if reasons is None else reasons
            name = path.name.removeprefix(start)
            if name != "status" and _text(path) == "1":
                parts = (reason for part, reason in _INTEL_REASONS.items() if part in name)
                reasons.add(next(parts, "hardware"))
        if reasons is not None:
            return reasons
    return None


def _first_file(device: Path, name: str) -> Path | None:
    return next(iter(sorted(device.glob(f"hwmon/hwmon*/{name}"))), None)


def _scaled(path: Path | None, unit: float = 1.0) -> float | None:
    """Return the number in a file times `unit`; None if there is none."""
    text = _text(path) if path else ""
    return int(text) * unit if re.fullmatch(r"-?\d{1,18}", text, re.ASCII) else None


def _text(path: Path) -> str:
    return plain_label(read_file(path).decode(errors="replace"))
