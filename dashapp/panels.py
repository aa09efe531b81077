"""Panels: which charts the page has, in their order, with their titles. Knows nothing of Dash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dashapp.model import Metric


@dataclass(frozen=True)
class Panel:
    """A chart of all metrics that name it. `title` says what, `of` of what."""

    name: str
    title: str
    of: str = ""
    unit: str = ""
    low: float | None = 0
    high: float | None = None


def _share(name: str, title: str, of: str) -> Panel:
    return Panel(name, title, of, "%", 0, 100)


PANELS = (
    _share("cpu", "CPU", "all cores together"),
    _share("memory", "Memory", "share in use"),
    _share("cores", "Cores", "CPU, core by core"),
    Panel("load", "Load", "tasks that run or wait, on average"),
    Panel("network", "Network", "all interfaces together", "B/s"),
    Panel("disk", "Disk", "all devices together", "B/s"),
    _share("filesystem", "File systems", "share in use"),
    Panel("pressure", "Pressure", "time that tasks spent waiting", "%"),
    _share("cpukinds", "CPU by kind", "what the time went to"),
    Panel("memorybytes", "Memory by kind", "what it is used for", "B"),
    _share("swap", "Swap", "share in use"),
    Panel("swapping", "Swapping", "to and from disk", "B/s"),
    Panel("disks", "Disks", "device by device", "B/s"),
    Panel("diskops", "Disk operations", "device by device", "1/s"),
    _share("diskbusy", "Disks busy", "share of the time"),
    Panel("interfaces", "Interfaces", "one by one", "B/s"),
    Panel("packets", "Packets", "interface by interface", "1/s"),
    Panel("networkerrors", "Network errors", "errors and drops", "1/s"),
    Panel("connections", "TCP connections", "by state"),
    Panel("temperature", "Temperatures", "sensor by sensor", "°C", low=None),
    Panel("fans", "Fans", "turns", "1/s"),
    _share("battery", "Battery", "charge"),
    Panel("processes", "Processes", "and threads"),
    Panel("kernel", "Kernel", "context switches and interrupts", "1/s"),
    Panel("frequency", "Frequency", "of the CPUs", "Hz"),
    _share("throttling", "Throttling", "periods that the quota cut short"),
    Panel("oomkills", "Out of memory", "processes killed in this container"),
    Panel("uptime", "Uptime", "since the machine started", "s"),
)


# The first panel of those that go into detail.
DETAILS = "pressure"


def panels(metrics: Iterable[Metric]) -> list[Panel]:
    """Every panel that there may be: ours, and one for each other name that a metric gives."""
    known = {panel.name for panel in PANELS}
    others: dict[str, Panel] = {}
    for metric in metrics:
        if metric.panel not in known and metric.panel not in others:
            title = metric.panel.replace("_", " ").capitalize() or "Others"
            others[metric.panel] = Panel(metric.panel, title, "", metric.unit, metric.low, metric.high)
    return [*PANELS, *others.values()]
