"""How long the machine has been up, in whole seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import psutil

from dashapp.model.ticks import Metric
from dashapp.sources.system.procfs import ProcFile
from dashapp.sources.system.psutil_safe import Ask, ask

UPTIME = Metric("uptime.seconds", "Up", "s", "uptime", 0.0)


class UptimeSource:
    """From /proc/uptime, or by `now` (seconds UTC) since the start that psutil tells."""

    def __init__(
        self,
        proc: str = "/proc",
        started: Ask = lambda: psutil.boot_time(),
        now: Callable[[], float] = time.time,
    ) -> None:
        self._file = ProcFile(f"{proc}/uptime")
        self._started = started
        self._now = now

    def read(self) -> Mapping[Metric, float]:
        try:
            seconds = float(self._file.read().split()[0])
        except (OSError, ValueError, IndexError):
            started = ask(self._started)
            if not isinstance(started, int | float):
                return {}
            seconds = self._now() - started
        return {UPTIME: round(seconds)} if seconds >= 0 else {}
