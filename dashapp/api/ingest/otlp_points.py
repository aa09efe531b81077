"""Convert metrics of OTLP to points of series.

See https://opentelemetry.io/docs/specs/otel/metrics/data-model/. A series has the attributes of its points.
Before these it has those of its resource that identify the program, as in Prometheus: `service.namespace`,
`service.name`, and `service.instance.id` or `host.name`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any

from dashapp.api.ingest.line_protocol import MAX_AGE_S, MAX_LEAD_S
from dashapp.model.text import quote_value
from dashapp.model.ticks import MAX_VALUE
from dashapp.sources.external.ingest.histograms import (
    MAX_BUCKETS,
    MAX_SCALE,
    MIN_SCALE,
    Buckets,
    ExplicitBuckets,
    ExponentialBuckets,
)
from dashapp.sources.external.ingest.records import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    MAX_SERIES_CHARS,
    Point,
    SeriesId,
)
from dashapp.sources.external.prometheus_names import QUANTILE

PROTOCOL = "otel"
# Values of the protocol's enumerations.
DELTA, CUMULATIVE = 1, 2
NO_RECORDED_VALUE = 1
RESOURCE_LABELS = ("service.namespace", "service.name", "service.instance.id")
HOST_NAME = "host.name"
# The name of a program that has none.
UNKNOWN_SERVICE = "unknown_service"
SCOPE_LABEL = "otel.scope.name"
# Units of UCUM: the base unit, and the factor to it. https://ucum.org
UNITS = {
    "s": ("s", 1.0),
    "ms": ("s", 1e-3),
    "us": ("s", 1e-6),
    "ns": ("s", 1e-9),
    "min": ("s", 60.0),
    "h": ("s", 3600.0),
    "d": ("s", 86_400.0),
    "By": ("B", 1.0),
    "kBy": ("B", 1e3),
    "MBy": ("B", 1e6),
    "GBy": ("B", 1e9),
    "KiBy": ("B", 1024.0),
    "MiBy": ("B", 1024.0**2),
    "GiBy": ("B", 1024.0**3),
    "bit": ("bit", 1.0),
    "By/s": ("B/s", 1.0),
    "Cel": ("°C", 1.0),
    "1": ("", 1.0),
}
MAX_UNIT_LENGTH = 16
# Characters of a unit with its annotations: to remove those takes the square of the length.
# Attributes of a point or a resource: OpenTelemetry allows 128 by default.
MAX_ANNOTATED_LENGTH, MAX_ATTRIBUTES = 100, 256
_ANNOTATION = re.compile(r"\{[^}]*\}")
_CONTROL_CHARS = re.compile(r"[\x00-\x1f\x7f]")


class OtlpPoints:
    """Collects the points of a request. `rejected` counts invalid ones; `problem` is the first."""

    def __init__(self, now: float) -> None:
        self.points: list[Point] = []
        self.rejected = 0
        self.problem = ""
        self._now = now

    def add(self, request: Any) -> None:
        """Add the points of an ExportMetricsServiceRequest."""
        for resource_metrics in request.resource_metrics:
            resource = _resource_labels(resource_metrics.resource.attributes)
            for scope_metrics in resource_metrics.scope_metrics:
                scope = scope_metrics.scope.name
                labels = {**resource, SCOPE_LABEL: scope} if scope else resource
                for metric in scope_metrics.metrics:
                    self._add_metric(metric, labels)

    def reject(self, count: int, sentence: str) -> None:
        self.rejected += count
        self.problem = self.problem or sentence

    def _add_metric(self, metric: Any, labels: dict[str, str]) -> None:
        kind = metric.WhichOneof("data")
        if kind is None:
            return
        data = getattr(metric, kind)
        reason = "it has no name" if not metric.name.strip() else _metric_problem(kind, data)
        if reason:
            self.reject(len(data.data_points), f"{quote_value(metric.name)} is not stored: {reason}")
            return
        for point in data.data_points:
            if point.flags & NO_RECORDED_VALUE:
                continue
            time = point.time_unix_nano / 1e9 or self._now
            if not self._now - MAX_AGE_S <= time <= self._now + MAX_LEAD_S:
                self.reject(
                    1,
                    f"the time of {quote_value(metric.name)} differs from now by {self._now - time:.0f} s; "
                    f"expected at most {MAX_AGE_S:g} seconds ago and {MAX_LEAD_S:g} ahead",
                )
                continue
            try:
                series = _SeriesBuilder(metric, {**labels, **_attributes(point.attributes)})
                read = _READERS[kind](series, data, point, time)
                self.points += [each for each in read if _is_finite(each)]
            except ValueError as error:
                self.reject(1, f"{quote_value(metric.name)} is not stored: {error}")


class _SeriesBuilder:
    """Makes the series of a point, in base units."""

    def __init__(self, metric: Any, labels: dict[str, str]) -> None:
        self._name = _plain(metric.name)
        self._labels = labels
        text = _ANNOTATION.sub("", metric.unit[:MAX_ANNOTATED_LENGTH])
        self.own_unit = _plain(text)[:MAX_UNIT_LENGTH]
        self.unit, self.factor = UNITS.get(text, (self.own_unit.strip("/"), 1.0))

    def build(self, kind: str, unit: str | None = None, **more: str) -> str:
        """Return the encoded series; `more`: further labels. ValueError if it is too long."""
        labels = tuple({**self._labels, **more}.items())
        text = SeriesId(PROTOCOL, kind, self.unit if unit is None else unit, self._name, labels).encode()
        if len(text) > MAX_SERIES_CHARS:
            raise ValueError(f"expected a name and attributes of at most {MAX_SERIES_CHARS} characters")
        return text


def _metric_problem(kind: str, data: Any) -> str:
    """Return why a metric has no certain value, or empty text."""
    if kind not in _READERS:
        return f"its type {kind} is unknown"
    if kind in ("gauge", "summary"):
        return ""
    if data.aggregation_temporality not in (DELTA, CUMULATIVE):
        return "its aggregation temporality is missing"
    if kind == "sum" and not data.is_monotonic and data.aggregation_temporality == DELTA:
        return "it is the change of a sum that can fall; set the temporality of UpDownCounter to cumulative"
    return ""


def _read_gauge(series: _SeriesBuilder, data: Any, point: Any, time: float) -> Iterator[Point]:
    value = _number(point)
    if value is not None:
        yield Point(series.build(GAUGE), time, value * series.factor)


def _read_sum(series: _SeriesBuilder, data: Any, point: Any, time: float) -> Iterator[Point]:
    value = _number(point)
    if value is None:
        return
    value *= series.factor
    if not data.is_monotonic:
        yield Point(series.build(GAUGE), time, value)
    elif value < 0:
        raise ValueError("a sum that only grows has a negative value")
    else:
        yield Point(series.build(COUNTER), time, value, *_start(data, point))


def _read_histogram(series: _SeriesBuilder, data: Any, point: Any, time: float) -> Iterator[Point]:
    bounds = tuple(bound * series.factor for bound in point.explicit_bounds)
    counts = tuple(map(float, point.bucket_counts))
    buckets: Buckets | None = None
    if counts:
        is_sorted = all(low < high for low, high in pairwise(bounds))
        if len(counts) != len(bounds) + 1 or not is_sorted or not all(map(math.isfinite, bounds)):
            raise ValueError("its buckets do not fit its bounds")
        _check_count(len(counts))
        buckets = ExplicitBuckets(bounds, counts) if sum(counts) == point.count else None
    total = point.sum * series.factor if point.HasField("sum") else None
    yield Point(series.build(HISTOGRAM), time, float(point.count), *_start(data, point), total, buckets)


def _read_exponential_histogram(
    series: _SeriesBuilder, data: Any, point: Any, time: float
) -> Iterator[Point]:
    _check_count(len(point.positive.bucket_counts) + len(point.negative.bucket_counts) + 1)
    if not MIN_SCALE <= point.scale <= MAX_SCALE:
        raise ValueError(f"its scale is {point.scale}; expected {MIN_SCALE} to {MAX_SCALE}")
    positive, negative = (
        {side.offset + index: float(count) for index, count in enumerate(side.bucket_counts) if count}
        for side in (point.positive, point.negative)
    )
    buckets = ExponentialBuckets(point.scale, float(point.zero_count), positive, negative)
    total_count = buckets.zero + sum(positive.values()) + sum(negative.values())
    total = point.sum if point.HasField("sum") else None
    yield Point(
        # Its bounds are powers, which no other unit has.
        series.build(HISTOGRAM, series.own_unit if series.factor != 1 else None),
        time,
        float(point.count),
        *_start(data, point),
        total,
        buckets if total_count == point.count else None,
    )


def _read_summary(series: _SeriesBuilder, data: Any, point: Any, time: float) -> Iterator[Point]:
    start = point.start_time_unix_nano / 1e9
    yield Point(series.build(HISTOGRAM), time, float(point.count), start, False, point.sum * series.factor)
    for entry in point.quantile_values:
        label = {QUANTILE: f"{entry.quantile:g}"}
        yield Point(series.build(GAUGE, **label), time, entry.value * series.factor)


_READERS = {
    "gauge": _read_gauge,
    "sum": _read_sum,
    "histogram": _read_histogram,
    "exponential_histogram": _read_exponential_histogram,
    "summary": _read_summary,
}


def _start(data: Any, point: Any) -> tuple[float, bool]:
    return point.start_time_unix_nano / 1e9, data.aggregation_temporality == DELTA


def _number(point: Any) -> float | None:
    field = point.WhichOneof("value")
    return None if field is None else float(getattr(point, field))


def _is_finite(point: Point) -> bool:
    """Return whether a point has a number; otherwise it is a gap."""
    return abs(point.value) <= MAX_VALUE and (point.total is None or abs(point.total) <= MAX_VALUE)


def _check_count(count: int) -> None:
    if count > MAX_BUCKETS:
        raise ValueError(f"it has {count} buckets; expected at most {MAX_BUCKETS}")


def _resource_labels(attributes: Sequence[Any]) -> dict[str, str]:
    values = _attributes(attributes[:MAX_ATTRIBUTES])
    labels = {name: values[name] for name in RESOURCE_LABELS if values.get(name)}
    if labels.get("service.name", "").startswith(UNKNOWN_SERVICE):
        del labels["service.name"]
    if "service.instance.id" not in labels and values.get(HOST_NAME):
        labels[HOST_NAME] = values[HOST_NAME]
    return labels


def _attributes(attributes: Sequence[Any]) -> dict[str, str]:
    """Return attributes by name; ValueError if there are too many."""
    if len(attributes) > MAX_ATTRIBUTES:
        raise ValueError(f"expected at most {MAX_ATTRIBUTES} attributes; it has {len(attributes)}")
    return dict(sorted((_plain(pair.key), _text(pair.value)) for pair in attributes if pair.key))


def _text(value: Any) -> str:
    """Return a value as text; a long or nested one as a hash."""
    field = value.WhichOneof("value")
    if field is None:
        return ""
    content = getattr(value, field)
    if field == "bool_value":
        return str(content).lower()
    if field in ("string_value", "int_value", "double_value"):
        return _plain(str(content))
    scalars: Sequence[Any] = content.values if field == "array_value" else ()
    if 0 < len(scalars) <= MAX_ATTRIBUTES and all(
        item.WhichOneof("value") in ("string_value", "int_value") for item in scalars
    ):
        return ",".join(_text(item) for item in scalars)
    return sha256(value.SerializeToString(deterministic=True)).hexdigest()[:12]


def _plain(text: str) -> str:
    return _CONTROL_CHARS.sub(" ", text) if not text.isprintable() else text
