"""NVIDIA GPUs, through the driver's library NVML and the package nvidia-ml-py.

The calls can block, so `GpuSource` makes them in a thread. None of them takes more than a millisecond; the
throughput of PCIe takes 20 ms and the total energy 3 ms, so these are not read.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from dashapp.model.ticks import SourceError
from dashapp.sources.named_values import plain_label, to_float
from dashapp.sources.system.gpu.processes import ProcessMemory, device_user_name
from dashapp.sources.system.gpu.reading import GpuReading

# Seconds between two searches for GPUs and slices, and between two readings of the processes.
SEARCH_INTERVAL_S, PROCESS_INTERVAL_S = 30.0, 10.0
MAX_GPUS, MAX_SLICES = 64, 16

# nvmlReturn_t in nvml.h. After the first two a call is not repeated, because it may take half a millisecond.
_NOT_SUPPORTED, _FUNCTION_NOT_FOUND = 3, 13
_UNINITIALIZED, _DRIVER_NOT_LOADED, _GPU_IS_LOST, _RESET_REQUIRED = 1, 9, 15, 16
_LOST = (_UNINITIALIZED, _DRIVER_NOT_LOADED, _GPU_IS_LOST, _RESET_REQUIRED)
# Arguments of nvmlDeviceGetTemperature and nvmlDeviceGetClockInfo.
_SENSOR_GPU, _CLOCK_SM = 0, 1

# nvmlClocksEventReasons: bits of a clock that something holds low. Idle and chosen clocks are no reasons.
_REASON_BITS = {0x04: "power", 0x20: "temperature", 0x40: "temperature", 0x80: "brake"}
_HARDWARE_BIT = 0x08
# Above these a value is an error of the driver: %, bytes, °C, W, Hz.
_MAX_MEMORY, _MAX_DEGREES, _MAX_WATTS, _MAX_HERTZ = 1e15, 200.0, 20_000.0, 1e11


class _LostError(Exception):
    """A GPU does not respond any more; the argument is the reason."""


class _Device(NamedTuple):
    number: str
    handle: Any
    name: str
    is_slice: bool
    # Calls that this GPU does not support.
    unsupported: set[str]

    @property
    def gpu(self) -> str:
        """The number of the whole GPU."""
        return self.number.partition("-")[0]


def has_nvidia(dev: str = "/dev") -> bool:
    """Return whether the driver has made a device; without one nothing imports its library."""
    if os.name == "nt":
        return Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvml.dll").exists()
    return any(Path(dev, name).exists() for name in ("nvidiactl", "nvidia0"))


class NvidiaReader:
    """Reads all GPUs; `load` imports the package.

    A GPU has the number that nvidia-smi shows. `status_message` names GPUs that do not respond.
    """

    driver = "The NVIDIA driver"

    def __init__(
        self,
        proc: str = "/proc",
        load: Callable[[], Any] = lambda: import_module("pynvml"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.status_message = ""
        self.processes: ProcessMemory = []
        self._proc = proc
        self._load = load
        self._clock = clock
        self._nvml: Any = None
        self._problem = ""
        self._next_start = self._next_search = self._next_processes = float("-inf")
        self._devices: list[_Device] = []
        # Why a GPU does not respond: until the next search, and in this reading.
        self._lost: dict[str, str] = {}
        self._failing: dict[str, str] = {}
        self._seen: set[str] = set()
        self._last_error = ""

    def read(self) -> Mapping[str, GpuReading]:
        """Return the readings by number; SourceError if NVML cannot be used."""
        now = self._clock()
        if self._nvml is None:
            self._start(now)
        if now >= self._next_search:
            self._next_search = now + SEARCH_INTERVAL_S
            self._search()
        readings = {}
        self._failing = {}
        for device in self._devices:
            if device.gpu not in self._lost:
                try:
                    readings[device.number] = self._reading(device)
                except _LostError as lost:
                    self._lost[device.gpu] = str(lost)
        if now >= self._next_processes:
            self._next_processes = now + PROCESS_INTERVAL_S
            self.processes = self._process_memory()
        problems = sorted((self._failing | self._lost).items(), key=lambda item: int(item[0]))
        self.status_message = "; ".join(
            f"GPU {number} does not respond ({reason})" for number, reason in problems
        )
        if self._devices and self._lost.keys() >= {device.gpu for device in self._devices}:
            # The driver itself may have been replaced.
            self._stop(now)
        return readings

    def _start(self, now: float) -> None:
        if now < self._next_start:
            raise SourceError(self._problem)
        self._next_start = now + SEARCH_INTERVAL_S
        try:
            nvml = self._load()
            nvml.nvmlInit()
        except ImportError:
            self._problem = "This machine has an NVIDIA GPU; run python -m pip install nvidia-ml-py to see it"
            raise SourceError(self._problem) from None
        except Exception as error:
            # NVMLError is a class of the package, and its library may raise OSError.
            self._problem = f"The NVIDIA GPUs cannot be read ({_reason(error)}); check nvidia-smi"
            raise SourceError(self._problem) from None
        self._nvml = nvml
        self._next_search = float("-inf")

    def _stop(self, now: float) -> None:
        """End NVML, and start it again later."""
        self._problem = self.status_message
        self._call_or_none("nvmlShutdown")
        self._nvml = None
        self._devices, self._lost, self.processes = [], {}, []
        self._next_search = float("-inf")
        self._next_start = now + SEARCH_INTERVAL_S

    def _search(self) -> None:
        known = {device.number: device for device in self._devices}
        self._devices = []
        count = self._call_or_none("nvmlDeviceGetCount")
        for index in range(min(int(count or 0), MAX_GPUS)):
            number = str(index)
            try:
                handle = self._call("nvmlDeviceGetHandleByIndex", index)
                name = _text(self._call_or_none("nvmlDeviceGetName", handle))
                earlier = known.get(number)
                unsupported = earlier.unsupported if earlier is not None and earlier.name == name else set()
                self._devices.append(_Device(number, handle, name, False, unsupported))
                self._devices += self._slices(number, handle, name)
                self._lost.pop(number, None)
            except Exception as error:
                self._lost[number] = _reason(error)
        found = {device.gpu for device in self._devices}
        self._seen |= found
        self._lost |= dict.fromkeys(self._seen - found - self._lost.keys(), "it has disappeared")

    def _slices(self, number: str, handle: Any, name: str) -> list[_Device]:
        """Return the slices of a GPU, if it is divided (Multi-Instance GPU)."""
        mode = self._call_or_none("nvmlDeviceGetMigMode", handle)
        if not mode or mode[0] != 1:
            return []
        slices = []
        count = self._call_or_none("nvmlDeviceGetMaxMigDeviceCount", handle) or 0
        for index in range(min(int(count), MAX_SLICES)):
            # A number without a slice raises an error.
            part = self._call_or_none("nvmlDeviceGetMigDeviceHandleByIndex", handle, index)
            if part is not None:
                part_name = _text(self._call_or_none("nvmlDeviceGetName", part)) or name
                slices.append(_Device(f"{number}-mig{index}", part, part_name, True, set()))
        return slices

    def _reading(self, device: _Device) -> GpuReading:
        """Return the values of a GPU; one whose calls all fail is named on the page."""
        self._last_error = ""
        reading = self._read_values(device)
        if self._last_error and reading == GpuReading(device.name):
            self._failing[device.gpu] = self._last_error
        return reading

    def _read_values(self, device: _Device) -> GpuReading:
        rates = self._value(device, "nvmlDeviceGetUtilizationRates")
        memory, total = self._memory(device)
        if device.is_slice:
            # The other values are those of the whole GPU.
            return GpuReading(device.name, _number(getattr(rates, "gpu", None), 100.0), memory, total)
        degrees = self._value(device, "nvmlDeviceGetTemperature", _SENSOR_GPU)
        if degrees is None:
            # The driver for CUDA 14 has only this one.
            degrees = self._value(device, "nvmlDeviceGetTemperatureV", _SENSOR_GPU)
        milliwatts = self._value(device, "nvmlDeviceGetPowerUsage")
        megahertz = self._value(device, "nvmlDeviceGetClockInfo", _CLOCK_SM)
        return GpuReading(
            device.name,
            percent=_number(getattr(rates, "gpu", None), 100.0),
            memory=memory,
            memory_total=total,
            temperature=_number(degrees, _MAX_DEGREES),
            power=_number(milliwatts, _MAX_WATTS, 1e-3),
            clock=_number(megahertz, _MAX_HERTZ, 1e6),
            throttled=self._throttled(device),
        )

    def _memory(self, device: _Device) -> tuple[float | None, float | None]:
        """Return the bytes in use and in all; the first version counts the driver's reserve as used."""
        info = None
        if (version := getattr(self._nvml, "nvmlMemory_v2", None)) is not None:
            info = self._value(device, "nvmlDeviceGetMemoryInfo", version)
        info = info or self._value(device, "nvmlDeviceGetMemoryInfo")
        used, total = (
            _number(getattr(info, "used", None), _MAX_MEMORY),
            _number(getattr(info, "total", None), _MAX_MEMORY),
        )
        return (None, None) if used is None or not total or used > total else (used, total)

    def _throttled(self, device: _Device) -> set[str] | None:
        for function in (
            "nvmlDeviceGetCurrentClocksEventReasons",
            "nvmlDeviceGetCurrentClocksThrottleReasons",
        ):
            bits = self._value(device, function)
            if isinstance(bits, int):
                reasons = {reason for bit, reason in _REASON_BITS.items() if bits & bit}
                return reasons or ({"hardware"} if bits & _HARDWARE_BIT else set())
        return None

    def _value(self, device: _Device, function: str, *args: Any) -> Any:
        """Return the result of a call, None if this GPU has none.

        Raise _LostError if it does not respond.
        """
        name = f"{function}{args}"
        if name in device.unsupported:
            return None
        try:
            return self._call(function, device.handle, *args)
        except Exception as error:
            code = getattr(error, "value", None)
            if code in _LOST:
                raise _LostError(_reason(error)) from None
            if code in (_NOT_SUPPORTED, _FUNCTION_NOT_FOUND) or not isinstance(code, int):
                device.unsupported.add(name)
            else:
                self._last_error = _reason(error)
            return None

    def _process_memory(self) -> ProcessMemory:
        """Return the name and the GPU memory of each process; a process counts once per GPU."""
        memory: dict[tuple[str, int], int] = {}
        for device in self._devices:
            for kind in ("Compute", "Graphics"):
                function = f"nvmlDeviceGet{kind}RunningProcesses"
                for process in self._call_or_none(function, device.handle) or ():
                    pid, size = getattr(process, "pid", None), getattr(process, "usedGpuMemory", None)
                    # A driver without this number reports none, or the largest one.
                    if isinstance(pid, int) and isinstance(size, int) and 0 <= size < _MAX_MEMORY:
                        key = (device.number, pid)
                        memory[key] = max(memory.get(key, 0), size)
        by_pid: dict[int, int] = {}
        for (number, pid), size in memory.items():
            # A divided GPU lists the processes of its slices too.
            if "-" in number or not any(f"{number}-" in other for other, same in memory if same == pid):
                by_pid[pid] = by_pid.get(pid, 0) + size
        return [(device_user_name(pid, "/dev/nvidia", self._proc), size) for pid, size in by_pid.items()]

    def _call(self, function: str, *args: Any) -> Any:
        return getattr(self._nvml, function)(*args)

    def _call_or_none(self, function: str, *args: Any) -> Any:
        result = None
        with suppress(Exception):  # an error of this call alone, such as a feature that this GPU lacks
            result = self._call(function, *args)
        return result


def _number(value: object, highest: float, factor: float = 1.0) -> float | None:
    number = to_float(value)
    if number is None or not math.isfinite(number) or not 0 <= number * factor <= highest:
        return None
    return number * factor


def _text(value: object) -> str:
    return plain_label(value.decode(errors="replace") if isinstance(value, bytes) else str(value or ""))


def _reason(error: BaseException) -> str:
    return plain_label(str(error)) or type(error).__name__
