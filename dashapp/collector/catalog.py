"""The catalogue of a store: the metrics that sources have now, and those that they had.

A metric that is gone leaves the catalogue once no level keeps its history, or when too many others went
later.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from dashapp.collector.local_zone import local_zone
from dashapp.model.ticks import Metric, to_milliseconds
from dashapp.stores.base import Store
from dashapp.stores.documents import LAST_SEEN, ZONE

# Maximum metrics in the catalogue that are gone, and seconds without a value after which a metric is gone.
MAX_GONE, GONE_AFTER_S = 2000, 60.0
# Characters of the metrics as JSON, beyond those of the newest tick: a reader of Redis takes 4 MB.
MAX_CHARS = 2_500_000
# Of a metric without its texts.
METRIC_CHARS = 100
# A longer time without ticks, or one back, does not count for the retention, as in the levels: the collector
# was stopped, or the clock was set.
MAX_GAP_S = 3600.0
# Seconds between two writes, after the first few: thousands of metrics have hundreds of kilobytes.
WRITE_INTERVAL_S, MAX_BURST = 3.0, 3


class MetricCatalog:
    """Writes the catalogue of `store`. `retention` is the seconds of the longest level."""

    def __init__(self, store: Store, retention: float, panel_kinds: Callable[[], Mapping[str, str]]) -> None:
        self._store = store
        self._retention = retention
        self._panel_kinds = panel_kinds
        self._metrics = {metric.key: metric for metric in store.metrics()}
        # A metric that has no time here was there until the end.
        end = store.newest().time_ms
        last_seen = store.read_document(LAST_SEEN)
        self._last_seen = {key: last_seen.get(key, end) / 1000 for key in self._metrics}
        self._newest = end / 1000
        store.write_document(ZONE, local_zone())
        self._has_changed = False
        self._gone: set[str] = set()
        self._checked = self._updated = float("-inf")
        # The writes that are allowed now.
        self._writes = 0.0
        self._sizes: dict[str, int] = {}

    def update(self, time: float, metrics: Mapping[str, Metric]) -> None:
        """Add the metrics of the tick at `time`, before it is stored."""
        gap = time - self._newest if self._newest else 0.0
        if not 0 <= gap <= MAX_GAP_S or not self._newest:
            # A time in the future is that of a clock that was ahead.
            self._last_seen = {key: min(seen + max(0.0, gap), time) for key, seen in self._last_seen.items()}
            self._has_changed |= bool(self._gone)
        self._newest = time
        self._last_seen.update(dict.fromkeys(metrics, time))
        known = self._metrics
        # Most are the same objects as in the last tick, and to compare two by value costs far more.
        if any((old := known.get(key)) is not metric and old != metric for key, metric in metrics.items()):
            known.update(metrics)
            self._has_changed = True
        # A clock that was set back must not delay them.
        if not 0 <= time - self._checked < GONE_AFTER_S:
            self._checked = time
            self._drop_old(time)
        self._writes = min(MAX_BURST, self._writes + abs(time - self._updated) / WRITE_INTERVAL_S)
        self._updated = time
        if self._has_changed and self._writes >= 1:
            self._writes -= 1
            self._drop_excess(metrics)
            self._write()

    def _drop_old(self, time: float) -> None:
        gone = sorted(
            (key for key, seen in self._last_seen.items() if time - seen > GONE_AFTER_S),
            key=self._last_seen.__getitem__,
        )
        expired = [key for key in gone if time - self._last_seen[key] > self._retention]
        # Not a negative end, which would count from the other side.
        for key in [*expired, *gone[len(expired) : max(0, len(gone) - MAX_GONE)]]:
            del self._metrics[key], self._last_seen[key]
        kept = self._metrics.keys() & gone
        self._has_changed |= kept != self._gone or bool(expired)
        self._gone = set(kept)

    def _drop_excess(self, current: Mapping[str, Metric]) -> None:
        """Drop the metrics without a value for the longest time, down to MAX_CHARS."""
        sizes = self._sizes
        self._sizes = {key: sizes.get(key) or json_chars(metric) for key, metric in self._metrics.items()}
        excess = sum(self._sizes.values()) - MAX_CHARS
        if excess <= 0:
            return
        for key in sorted(self._metrics.keys() - current.keys(), key=self._last_seen.__getitem__):
            excess -= self._sizes.pop(key)
            del self._metrics[key], self._last_seen[key]
            self._gone.discard(key)
            if excess <= 0:
                return

    def _write(self) -> None:
        self._has_changed = False
        self._store.write_document(
            LAST_SEEN, {key: to_milliseconds(self._last_seen[key]) for key in self._gone}
        )
        self._store.describe(self._metrics.values(), self._panel_kinds())


def json_chars(metric: Metric) -> int:
    """Return about the characters of a metric as JSON, and of its key in LAST_SEEN."""
    texts = (metric.key, metric.key, metric.label, metric.unit, metric.panel)
    return METRIC_CHARS + sum(len(json.dumps(text)) for text in texts)
