"""GPUs as a source. A thread calls their driver, which can hang without delaying anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Protocol

from dashapp.model.ticks import Metric, SourceError
from dashapp.sources.machine import MachineFiles
from dashapp.sources.polling import BackgroundSource
from dashapp.sources.system.gpu.nvidia import NvidiaReader, has_nvidia
from dashapp.sources.system.gpu.processes import ProcessMemory, group_by_name
from dashapp.sources.system.gpu.reading import GpuMetrics, GpuProcess, GpuReading
from dashapp.sources.system.gpu.sysfs import SysfsReader, has_sysfs_gpus

TIMEOUT_S = 5.0
# Seconds between two checks for a GPU, on a machine without one: a driver can be loaded later.
CHECK_INTERVAL_S = 30.0
# The processes of an older reading are not shown.
MAX_PROCESS_AGE_S = 30.0


class GpuReader(Protocol):
    """Reads the GPUs of one driver; it may block."""

    driver: str
    status_message: str
    processes: ProcessMemory

    def read(self) -> Mapping[str, GpuReading]:
        """Return the reading of each GPU by its number; SourceError if there is none."""


class GpuSource:
    """Reads `reader` in a thread from the first time that `is_present` is true."""

    is_optional = True

    def __init__(
        self,
        reader: GpuReader,
        is_present: Callable[[], bool],
        timeout: float = TIMEOUT_S,
        max_wait: float = 0.02,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = "GPUs"
        self.status_message = ""
        self._reader = reader
        self._is_present = is_present
        self._timeout = timeout
        self._clock = clock
        self._readings = _Readings(reader, clock)
        self._background = BackgroundSource(
            self._readings, timeout=timeout, max_wait=max_wait, clock=clock, name=self.name
        )
        self._has_started = False
        self._next_check = float("-inf")

    def read(self) -> Mapping[Metric, float]:
        if not self._has_started:
            now = self._clock()
            if now < self._next_check:
                return {}
            self._next_check = now + CHECK_INTERVAL_S
            self._has_started = self._is_present()
            if not self._has_started:
                return {}
        try:
            values = self._background.read()
        except TimeoutError:
            raise SourceError(
                f"{self._reader.driver} has not responded for {self._timeout:g} s; "
                "its GPUs have no values until it does"
            ) from None
        self.status_message = self._background.status_message
        return values

    def processes(self) -> list[GpuProcess]:
        """Return the processes on the GPUs by name, the one with the most memory first."""
        memory, read_at = self._readings.processes
        return group_by_name(memory) if self._clock() - read_at <= MAX_PROCESS_AGE_S else []


class _Readings:
    """Converts readings to values, in the thread of the driver."""

    def __init__(self, reader: GpuReader, clock: Callable[[], float]) -> None:
        self.status_message = ""
        self.processes: tuple[ProcessMemory, float] = ([], float("-inf"))
        self._reader = reader
        self._clock = clock
        self._metrics = GpuMetrics()

    def read(self) -> Mapping[Metric, float]:
        values: dict[Metric, float] = {}
        for number, reading in self._reader.read().items():
            values |= self._metrics.values(number, reading)
        self.status_message = self._reader.status_message
        self.processes = (self._reader.processes, self._clock())
        return values


def gpu_sources(machine: MachineFiles) -> list[GpuSource]:
    """Return one source for each driver; none of them reads or imports anything without a GPU."""
    return [
        GpuSource(NvidiaReader(machine.proc), has_nvidia),
        GpuSource(SysfsReader(machine.sys, machine.proc), lambda: has_sysfs_gpus(machine.sys)),
    ]


def gpu_processes(sources: Iterable[object]) -> list[dict[str, str | int]]:
    """Return the processes on all GPUs of these sources: name, bytes and count of each name."""
    found = chain.from_iterable(source.processes() for source in sources if isinstance(source, GpuSource))
    return [{"name": each.name, "bytes": each.bytes, "count": each.count} for each in found]
