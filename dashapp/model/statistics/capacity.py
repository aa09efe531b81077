"""Which metrics fill up, and the limit of each."""

from __future__ import annotations

import re

from dashapp.model.panels import PANELS
from dashapp.model.ticks import Metric

# Of the machine's metrics only these can fill up; the others are shares of time. A page of several hosts puts
# the name of a host first.
_FILLING = re.compile(
    r"(?:[^/]+/)?(?:filesystem\..+\.percent|memory\.percent|swap\.percent|container\.memory\.percent"
    r"|gpu\..+\.memory\.percent|(?:container|service)\.[^.]+\.memory)"
)
_AMOUNT_UNIT = re.compile(r"%|[kKMGT]?i?B")
# Programs push to the last panel, and have sources of their own for others.
_MACHINE_PANELS = frozenset(panel.name for panel in PANELS) - {"pushed", "demo"}


def capacity(metric: Metric) -> float | None:
    """Return the value at which a metric is full, in its unit; None if it does not fill up.

    >>> capacity(Metric("filesystem.root.percent", "/", "%", "filesystem", 0.0, 100.0))
    100.0
    >>> capacity(Metric("cpu.percent", "CPU", "%", "cpu", 0.0, 100.0))
    """
    if metric.high is None or metric.high <= 0 or not _AMOUNT_UNIT.fullmatch(metric.unit):
        return None
    if metric.panel in _MACHINE_PANELS and not _FILLING.fullmatch(metric.key):
        return None
    return metric.high
