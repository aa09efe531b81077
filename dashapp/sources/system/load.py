"""Load averages: how many threads run or wait to run, over 1, 5 and 15 minutes, and over the cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import psutil

from dashapp.model.ticks import Metric
from dashapp.sources.system.procfs import ProcFile
from dashapp.sources.system.psutil_safe import Ask, ask, listed

AVERAGES = tuple(Metric(f"load.{minutes}", f"Load, {minutes} min", "", "load", 0.0) for minutes in (1, 5, 15))
PER_CORE = Metric("load.percore", "Load over cores", "", "load", 0.0)


class LoadSource:
    """`cores`: how many CPUs share the load. From /proc/loadavg, or psutil where there is none."""

    def __init__(
        self,
        proc: str = "/proc",
        averages: Ask = lambda: psutil.getloadavg(),
        cores: Callable[[], int | None] = os.cpu_count,
    ) -> None:
        self._file = ProcFile(f"{proc}/loadavg")
        self._averages = averages
        self._cores = cores
        self.read()  # on Windows psutil begins to average with the first call

    def read(self) -> Mapping[Metric, float]:
        try:
            found = [float(word) for word in self._file.read().split()[:3]]
        except (OSError, ValueError):
            found = [load for load in listed(ask(self._averages)) if isinstance(load, int | float)]
        values = {metric: round(load, 2) for metric, load in zip(AVERAGES, found, strict=False)}
        if AVERAGES[0] in values and (cores := self._cores()):
            values[PER_CORE] = round(found[0] / cores, 2)
        return values
