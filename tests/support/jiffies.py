"""The kernel's own count of CPU time, which goes on in hundredths of a second: what shares are made of."""

from __future__ import annotations

import psutil
from waiting import wait_for


def let_time_pass() -> None:
    """Until some more is counted of each core's time; how long that takes is the machine's matter."""
    before = _counted()
    wait_for(lambda: all(new > old + 0.05 for new, old in zip(_counted(), before, strict=True)))


def _counted() -> list[float]:
    return [sum(times) for times in psutil.cpu_times(percpu=True)]
