"""The kernel's count of CPU time in hundredths of a second, from which shares are computed."""

from __future__ import annotations

import psutil
from waiting import wait_for


def let_time_pass() -> None:
    """Wait until the kernel has counted more time on each core, however long that takes."""
    before = _counted()
    wait_for(lambda: all(new > old + 0.05 for new, old in zip(_counted(), before, strict=True)))


def _counted() -> list[float]:
    return [sum(times) for times in psutil.cpu_times(percpu=True)]
