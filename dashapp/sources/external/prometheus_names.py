"""Name the series of exporters: a key for thresholds, and a label that is unique.

A key contains the values of a series' own labels, so that it does not depend on the other series. A label
contains only the values that distinguish it from the other series with the same name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import groupby

from dashapp.model.ticks import Metric
from dashapp.sources.external.prometheus_text import COUNTER, Series

MAX_PART_LENGTH, MAX_KEY_LENGTH, MAX_LABEL_LENGTH = 64, 120, 64
# A key that would be longer contains only the labels that distinguish the series.
MAX_FULL_KEY_LENGTH = 80
# A longer value that all series have is no part of a key, such as the name of the exporter's host.
MAX_COMMON_LENGTH = 12
# Cached series, so that all ticks share the same metric objects.
CACHE_SIZE = 4000

_INVALID_CHARS = re.compile(r"[^a-z0-9_-]+")
# Unit by the ending of a name, a convention of Prometheus; a counter has the unit per second.
UNITS = {
    "bytes": "B",
    "seconds": "s",
    "milliseconds": "ms",
    "celsius": "°C",
    "hertz": "Hz",
    "volts": "V",
    "amperes": "A",
    "watts": "W",
    "joules": "J",
    "percent": "%",
}
COUNTER_UNITS = {"B": "B/s", "s": "", "J": "W", "": "1/s"}
# Labels that describe a series with a better name, and values that are too long to write: UUIDs, hashes and
# addresses of PCI devices.
_DESCRIPTIONS = frozenset({"id", "uid", "uuid", "image", "image_id", "container_id", "otel.scope.name"})
_ID_VALUE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{12}|^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]$", re.IGNORECASE
)
QUANTILE = "quantile"

Labels = tuple[tuple[str, str], ...]
SeriesIdentity = tuple[str, Labels]


def series_key(name: str, labels: Iterable[tuple[str, str]]) -> str:
    """Return the name followed by the value of each label.

    The name of the label precedes a value that begins with a digit.

    >>> series_key("node_cpu_seconds_total", [("cpu", "0"), ("mode", "idle")])
    'prom.node_cpu_seconds_total.cpu0.idle'
    >>> series_key("rpc_seconds", [("quantile", "0.99")])
    'prom.rpc_seconds.p99'
    """
    slugs = [
        _INVALID_CHARS.sub("-", part.lower()).strip("-")[:MAX_PART_LENGTH] or "none"
        for part in (name, *(_key_part(*label) for label in labels))
    ]
    return ".".join(["prom", *slugs])[:MAX_KEY_LENGTH].rstrip(".")


def _key_part(label: str, value: str) -> str:
    if label == QUANTILE and (percentile := percentile_name(value)):
        return percentile
    return f"{label}{value}" if value[:1].isdigit() else value or label


def percentile_name(value: str) -> str:
    """Return "p99.9" for the quantile 0.999, empty for other text."""
    try:
        share = float(value)
    except ValueError:
        return ""
    return f"p{round(100 * share, 6):g}" if 0 <= share <= 1 else ""


class SeriesNames:
    """Metrics by series; series with the same key get a hash, all but the first."""

    def __init__(self) -> None:
        self._metrics: dict[SeriesIdentity, Metric] = {}
        self._keys: set[str] = set()
        self._groups: dict[str, LabelGroup] = {}

    def metrics(self, series: Iterable[Series]) -> dict[SeriesIdentity, Metric]:
        """Return a metric for each series; new ones are named in sorted order."""
        series_by_identity = {(sample.name, sample.labels): sample for sample in series}
        new_identities = series_by_identity.keys() - self._metrics.keys()
        if len(self._metrics) + len(new_identities) > CACHE_SIZE:
            self._metrics, self._keys, self._groups = {}, set(), {}
            new_identities = set(series_by_identity)
        if new_identities:
            self._name(series_by_identity, sorted(new_identities))
        return {identity: self._metrics[identity] for identity in series_by_identity}

    def _name(
        self, series_by_identity: Mapping[SeriesIdentity, Series], new_identities: Sequence[SeriesIdentity]
    ) -> None:
        """Name new series. If their labels would be ambiguous, relabel all series of that name."""
        common = _common_labels(series_by_identity)
        by_name: dict[str, list[SeriesIdentity]] = {}
        for name, group in groupby(new_identities, key=lambda identity: identity[0]):
            identities = list(group)
            known = self._groups.get(name)
            if known is None or not known.add(identities):
                for identity in () if by_name else sorted(series_by_identity):
                    by_name.setdefault(identity[0], []).append(identity)
                identities = by_name[name]
                known = self._groups[name] = LabelGroup(identities)
            for identity in identities:
                chosen = [pair for pair in identity[1] if pair[0] in known.names]
                label = known.unique_label(series_label(name, chosen))
                old = self._metrics.get(identity)
                key = old.key if old else self._new_key(identity, common, chosen)
                if old is None or old.label != label:
                    self._metrics[identity] = _build_metric(key, label, series_by_identity[identity])

    def _new_key(
        self, identity: SeriesIdentity, common: set[tuple[str, str]], chosen: Sequence[tuple[str, str]]
    ) -> str:
        name, labels = identity
        own = [pair for pair in labels if not is_description(*pair) and pair not in common] or labels
        key = series_key(name, own)
        if len(key) > MAX_FULL_KEY_LENGTH:
            key = series_key(name, chosen)
        if key in self._keys:
            key = f"{key}-{sha256(repr(identity).encode()).hexdigest()[:8]}"
        self._keys.add(key)
        return key


class LabelGroup:
    """Series with one name: `names` of the labels that distinguish them, and the labels in use."""

    def __init__(self, identities: Sequence[SeriesIdentity]) -> None:
        self.names = distinguishing_labels([dict(labels) for _, labels in identities])
        self._is_single = len(identities) == 1
        self._values = {self._values_of(labels) for _, labels in identities}
        self._used: set[str] = set()

    def add(self, identities: Sequence[SeriesIdentity]) -> bool:
        """Add series if `names` distinguishes them too; return whether it does."""
        values = [self._values_of(labels) for _, labels in identities]
        if self._is_single or len(set(values)) < len(values) or not self._values.isdisjoint(values):
            return False
        self._values.update(values)
        return True

    def unique_label(self, label: str) -> str:
        """Return `label`, with a number if another series has the same one."""
        unique, number = label, 2
        while unique in self._used:
            suffix = f" ({number})"
            unique, number = f"{label[: MAX_LABEL_LENGTH - len(suffix)]}{suffix}", number + 1
        self._used.add(unique)
        return unique

    def _values_of(self, labels: Labels) -> tuple[tuple[str, str], ...]:
        return tuple(pair for pair in labels if pair[0] in self.names)


def is_description(label: str, value: str) -> bool:
    return label.lower() in _DESCRIPTIONS or _ID_VALUE.search(value) is not None


def _common_labels(identities: Collection[SeriesIdentity]) -> set[tuple[str, str]]:
    """Return the labels with a long value that all of several series have."""
    common: set[tuple[str, str]] = set()
    for number, (_, labels) in enumerate(identities):
        if number and not common:
            break
        common = (
            common.intersection(labels)
            if number
            else {pair for pair in labels if len(pair[1]) > MAX_COMMON_LENGTH}
        )
    return common if len(identities) > 1 else set()


def distinguishing_labels(series: Sequence[Mapping[str, str]]) -> set[str]:
    """Return the names of few labels, with short values, that distinguish the series.

    A series without others has all its labels that are no description.

    >>> distinguishing_labels([{"gpu": "0", "host": "a"}, {"gpu": "1", "host": "a"}])
    {'gpu'}
    """
    names = sorted({name for labels in series for name in labels})
    if len(series) == 1:
        (labels,) = series
        return {name for name in names if not is_description(name, labels[name])} or set(names)
    columns = {name: [labels.get(name, "") for labels in series] for name in names}

    def rank(name: str) -> tuple[bool, int, str]:
        described = any(is_description(name, value) for value in columns[name])
        return described, len(name) + max(map(len, columns[name])), name

    varying = sorted((name for name in names if len(set(columns[name])) > 1), key=rank)
    for name in varying:
        if len(set(columns[name])) == len(series):
            return {name}
    chosen: list[str] = []
    count = 1
    for name in varying:
        if (more := _count(columns, [*chosen, name])) > count:
            chosen, count = [*chosen, name], more
    for name in chosen[::-1]:
        if _count(columns, [other for other in chosen if other != name]) == count:
            chosen.remove(name)
    return set(chosen)


def _count(columns: Mapping[str, Sequence[str]], names: Sequence[str]) -> int:
    """Return how many series the labels distinguish."""
    return len(set(zip(*(columns[name] for name in names), strict=True))) if names else 1


def series_label(name: str, labels: Iterable[tuple[str, str]]) -> str:
    """Return the name and the labels, those with short values first; a long name is shortened."""
    parts = [
        percentile_name(value) if label == QUANTILE and percentile_name(value) else f"{label}={value}"
        for label, value in sorted(labels, key=lambda pair: (len(pair[1]), pair[0]))
    ]
    text = " ".join(parts)
    space = MAX_LABEL_LENGTH - len(text) - 1
    if text and len(name) > space >= 8:
        name = f"{name[: space // 2]}…{name[len(name) - (space - space // 2 - 1) :]}"
    label = "".join(letter if letter.isprintable() else " " for letter in f"{name} {text}".strip())
    return label if len(label) <= MAX_LABEL_LENGTH else f"{label[: MAX_LABEL_LENGTH - 1]}…"


def _build_metric(key: str, label: str, series: Series) -> Metric:
    panel = f"prom_{_INVALID_CHARS.sub('-', series.name.lower())}"[:MAX_PART_LENGTH]
    stem = re.sub(r"_(total|sum|count|gsum|gcount)$", "", series.name)
    is_count = series.name.endswith(("_count", "_gcount"))
    unit = "" if is_count else UNITS.get(re.split(r"[_.]", stem)[-1], "")
    if series.kind == COUNTER:
        # Seconds per second are a share of time, without a unit.
        return Metric(key, label, COUNTER_UNITS.get(unit, f"{unit}/s"), panel, 0.0)
    return Metric(key, label, unit, panel)
