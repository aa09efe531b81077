"""How fast the CPUs run now, on average over the cores, in hertz."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import psutil

from dashapp.model.ticks import Metric
from dashapp.sources.system.procfs import ProcFile
from dashapp.sources.system.psutil_safe import Ask, ask, number

FREQUENCY = Metric("cpu.frequency", "Frequency", "Hz", "frequency", 0.0)

_MEGAHERTZ = re.compile(rb"^cpu MHz\s*:\s*([0-9.]+)", re.MULTILINE)


class FrequencySource:
    """From cpufreq where the kernel scales it, else from /proc/cpuinfo, else from psutil."""

    def __init__(
        self, proc: str = "/proc", sys: str = "/sys", frequency: Ask = lambda: psutil.cpu_freq()
    ) -> None:
        cores = Path(sys, "devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq")
        self._scaled = [ProcFile(path) for path in sorted(cores)]
        self._info = ProcFile(f"{proc}/cpuinfo")
        self._frequency = frequency

    def read(self) -> Mapping[Metric, float]:
        hertz = self._from_cpufreq() or self._from_cpuinfo() or self._from_psutil()
        # Three digits tell more than the cores differ by, and keep the tick short.
        return {FREQUENCY: round(hertz, -6)} if hertz else {}

    def _from_cpufreq(self) -> float:
        found = []
        for file in self._scaled:
            try:
                found.append(1e3 * int(file.read()))
            except (OSError, ValueError):
                continue  # a core that is offline
        return sum(found) / len(found) if found else 0.0

    def _from_cpuinfo(self) -> float:
        try:
            found = [1e6 * float(match) for match in _MEGAHERTZ.findall(self._info.read())]
        except (OSError, ValueError):
            return 0.0
        return sum(found) / len(found) if found else 0.0

    def _from_psutil(self) -> float:
        return 1e6 * (number(ask(self._frequency), "current") or 0.0)
