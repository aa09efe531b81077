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
        # By bus address.
        self._cards: dict[str, _Card] = {}
        self._numbers: dict[str, int] = {}
        self._loads: Mapping[str, float] | None = None
        self._energy: CounterRates[str] = CounterRates()
        self._next_search = self._next_clients = float("-inf")

    def read(self) -> Mapping[str, GpuReading]:
        now = self._clock()
        if now >= self._next_search:
            self._next_search = now + SEARCH_INTERVAL_S
            self._cards = {address: _Card(folder, vendor) for address, folder, vendor in _cards(self._sys)}
            for address in self._cards:
                self._numbers.setdefault(address, self._first_number + len(self._numbers))
        if now >= self._next_clients:
            self._next_clients = now + CLIENT_INTERVAL_S
            self._loads, self.processes = self._clients.read(now)
        awake = {address: card for address, card in self._cards.items() if card.is_awake()}
        if any(not card.exists() for card in self._cards.values() if card not in awake.values()):
            # One has been removed.
            self._next_search = now
        joules = {address: count for address, card in awake.items() if (count := card.joules()) is not None}
        watts = self._energy.per_second(joules, now)
        readings = {}
        for address, card in awake.items():
            load = None if self._loads is None else self._loads.get(address, 0.0)
            readings[str(self._numbers[address])] = card.reading(load, watts.get(address))
        return readings


class _Card:
    """A card of AMD or Intel, with the paths of its files; finding them takes longer than reading them."""

    def __init__(self, folder: Path, vendor: str) -> None:
        self._is_amd = vendor == AMD
        self._device = device = folder / "device"
        self._name = _text(device / "product_name")
        self._status = device / "power/runtime_status"
        self._temperature = _first_file(device, "temp1_input" if self._is_amd else "temp*_input")
        self._power = _first_file(device, "power1_average") or _first_file(device, "power1_input")
        self._energy = None if self._is_amd else _first_file(device, "energy*_input")
        clocks = (
            (_first_file(device, "freq1_input"), 1.0),
            (folder / "gt/gt0/rps_act_freq_mhz", 1e6),
            (folder / "gt_act_freq_mhz", 1e6),
            (device / "tile0/gt0/freq0/act_freq", 1e6),
        )
        self._clock, self._clock_unit = next(
            ((path, unit) for path, unit in clocks if path is not None and path.is_file()), (None, 1.0)
        )
        self._reasons = _intel_reasons(folder)

    def exists(self) -> bool:
        return self._device.exists()

    def is_awake(self) -> bool:
        """Return whether the card can be read; a reading would wake one that sleeps."""
        return self.exists() and _text(self._status) != "suspended"

    def joules(self) -> float | None:
        return _scaled(self._energy, 1e-6)

    def reading(self, load: float | None, watts: float | None) -> GpuReading:
        """Return the values. `load` and `watts` are for an Intel card, which has no files of them."""
        device = self._device
        throttled = None
        if self._reasons:
            throttled = {reason for path, reason in self._reasons.items() if _text(path) == "1" and reason}
        return GpuReading(
            self._name,
            percent=_scaled(device / "gpu_busy_percent") if self._is_amd else load,
            memory=_scaled(device / "mem_info_vram_used") if self._is_amd else None,
            memory_total=_scaled(device / "mem_info_vram_total") if self._is_amd else None,
            temperature=_scaled(self._temperature, 1e-3),
            power=_scaled(self._power, 1e-6) if self._power else watts,
            clock=_scaled(self._clock, self._clock_unit),
            throttled=throttled,
        )


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


def _intel_reasons(folder: Path) -> Mapping[Path, str]:
    """Return the reason of each file that has one; that of the file of all reasons together is empty."""
    for directory, start in (
        (folder / "gt/gt0", "throttle_reason_"),
        (folder / "device/tile0/gt0/freq0/throttle", "reason_"),
    ):
        reasons = {}
        for path in sorted(directory.glob(f"{start}*")):
            name = path.name.removeprefix(start)
            words = (reason for part, reason in _INTEL_REASONS.items() if part in name)
            reasons[path] = "" if name == "status" else next(words, "hardware")
        if reasons:
            return reasons
    return {}


def _first_file(device: Path, name: str) -> Path | None:
    return next(iter(sorted(device.glob(f"hwmon/hwmon*/{name}"))), None)


def _scaled(path: Path | None, unit: float = 1.0) -> float | None:
    """Return the number in a file times `unit`; None if there is none."""
    text = _text(path) if path else ""
    return int(text) * unit if re.fullmatch(r"-?\d{1,18}", text, re.ASCII) else None


def _text(path: Path) -> str:
    return plain_label(read_file(path).decode(errors="replace"))
