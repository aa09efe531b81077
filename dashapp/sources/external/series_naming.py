"""Names of series: a metric for each name and its labels, whatever order an exporter tells them in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

from dashapp.model.ticks import Metric
from dashapp.sources.external.prometheus_text import Series

LONGEST_PART, LONGEST_KEY, LONGEST_LABEL = 64, 120, 64
# Series remembered, so that one tick's metrics are the very same objects as the next one's.
REMEMBERED = 4000

_UNFIT = re.compile(r"[^a-z0-9_-]+")
# By how a name ends, Prometheus's own convention; of a counter the unit by the second.
_UNITS = {"bytes": "B", "seconds": "s", "celsius": "°C", "hertz": "Hz"}

Identity = tuple[str, tuple[tuple[str, str], ...]]


def key_of(name: str, labels: Iterable[tuple[str, str]]) -> str:
    """The name, then each label's value; one that begins with a digit has its label's name before it.

    >>> key_of("node_cpu_seconds_total", [("cpu", "0"), ("mode", "idle")])
    'prom.node_cpu_seconds_total.cpu0.idle'
    """
    parts = [name, *(f"{label}{value}" if value[:1].isdigit() else value or label for label, value in labels)]
    plain = [_UNFIT.sub("-", part.lower()).strip("-")[:LONGEST_PART] or "none" for part in parts]
    return ".".join(["prom", *plain])[:LONGEST_KEY].rstrip(".")


class SeriesNames:
    """Metrics by series. Of two that would have one key, all but the first get a few digits more."""

    def __init__(self) -> None:
        self._metrics: dict[Identity, Metric] = {}
        self._keys: set[str] = set()

    def metrics(self, series: Iterable[Series]) -> dict[Identity, Metric]:
        """One for each. Those that are new are named in the order of their names and labels."""
        wanted = {(each.name, each.labels): each for each in series}
        new = sorted(wanted.keys() - self._metrics.keys())
        if len(self._metrics) + len(new) > REMEMBERED:
            self._metrics, self._keys = {}, set()
            new = sorted(wanted)
        for identity in new:
            key = key_of(*identity)
            if key in self._keys:
                key = f"{key}-{sha256(repr(identity).encode()).hexdigest()[:8]}"
            self._keys.add(key)
            self._metrics[identity] = _metric(key, wanted[identity])
        return {identity: self._metrics[identity] for identity in wanted}


def _metric(key: str, series: Series) -> Metric:
    label = " ".join([series.name, *(f"{name}={value}" for name, value in series.labels)])
    plain = "".join(letter if letter.isprintable() else " " for letter in label)
    shown = plain if len(plain) <= LONGEST_LABEL else f"{plain[: LONGEST_LABEL - 1]}…"
    panel = f"prom_{_UNFIT.sub('-', series.name.lower())}"[:LONGEST_PART]
    stem = re.sub(r"_(total|sum|count)$", "", series.name)
    unit = _UNITS.get(stem.rpartition("_")[2], "") if not series.name.endswith("_count") else ""
    if series.counted:
        # Seconds a second are a share of time, without a unit.
        return Metric(key, shown, {"B": "B/s", "s": "", "": "1/s"}.get(unit, ""), panel, 0.0)
    return Metric(key, shown, unit, panel)
