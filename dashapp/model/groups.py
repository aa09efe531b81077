"""Groups: the parts of the page, and the group of each panel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """A part of the page. `name` is its anchor."""

    name: str
    title: str
    panels: tuple[str, ...] = ()


# A panel that no group names is the user's.
YOURS = "yours"
OVERVIEW = "overview"
SYSTEM = "system"
GROUPS = (
    Group(OVERVIEW, "Overview", ("hosts", "cpu", "memory")),
    Group(YOURS, "Yours"),
    Group("checks", "Checks", ("checks", "checklatency", "checkcertificates", "checkstatus")),
    Group("cpu", "CPU", ("cores", "load", "pressure", "throttling")),
    Group("memory", "Memory", ("memorybytes", "swap", "swapping", "oomkills")),
    Group("disks", "Disks", ("disk", "disks", "diskops", "diskbusy", "filesystem")),
    Group("network", "Network", ("network", "interfaces", "packets", "connections", "networkerrors")),
    Group("gpu", "GPU", ("gpu", "gpumemory", "gputemperature", "gpupower", "gpuclock", "gputhrottled")),
    Group(
        "processes",
        "Processes",
        (
            *("top", "processes", "containers", "containermemory", "containerdisk"),
            *("services", "servicememory", "failedunits"),
        ),
    ),
    Group(SYSTEM, "System", ("alerts", "temperature", "fans", "battery", "kernel", "frequency", "uptime")),
)
# Panels with the same numbers, together and by device. The page shows one of each pair.
TWINS = {"disk": "disks", "network": "interfaces"}
# Panels whose values are part of the heading of their group, until the user opens them.
HEADING_PANELS = ("uptime", "frequency", "kernel")
_GROUP_BY_PANEL = {panel: group.name for group in GROUPS for panel in group.panels}


def group_of(panel: str) -> str:
    """Return the name of the group of a panel or a table.

    >>> group_of("swap"), group_of("weather")
    ('memory', 'yours')
    """
    return _GROUP_BY_PANEL.get(panel, YOURS)
