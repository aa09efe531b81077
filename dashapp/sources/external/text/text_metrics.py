"""Metrics for the names in a text: their keys, labels, units and panels."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection

from dashapp.model.ticks import Metric
from dashapp.sources.external.number_parsing import Quantity
from dashapp.sources.external.text.values import Name
from dashapp.sources.slug import MAX_SLUG_LENGTH, SlugRegistry

# A text that has a new name every second would flood the page.
MAX_NAMES = 1000
MAX_LABEL_CHARS = 64
# Parts of the panels' names, so that each unit has its own axis.
_UNIT_WORDS = {
    "%": "percent",
    "B": "bytes",
    "B/s": "bytes-per-second",
    "bit/s": "bits-per-second",
    "1/s": "per-second",
    "°C": "celsius",
    "Hz": "hertz",
    "s": "seconds",
    "W": "watts",
    "V": "volts",
    "A": "amperes",
}


class TextMetrics:
    """At most MAX_NAMES metrics of `source_name`.

    `prefix` is the first part of their keys, and `panel` that of the names of their panels. `problem` is a
    sentence about the newest name that was not accepted; the caller clears it.
    """

    def __init__(self, prefix: str, panel: str, source_name: str) -> None:
        self.problem = ""
        self._prefix = prefix
        self._panel = panel
        self._source_name = source_name
        self._metrics: dict[Name, Metric] = {}
        self._slugs, self._row_slugs, self._column_slugs = SlugRegistry(), SlugRegistry(), SlugRegistry()

    def __len__(self) -> int:
        return len(self._metrics)

    def __contains__(self, name: Name) -> bool:
        return name in self._metrics

    def __getitem__(self, name: Name) -> Metric:
        return self._metrics[name]

    @property
    def is_full(self) -> bool:
        return len(self._metrics) >= MAX_NAMES

    def keep(self, names: Collection[Name]) -> None:
        """Forget all other names, so that new ones have room."""
        self._metrics = {name: metric for name, metric in self._metrics.items() if name in names}
        self._slugs.keep({name.column for name in names if not name.row})
        self._row_slugs.keep({name.row for name in names})
        self._column_slugs.keep({name.column for name in names if name.row})

    def accept(self, name: Name, quantity: Quantity) -> bool:
        """Return whether `name` has a metric with this unit; create it if there is room."""
        metric = self._metrics.get(name)
        if metric is None and self.is_full:
            return False
        if metric is None or (metric.unit != quantity.unit and not metric.unit and quantity.unit):
            self._metrics[name] = metric = self._make_metric(name, quantity.unit)
        if metric.unit != quantity.unit and quantity.value:
            self.problem = (
                f'"{metric.label}" of {self._source_name} has the unit {metric.unit} in one line and '
                f"{quantity.unit or 'none'} in another; only the first unit is read"
            )
            return False
        return True

    def _make_metric(self, name: Name, unit: str) -> Metric:
        if name.row:
            parts = [self._row_slugs(_distinct(name.row)), self._column_slugs(_distinct(name.column))]
        else:
            parts = [self._slugs(name.column)]
        key = ".".join((self._prefix, *parts))
        label = "".join(letter for letter in name.label if letter.isprintable())
        if len(label) > MAX_LABEL_CHARS:
            # The end of a long label has the name of the column.
            label = f"{label[: MAX_LABEL_CHARS // 2 - 1]}…{label[-MAX_LABEL_CHARS // 2 :]}"
        word = _UNIT_WORDS.get(unit) or re.sub(r"[^a-z0-9]+", "-", unit.lower()).strip("-")
        return Metric(key, label or key, unit, f"{self._panel}-{word}" if word else self._panel)


def _distinct(name: str) -> str:
    """Return the name, with a hash of it if its slug would be cut off or empty."""
    if len(name) <= MAX_SLUG_LENGTH and re.search(r"[a-zA-Z0-9]", name):
        return name
    return f"{name[: MAX_SLUG_LENGTH - 9]}-{zlib.crc32(name.encode(errors='replace')):08x}"
