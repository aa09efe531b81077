"""A module in place of pynvml that plays the recording of an H100, with errors of the driver on request.

The recording has one reading per second of an idle GPU, and of two programs that use it.
"""

# ruff: noqa: N802, N815 -- the names of pynvml

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

RECORDING = Path(__file__).resolve().parents[1] / "sources/system/h100.jsonl"
HEAD, *READINGS = [json.loads(line) for line in RECORDING.read_text().splitlines()]
# The part of the memory that the driver keeps, which `used` of the first version includes.
RESERVED = 480 * 2**20

NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND, FUNCTION_NOT_FOUND, GPU_IS_LOST, UNKNOWN = 3, 4, 6, 13, 15, 999
_TEXTS = {
    NOT_SUPPORTED: "Not Supported",
    NO_PERMISSION: "Insufficient Permissions",
    NOT_FOUND: "Not Found",
    FUNCTION_NOT_FOUND: "Function Not Found",
    GPU_IS_LOST: "GPU is lost",
    UNKNOWN: "Unknown Error",
    9: "Driver Not Loaded",
    12: "NVML Shared Library Not Found",
    16: "GPU requires reset",
    18: "Driver/library version mismatch",
}


class NVMLError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(_TEXTS.get(value, "Unknown Error"))
        self.value = value


class RecordedNvml:
    """Plays reading `index` for each of `gpus` GPUs. `slices`: the number of slices of each.

    `errors`: the error of each function; `results`: what a function returns in place of the recorded value.
    `calls` counts the calls of each function.
    """

    nvmlMemory_v2: int | None = 0x02000028

    def __init__(self, gpus: int = 1, slices: int = 0) -> None:
        self.index = 0
        self.gpus = gpus
        self.slices = slices
        self.errors: dict[str, int] = {}
        self.results: dict[str, Any] = {}
        self.lost: set[int] = set()
        self.calls: dict[str, int] = {}
        self.before: Callable[[], object] = lambda: None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if not name.startswith("nvml") or not hasattr(type(self), f"_{name}"):
            raise AttributeError(name)
        return partial(self._call, name)

    def _call(self, name: str, *args: Any) -> Any:
        self.before()
        self.calls[name] = self.calls.get(name, 0) + 1
        if name in self.errors:
            raise NVMLError(self.errors[name])
        if args and args[0] in self.lost:
            raise NVMLError(GPU_IS_LOST)
        if name in self.results:
            return self.results[name]
        return getattr(self, f"_{name}")(*args)

    @property
    def reading(self) -> dict[str, Any]:
        reading: dict[str, Any] = READINGS[self.index]
        return reading

    def _nvmlInit(self) -> None:
        pass

    def _nvmlShutdown(self) -> None:
        pass

    def _nvmlDeviceGetCount(self) -> int:
        return self.gpus

    def _nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def _nvmlDeviceGetName(self, handle: Any) -> str:
        return str(HEAD["name"])

    def _nvmlDeviceGetMigMode(self, handle: Any) -> list[int]:
        return [1, 1] if self.slices else list(HEAD["mig"])

    def _nvmlDeviceGetMaxMigDeviceCount(self, handle: Any) -> int:
        return 7

    def _nvmlDeviceGetMigDeviceHandleByIndex(self, handle: Any, index: int) -> str:
        if index >= self.slices:
            raise NVMLError(NOT_FOUND)
        return f"{handle}/{index}"

    def _nvmlDeviceGetUtilizationRates(self, handle: Any) -> SimpleNamespace:
        if self.slices:
            raise NVMLError(NOT_SUPPORTED)
        return SimpleNamespace(gpu=self.reading["gpu"], memory=0)

    def _nvmlDeviceGetMemoryInfo(self, handle: Any, version: int | None = None) -> SimpleNamespace:
        memory = dict(self.reading["memory"])
        if version:
            memory["used"] -= RESERVED
        if isinstance(handle, str):
            memory = {name: size // 7 for name, size in memory.items()}
        return SimpleNamespace(**memory)

    def _nvmlDeviceGetTemperature(self, handle: Any, sensor: int) -> int:
        return int(self.reading["temperature"])

    def _nvmlDeviceGetPowerUsage(self, handle: Any) -> int:
        return int(self.reading["power"])

    def _nvmlDeviceGetClockInfo(self, handle: Any, kind: int) -> int:
        return int(self.reading["clock"])

    def _nvmlDeviceGetCurrentClocksEventReasons(self, handle: Any) -> int:
        return int(self.reading["reasons"])

    def _nvmlDeviceGetComputeRunningProcesses(self, handle: Any) -> list[SimpleNamespace]:
        return [SimpleNamespace(**process) for process in self.reading["processes"]]

    def _nvmlDeviceGetGraphicsRunningProcesses(self, handle: Any) -> list[SimpleNamespace]:
        return []
