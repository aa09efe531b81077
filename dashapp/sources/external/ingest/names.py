"""Name the series that programs send: a key for thresholds, and a unique label.

The names follow those of exporters (`prometheus_names`). A key depends on its own series alone, so that it
stays the same after a restart: `influx.cpu.usage_idle.cpu0.web1`. Of two series with the same key, the newer
one has it, and the other one gets a hash. So a program that starts again with a new id keeps its keys.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from hashlib import sha256

from dashapp.model.ticks import Metric
from dashapp.sources.external.ingest.records import COUNTER, GAUGE, SeriesId
from dashapp.sources.external.prometheus_names import (
    COUNTER_UNITS,
    MAX_KEY_LENGTH,
    MAX_LABEL_LENGTH,
    MAX_PART_LENGTH,
    QUANTILE,
    LabelGroup,
    is_description,
    percentile_name,
    series_label,
)
from dashapp.sources.external.prometheus_rates import QUANTILES

HASH_CHARS = 8
# The metrics of a histogram, in the order of its values.
HISTOGRAM_PARTS = ("count", "mean", *(percentile_name(f"{share}") for share in QUANTILES))
_INVALID_CHARS = re.compile(r"[^\w-]+")
_INVALID_NAME_CHARS = re.compile(r"[^\w.-]+")


def series_key(series: SeriesId) -> str:
    """Return the protocol, the name and the value of each label that is no id or hash.

    The name of the label precedes a value that begins with a digit.

    >>> series_key(SeriesId("influx", "g", "", "disk.used_percent", (("host", "web1"), ("path", "/"))))
    'influx.disk.used_percent.web1.root'
    """
    labels = [pair for pair in series.labels if not is_description(*pair)]
    key = ".".join([series.protocol, _slug(series.name, _INVALID_NAME_CHARS), *map(_label_part, labels)])
    return key if len(key) <= MAX_KEY_LENGTH else _with_hash(key, series)


def _label_part(pair: tuple[str, str]) -> str:
    label, value = pair
    if label == QUANTILE and (percentile := percentile_name(value)):
        return percentile.replace(".", "-")
    if value == "/":
        return "root"
    return _slug(f"{label}{value}" if value[:1].isdigit() else value) or _slug(label) or "none"


def _slug(text: str, invalid: re.Pattern[str] = _INVALID_CHARS) -> str:
    return invalid.sub("-", text.lower()).strip("-.")[:MAX_PART_LENGTH].rstrip("-.")


def _with_hash(key: str, series: SeriesId) -> str:
    digest = sha256(series.encode().encode(errors="replace")).hexdigest()[:HASH_CHARS]
    return f"{key[: MAX_KEY_LENGTH - HASH_CHARS - 1].rstrip('-.')}-{digest}"


class IngestNames:
    """Names series; `metrics` has those of each series, by its encoded id."""

    def __init__(self) -> None:
        self.metrics: dict[str, tuple[Metric, ...]] = {}
        self._series: dict[str, SeriesId] = {}
        self._keys: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._groups: dict[tuple[str, str], LabelGroup] = {}
        self._members: dict[tuple[str, str], dict[str, None]] = {}

    def add(self, new: Iterable[SeriesId], active: Collection[str]) -> None:
        """Name new series. `active`: the encoded ids of all series that have a point now."""
        by_name: dict[tuple[str, str], list[str]] = {}
        for series in sorted(new):
            text = series.encode()
            self._series[text] = series
            self._keys[text] = self._own_key(text, series, active)
            by_name.setdefault((series.protocol, series.name), []).append(text)
        for name, texts in by_name.items():
            self._label(name, texts)

    def remove(self, texts: Iterable[str]) -> None:
        for text in texts:
            series = self._series.pop(text)
            name = (series.protocol, series.name)
            del self._members[name][text]
            if not self._members[name]:
                del self._members[name], self._groups[name]
            key = self._keys.pop(text)
            if self._owners.get(key) == text:
                del self._owners[key]
            del self.metrics[text]

    def _own_key(self, text: str, series: SeriesId, active: Collection[str]) -> str:
        key = series_key(series)
        owner = self._owners.get(key)
        if owner is not None and owner in active:
            return _with_hash(key, series)
        if owner is not None:
            # It most likely ended. If it goes on, it does so with a hash.
            self._keys[owner] = _with_hash(key, self._series[owner])
            self._build(owner, self.metrics[owner][0].label)
        self._owners[key] = text
        return key

    def _label(self, name: tuple[str, str], texts: list[str]) -> None:
        """Label new series of a name, and all of that name if these labels would be ambiguous."""
        members = self._members.setdefault(name, {})
        members.update(dict.fromkeys(texts))
        group = self._groups.get(name)
        if group is None or not group.add([self._series[text][3:] for text in texts]):
            texts = list(members)
            group = self._groups[name] = LabelGroup([self._series[text][3:] for text in texts])
        # A single series needs no labels.
        shown = group.names if len(members) > 1 else ()
        for text in texts:
            chosen = [pair for pair in self._series[text].labels if pair[0] in shown]
            self._build(text, group.unique_label(series_label(name[1], chosen)))

    def _build(self, text: str, label: str) -> None:
        series, key = self._series[text], self._keys[text]
        panel = f"{series.protocol}_{_INVALID_CHARS.sub('-', series.name.lower())}"[:MAX_PART_LENGTH]
        if series.kind == GAUGE:
            self.metrics[text] = (Metric(key, label, series.unit, panel),)
        elif series.kind == COUNTER:
            unit = COUNTER_UNITS.get(series.unit, f"{series.unit}/s")
            self.metrics[text] = (Metric(key, label, unit, panel, 0.0),)
        else:
            self.metrics[text] = tuple(
                Metric(
                    f"{key}.{part.replace('.', '-')}",
                    f"{label[: MAX_LABEL_LENGTH - len(part) - 1]} {part}",
                    "1/s" if part == "count" else series.unit,
                    f"{panel[: MAX_PART_LENGTH - 6]}-count" if part == "count" else panel,
                    0.0 if part == "count" else None,
                )
                for part in HISTOGRAM_PARTS
            )
