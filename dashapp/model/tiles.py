"""Tiles: the values at the top of the page, and the panel that each links to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashapp.model.ticks import Metric

# Limit for custom metrics, if the machine's metrics are not read.
MAX_CUSTOM_TILES = 8


@dataclass(frozen=True)
class Tile:
    """A tile of the page.

    `metrics` are keys, or prefixes that end with `*`; if `unit` is set, only metrics with that unit count.
    `highest_only` shows only the highest value.
    """

    title: str
    of: str
    metrics: tuple[str, ...]
    panel: str
    highest_only: bool = False
    unit: str = ""

    def covers(self, metric: Metric) -> bool:
        matches = any(
            metric.key.startswith(key[:-1]) if key.endswith("*") else metric.key == key
            for key in self.metrics
        )
        return matches and self.unit in ("", metric.unit)


TILES = (
    Tile("CPU", "all cores", ("cpu.percent",), "cpu"),
    Tile("Memory", "in use", ("memory.percent",), "memory"),
    Tile("Load", "over a minute", ("load.1",), "load"),
    Tile("Network", "received, sent", ("network.received", "network.sent"), "network"),
    Tile("Disk", "read, written", ("disk.read", "disk.write"), "disk"),
    Tile("Fullest disk", "", ("filesystem.*",), "filesystem", highest_only=True),
    Tile("Hottest", "", ("temperature.*",), "temperature", highest_only=True, unit="°C"),
)


def choose_tiles(metrics: Sequence[Metric], machine: bool = True) -> list[Tile]:
    """Return the machine's tiles, or one per metric if none of them covers any metric.

    Without `machine` there are no tiles until there are metrics.
    """
    if (machine and not metrics) or any(tile.covers(metric) for tile in TILES for metric in metrics):
        return list(TILES)
    return [Tile(metric.label, "", (metric.key,), metric.panel) for metric in metrics[:MAX_CUSTOM_TILES]]
