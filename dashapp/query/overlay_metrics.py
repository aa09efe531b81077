"""The metrics that an overlay compares, and their names and labels.

Metrics that a host has many of, such as cores and devices, stay on its own page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dashapp.model.panels import CPU_KINDS, PANELS, PER_DEVICE_PANELS, Panel
from dashapp.model.ticks import Metric
from dashapp.model.tiles import MAX_CUSTOM_TILES, Tile

# The values in a tile of a host.
TOTAL_LABEL = "CPU"
# Maximum metrics of one host in a panel.
MAX_METRICS_PER_HOST = 4
# Maximum lines of all hosts together: a page requests this many at once (assets/charts/live_view.js).
MAX_LINES = 192


def compared_metrics(catalogues: Mapping[str, Sequence[Metric]]) -> dict[str, list[Metric]]:
    """Return the metrics to compare by host: whole panels in the page's order.

    Of the CPU, only the total is compared.
    """
    catalogues = {
        name: [metric for metric in metrics if metric.key not in CPU_KINDS]
        for name, metrics in catalogues.items()
    }
    counts = {name: Counter(metric.panel for metric in metrics) for name, metrics in catalogues.items()}
    panels = dict.fromkeys(panel for count in counts.values() for panel in count)
    builtin = [panel.name for panel in PANELS]
    order = [name for name in builtin if name in panels] + [name for name in panels if name not in builtin]
    room, chosen = MAX_LINES, set()
    for panel in order:
        lines = [count[panel] for count in counts.values()]
        if panel not in PER_DEVICE_PANELS and max(lines) <= MAX_METRICS_PER_HOST and sum(lines) <= room:
            room -= sum(lines)
            chosen.add(panel)
    return {
        name: [metric for metric in metrics if metric.panel in chosen] for name, metrics in catalogues.items()
    }


def host_metric(name: str, metric: Metric, alone: bool = False) -> Metric:
    """Return a host's metric for the overlay. `alone`: its label is the host's name."""
    label = name if alone else f"{name} {metric.label}"
    return replace(metric, key=f"{name}/{metric.key}", label=label)


def overlay_panels(panels: Sequence[Panel]) -> list[Panel]:
    """Return panels whose key patterns match the metrics of any host."""
    return [
        replace(panel, metrics=_for_any_host(panel.metrics), right=_for_any_host(panel.right))
        for panel in panels
    ]


def overlay_tiles(names: Sequence[str], metrics: Sequence[Metric]) -> list[Tile]:
    """Return a tile for each of the first hosts: its CPU, otherwise its first metric."""
    metrics_by_host = {
        name: [metric for metric in metrics if metric.key.startswith(f"{name}/")] for name in names
    }
    tiles = []
    for name, own_metrics in metrics_by_host.items():
        cpu = [metric for metric in own_metrics if metric.key == f"{name}/cpu.percent"]
        for metric in (cpu or own_metrics)[:1]:
            label = TOTAL_LABEL if cpu else metric.label.removeprefix(name).strip()
            tiles.append(Tile(name, label, (metric.key,), metric.panel))
    return tiles[:MAX_CUSTOM_TILES]


def _for_any_host(patterns: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"*/{pattern}" for pattern in patterns)
