"""Panels: the charts of the page, their order and their titles."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashapp.model.panel_spec import (
    CURVE_KIND,
    KINDS,
    RESERVED_PANELS,
    compile_pattern,
    matches_pattern,
    parse_panel_table,
    parse_panel_text,
)
from dashapp.model.quantities import STATE_UNIT
from dashapp.model.runs import RUN_PANEL_PREFIX
from dashapp.model.ticks import Metric


@dataclass(frozen=True)
class Panel:
    """A chart of the page.

    `title` names the subject, and `of` its scope. `low` and `high` bound the axis in units of `unit`.

    `metrics` are keys, or patterns of keys, to draw; if empty, the panel draws all metrics that name it.
    Metrics that match `right` have a second axis on the right. `kind` is one of panel_spec.KINDS, or
    CURVE_KIND. A "stacked" panel stacks the metrics that match `stack`, from the bottom up, and draws others
    as lines; if `stack` is empty, it stacks all. A panel with one line compares it with `reference`: a
    metric's key, a number, or panel_spec.FIRST_POINT. `overridden` names the fields that a settings file
    changes in an existing panel.
    """

    name: str
    title: str
    of: str = ""
    unit: str = ""
    low: float | None = 0
    high: float | None = None
    kind: str = "line"
    metrics: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    stack: tuple[str, ...] = ()
    reference: str | float | None = None
    overridden: frozenset[str] = frozenset()

    @staticmethod
    def from_table(table: Mapping[str, Any]) -> Panel:
        """Return the panel of a `[[panel]]` table in a settings file.

        Raises ValueError with what is expected.
        """
        fields = parse_panel_table(table)
        panel = Panel(**{"low": None, **fields})
        return replace(panel, overridden=frozenset(table.keys() & fields.keys()))

    @staticmethod
    def parse(text: str) -> Panel:
        """Return the panel of the same table on one line, such as `name="cpu", kind="area"`."""
        return Panel.from_table(parse_panel_text(text))

    def select(self, metrics: Iterable[Metric]) -> list[Metric]:
        """Return the metrics to draw, in the order of the patterns and then of `metrics`.

        No metric occurs twice.
        """
        metrics = list(metrics)
        if not self.metrics:
            own = [metric for metric in metrics if metric.panel == self.name]
            if not self.right:
                return own
            keys = {metric.key for metric in own}
            return own + [metric for metric in metrics if metric.key not in keys and self.is_on_right(metric)]
        metric_by_key: dict[str, Metric] = {}
        for pattern in (*self.metrics, *self.right):
            matches = compile_pattern(pattern)
            metric_by_key |= {
                metric.key: metric
                for metric in metrics
                if metric.key not in metric_by_key and matches(metric.key)
            }
        return list(metric_by_key.values())

    def is_on_right(self, metric: Metric) -> bool:
        return any(matches_pattern(pattern, metric.key) for pattern in self.right)

    def left_metrics(self, members: Sequence[Metric]) -> list[Metric]:
        """Return the metrics on the left axis, of those that `select` returned.

        A panel with patterns but no unit has the first unit there (assets/data/axis_sides.js).
        """
        left = [metric for metric in members if not self.is_on_right(metric)]
        if self.metrics and not self.right and not self.unit:
            return [metric for metric in left if metric.unit == left[0].unit]
        return left

    def is_stacked(self, metric: Metric) -> bool:
        """Return whether the panel stacks the metric, as one of several that `stack` names."""
        return self.kind == "stacked" and any(matches_pattern(pattern, metric.key) for pattern in self.stack)


def _percent_panel(name: str, title: str, of: str) -> Panel:
    return Panel(name, title, of, "%", 0, 100)


# Waiting for disks is idle time, so it is above the total.
CPU_KINDS = tuple(f"cpu.{kind}" for kind in ("user", "nice", "system", "irq", "steal", "iowait"))

PANELS = (
    replace(_percent_panel("cpu", "CPU", "all cores together"), kind="stacked", stack=CPU_KINDS),
    _percent_panel("memory", "Memory", "share in use"),
    _percent_panel("cores", "Cores", "CPU, core by core"),
    Panel("load", "Load", "tasks that run or wait, on average"),
    Panel("network", "Network", "all interfaces together", "B/s"),
    Panel("disk", "Disk", "all devices together", "B/s"),
    _percent_panel("filesystem", "File systems", "share in use"),
    _percent_panel("gpu", "GPUs", "time with work, memory in use"),
    Panel("gpumemory", "GPU memory", "in use", "B"),
    Panel("containers", "Container CPU", "of the machine", "%", kind="stacked"),
    Panel("containermemory", "Container memory", "without cache", "B", kind="stacked"),
    Panel("services", "Service CPU", "of the machine", "%", kind="stacked"),
    Panel("servicememory", "Service memory", "without cache", "B", kind="stacked"),
    Panel("checks", "Checks", unit=STATE_UNIT, high=1),
    Panel("checklatency", "Check latency", "until the answer is complete", "s"),
    Panel("checkcertificates", "Certificates", "until they expire", "days", low=None, kind="bar"),
    Panel("checkstatus", "HTTP status", "of the checks", kind="table"),
    Panel("demo", "Demo", "two random walks", low=None, right=("demo.gbpusd",)),
    Panel("pressure", "Pressure", "time that tasks spent waiting", "%"),
    Panel(
        *("memorybytes", "Memory by kind", "what it is used for", "B"),
        kind="stacked",
        # Together all memory. Cache is partly available and partly in use.
        stack=("memory.used", "memory.available"),
    ),
    _percent_panel("swap", "Swap", "share in use"),
    Panel("swapping", "Swapping", "to and from disk", "B/s"),
    Panel("disks", "Disks", "device by device", "B/s"),
    Panel("diskops", "Disk operations", "device by device", "1/s"),
    _percent_panel("diskbusy", "Disks busy", "share of the time"),
    Panel("interfaces", "Interfaces", "one by one", "B/s"),
    Panel("packets", "Packets", "interface by interface", "1/s"),
    Panel("networkerrors", "Network errors", "errors and drops", "1/s"),
    Panel("connections", "TCP connections", "by state"),
    Panel("temperature", "Temperatures", "sensor by sensor", "°C", low=None),
    Panel("fans", "Fans", "turns", "1/s"),
    _percent_panel("battery", "Battery", "charge"),
    Panel("gputemperature", "GPU temperatures", "GPU by GPU", "°C", low=None),
    Panel("gpupower", "GPU power", "GPU by GPU", "W"),
    Panel("gpuclock", "GPU clocks", "of the processors", "Hz"),
    Panel("gputhrottled", "GPU throttling", "1 if limited", high=1),
    Panel("containerdisk", "Container disk", unit="B/s"),
    Panel("failedunits", "Failed units", "number and names", kind="table"),
    Panel("processes", "Processes", "and threads"),
    Panel("kernel", "Kernel", "context switches and interrupts", "1/s"),
    Panel("frequency", "Frequency", "of the CPUs", "Hz"),
    _percent_panel("throttling", "Throttling", "periods that the quota cut short"),
    Panel("oomkills", "Out of memory", "processes killed in this container"),
    Panel("uptime", "Uptime", "since the machine started", "s"),
    # Always present, so that an open page can draw the first values that a program pushes.
    Panel("pushed", "Pushed", "by programs", low=None),
)
_BUILT_IN_NAMES = frozenset(panel.name for panel in PANELS)
# Panels with one line per device, core, container, service or check.
PER_DEVICE_PANELS = {
    *("cores", "filesystem", "disks", "diskops", "diskbusy", "interfaces", "packets", "networkerrors"),
    *("temperature", "fans", "gpu", "gpumemory", "gputemperature", "gpupower", "gpuclock", "gputhrottled"),
    *("containers", "containermemory", "containerdisk", "services", "servicememory", "failedunits"),
    *("checks", "checklatency", "checkcertificates", "checkstatus"),
}


# The detailed panels begin with this one.
FIRST_DETAIL_PANEL = "pressure"
# Panels that metrics name in addition to these: a page with more takes seconds.
MAX_EXTRA_PANELS = 3000


def separate_panel(name: str, alternative: str) -> str:
    """Return the name of a panel of the user: `alternative` if the page itself uses `name`.

    The metrics of a built-in panel can have another unit, and thus need another axis.

    >>> separate_panel("weather", "weather-pushed"), separate_panel("disk", "disk-pushed")
    ('weather', 'disk-pushed')
    """
    return alternative if name in _BUILT_IN_NAMES or name in RESERVED_PANELS else name


def all_panels(
    metrics: Iterable[Metric],
    custom_panels: Sequence[Panel] = (),
    panel_kinds: Mapping[str, str] | None = None,
) -> list[Panel]:
    """Return every panel in order: the chosen, the built-in, and those of other metrics.

    Of the last, there are at most MAX_EXTRA_PANELS.

    A chosen panel with the name of another panel overrides the fields that it sets. `panel_kinds` maps a
    panel's name to the kind that its source requests; a chosen kind takes precedence.
    """
    built_in = {panel.name: panel for panel in PANELS}
    extra_panels: dict[str, Panel] = {}
    for metric in metrics:
        if metric.panel.startswith(RUN_PANEL_PREFIX):
            continue  # the groups of runs draw them
        if len(extra_panels) >= MAX_EXTRA_PANELS:
            break
        if metric.panel not in built_in and metric.panel not in extra_panels:
            title = metric.panel.replace("_", " ").replace("-", " ").capitalize() or "Others"
            extra_panels[metric.panel] = Panel(metric.panel, title, "", metric.unit, metric.low, metric.high)
    # The user's own panels come before the detailed ones.
    details = [panel.name for panel in PANELS].index(FIRST_DETAIL_PANEL)
    panels = dict([*[*built_in.items()][:details], *extra_panels.items(), *[*built_in.items()][details:]])
    for name, kind in (panel_kinds or {}).items():
        if name in panels and kind in KINDS:
            panels[name] = replace(panels[name], kind=kind)
        elif name in panels and kind == CURVE_KIND:
            # The metric counts points. Unit and bounds come with the curves themselves.
            panels[name] = replace(panels[name], kind=kind, unit="", low=None, high=None)
    overrides = {panel.name: _apply_override(panels.get(panel.name), panel) for panel in custom_panels}
    return [*(overrides | {name: panel for name, panel in panels.items() if name not in overrides}).values()]


def select_members(panels: Iterable[Panel], metrics: Sequence[Metric]) -> dict[str, list[Metric]]:
    """Return what `select` returns for each panel, by its name.

    A program can push a thousand names, each with a panel of its own, so no panel looks at all metrics.
    """
    named: dict[str, list[Metric]] = {}
    for metric in metrics:
        named.setdefault(metric.panel, []).append(metric)
    return {
        panel.name: panel.select(metrics if panel.metrics or panel.right else named.get(panel.name, ()))
        for panel in panels
    }


def keys_of_panels(
    names: Container[str], metrics: Collection[Metric], custom_panels: Sequence[Panel]
) -> frozenset[str]:
    """Return the keys of the metrics that the panels in `names` draw."""
    panels = [panel for panel in all_panels(metrics, custom_panels) if panel.name in names]
    members = select_members(panels, [*metrics])
    return frozenset(metric.key for selected in members.values() for metric in selected)


def _apply_override(panel: Panel | None, override: Panel) -> Panel:
    if panel is None:
        return override
    return replace(panel, **{name: getattr(override, name) for name in override.overridden})
