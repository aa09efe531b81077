"""Tiles: the values at the top of the page, and the panel that each links to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from dashapp.model.ticks import Metric

# Limit for custom metrics, if the machine's metrics are not read.
MAX_CUSTOM_TILES = 8
# Tiles keep shorter common beginnings of their titles.
MIN_CUT_PREFIX = 12


@dataclass(frozen=True)
class Tile:
    """A tile of the page.

    `metrics` are keys, or prefixes that end with `*`; if `unit` is set, only metrics with that unit count.
    `highest_only` shows only the highest value. `label` is the whole title if `title` is a part of it.
    """

    title: str
    of: str
    metrics: tuple[str, ...]
    panel: str
    highest_only: bool = False
    unit: str = ""
    label: str = ""

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
    Tile("Network", "in, out", ("network.received", "network.sent"), "network"),
    Tile("Disk", "read, written", ("disk.read", "disk.write"), "disk"),
    Tile("Fullest disk", "", ("filesystem.*",), "filesystem", highest_only=True),
    Tile("Busiest GPU", "", tuple(f"gpu.{number}.percent" for number in range(16)), "gpu", highest_only=True),
    Tile("Hottest", "", ("temperature.*",), "temperature", highest_only=True, unit="°C"),
)


def choose_tiles(metrics: Sequence[Metric], machine: bool = True) -> list[Tile]:
    """Return the machine's tiles, or one per metric if none of them covers any metric.

    Without `machine` there are no tiles until there are metrics.
    """
    if (machine and not metrics) or any(tile.covers(metric) for tile in TILES for metric in metrics):
        return list(TILES)
    shown = metrics[:MAX_CUSTOM_TILES]
    titles = short_titles([metric.label for metric in shown])
    return [Tile(title, "", (metric.key,), metric.panel) for title, metric in zip(titles, shown, strict=True)]


def short_titles(labels: Sequence[str]) -> list[str]:
    """Return the labels without the words that all of them begin with, if those are long.

    A tile shows the beginning of its title, and that must differ.

    >>> short_titles(["north sea turbine 1", "north sea turbine 2"])
    ['… 1', '… 2']
    >>> short_titles(["Core 0", "Core 1"])
    ['Core 0', 'Core 1']
    """
    if len(labels) < 2:
        return list(labels)
    # All that these two have in common, the others have too.
    pairs = zip(min(labels), max(labels), strict=False)
    common = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    prefix = re.sub(r"[^ ._/:-]*$", "", common)
    if len(prefix) < MIN_CUT_PREFIX or any(len(label) <= len(prefix) for label in labels):
        return list(labels)
    return [f"… {label[len(prefix) :]}" for label in labels]
