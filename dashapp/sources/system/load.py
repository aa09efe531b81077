"""Load averages over 1, 5 and 15 minutes, and pressure: the share of delayed time.

Pressure (Linux 4.20 and later) comes from the running totals, not from the kernel's averages, so that a stall
of one second is visible in that second: https://docs.kernel.org/accounting/psi.html
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

import psutil

from dashapp.model.ticks import Metric
from dashapp.sources.rates import CounterRates
from dashapp.sources.system.procfs import ProcFile
from dashapp.sources.system.psutil_safe import PsutilCall, as_list, call_or_none

AVERAGES = tuple(Metric(f"load.{minutes}", f"Load, {minutes} min", "", "load", 0.0) for minutes in (1, 5, 15))
PER_CORE = Metric("load.percore", "Load over cores", "", "load", 0.0)


class LoadSource:
    """Reads /proc/loadavg, or else psutil; `cores` returns the number of CPUs."""

    is_optional = True

    def __init__(
        self,
        proc: str = "/proc",
        averages: PsutilCall = lambda: psutil.getloadavg(),
        cores: Callable[[], int | None] = os.cpu_count,
    ) -> None:
        self._file = ProcFile(f"{proc}/loadavg")
        self._averages = averages
        self._cores = cores
        self.read()  # on Windows psutil starts averaging at the first call

    def read(self) -> Mapping[Metric, float]:
        try:
            averages = [float(word) for word in self._file.read().split()[:3]]
        except (OSError, ValueError):
            averages = [
                load for load in as_list(call_or_none(self._averages)) if isinstance(load, int | float)
            ]
        values = {metric: round(load, 2) for metric, load in zip(AVERAGES, averages, strict=False)}
        if AVERAGES[0] in values and (cores := self._cores()):
            values[PER_CORE] = round(averages[0] / cores, 2)
        return values


_PRESSURE_METRICS = {
    ("cpu", b"some"): Metric("pressure.cpu", "Waiting for CPU", "%", "pressure", 0.0, 100.0),
    ("memory", b"some"): Metric("pressure.memory", "Waiting for memory", "%", "pressure", 0.0, 100.0),
    ("io", b"some"): Metric("pressure.io", "Waiting for disks", "%", "pressure", 0.0, 100.0),
    ("memory", b"full"): Metric(
        "pressure.memory.full", "All waiting for memory", "%", "pressure", 0.0, 100.0
    ),
    ("io", b"full"): Metric("pressure.io.full", "All waiting for disks", "%", "pressure", 0.0, 100.0),
}


class PressureSource:
    """Reads pressure; raises OSError at construction if the kernel does not measure it."""

    is_optional = True

    def __init__(self, proc: str = "/proc", clock: Callable[[], float] = time.monotonic) -> None:
        self._files = {name: ProcFile(f"{proc}/pressure/{name}") for name in ("cpu", "memory", "io")}
        self._clock = clock
        self._rates: CounterRates[Metric] = CounterRates()
        read_at = clock()
        totals = self._totals()
        if not totals:
            raise OSError("this kernel does not measure pressure")
        self._rates.per_second(totals, read_at)

    def read(self) -> Mapping[Metric, float]:
        """Return percent of the time since the last reading: Δtotal (µs) / Δtime x 100."""
        read_at = self._clock()
        rates = self._rates.per_second(self._totals(), read_at)
        return {metric: round(min(100.0, rate / 1e4), 1) for metric, rate in rates.items()}

    def _totals(self) -> dict[Metric, float]:
        contents = {}
        for name, file in self._files.items():
            try:
                contents[name] = file.read()
            except OSError:
                continue  # one can be missing, or disabled (psi=0)
        totals: dict[Metric, float] = {}
        for (name, line), metric in _PRESSURE_METRICS.items():
            _, separator, rest = contents.get(name, b"").partition(line + b" ")
            total = rest.partition(b"\n")[0].rpartition(b"total=")[2]
            if separator and total.isdigit():
                totals[metric] = int(total)
        return totals
