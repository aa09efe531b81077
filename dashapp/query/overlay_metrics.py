"""What is laid over each other of several hosts: the metrics that compare, and what they are called then.

What a host has many of, its cores and devices, is left to its own page. Knows no store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dashapp.model.panels import PANELS, PER_DEVICE_PANELS, Panel
from dashapp.model.ticks import Metric
from dashapp.model.tiles import MAX_CUSTOM_TILES, Tile

# Metrics of a panel that each host may have.
MAX_METRICS_PER_HOST = 4
# Lines of all hosts together: what a page asks for at once (assets/charts/live_view.js).
MAX_LINES = 192


def compared_metrics(catalogues: Mapping[str, Sequence[Metric]]) -> dict[str, list[Metric]]:
    """The metrics of each host that are laid over: whole panels, in the page's order, while there is room."""
    counts = {name: Counter(metric.panel for metric in metrics) for name, metrics in catalogues.items()}
    there = dict.fromkeys(panel for count in counts.values() for panel in count)
    ours = [panel.name for panel in PANELS]
    order = [name for name in ours if name in there] + [name for name in there if name not in ours]
    room, chosen = MAX_LINES, set()
    for panel in order:
        lines = [count[panel] for count in counts.values()]
        if panel not in PER_DEVICE_PANELS and max(lines) <= MAX_METRICS_PER_HOST and sum(lines) <= room:
            room -= sum(lines)
            chosen.add(panel)
    return {name: [each for each in metrics if each.panel in chosen] for name, metrics in catalogues.items()}


def host_metric(name: str, metric: Metric, alone: bool = False) -> Metric:
    """A host's metric among those of others; the host alone is its label where it has one of the kind."""
    label = name if alone else f"{name} {metric.label}"
    return replace(metric, key=f"{name}/{metric.key}", label=label)


def overlay_panels(panels: Sequence[Panel]) -> list[Panel]:
    """Panels that were chosen by patterns of keys, of any host's."""
    return [
        replace(each, metrics=_for_any_host(each.metrics), right=_for_any_host(each.right)) for each in panels
    ]


def overlay_tiles(names: Sequence[str], metrics: Sequence[Metric]) -> list[Tile]:
    """The CPU of each of the first hosts, or else the first of their metrics."""
    first = {name: [metric for metric in metrics if metric.key.startswith(f"{name}/")] for name in names}
    tiles = []
    for name, own in first.items():
        cpu = [metric for metric in own if metric.key == f"{name}/cpu.percent"]
        for metric in (cpu or own)[:1]:
            of = "CPU" if cpu else metric.label.removeprefix(name).strip()
            tiles.append(Tile(name, of, (metric.key,), metric.panel))
    return tiles[:MAX_CUSTOM_TILES]


def _for_any_host(patterns: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"*/{pattern}" for pattern in patterns)
