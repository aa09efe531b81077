"""Records of series in the push queue, from the web process to the collector.

A record is INGEST_MARK and a JSON list of points. It carries counters as they are: only the collector has the
previous point, whichever web process took that one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from dashapp.model.text import is_finite_number, parse_json
from dashapp.model.ticks import MAX_VALUE
from dashapp.sources.external.ingest.histograms import Buckets, decode_buckets
from dashapp.sources.push import INGEST_MARK

GAUGE, COUNTER, HISTOGRAM = "g", "c", "h"
# Metrics of a series, by its kind: a histogram has its rate, its mean and three percentiles.
METRICS_PER_SERIES = {GAUGE: 1, COUNTER: 1, HISTOGRAM: 5}
# Characters of a series in a record, and bytes of a record.
MAX_SERIES_CHARS, MAX_CHUNK_BYTES = 1000, 64 << 10
# Separates the parts of a series in a record. No part contains it.
SEPARATOR = "\t"


class SeriesId(NamedTuple):
    """A series: what sent it, its kind, its unit, its name and its labels in a fixed order."""

    protocol: str
    kind: str
    unit: str
    name: str
    labels: tuple[tuple[str, str], ...] = ()

    def encode(self) -> str:
        return SEPARATOR.join((*self[:4], *(part for label in self.labels for part in label)))

    @staticmethod
    def decode(text: str) -> SeriesId:
        """Return the series that `encode` wrote; ValueError for other text."""
        protocol, kind, unit, name, *parts = text.split(SEPARATOR)
        if kind not in METRICS_PER_SERIES or not name or len(parts) % 2 or len(text) > MAX_SERIES_CHARS:
            raise ValueError("not a series")
        return SeriesId(protocol, kind, unit, name, tuple(zip(parts[::2], parts[1::2], strict=True)))


class Point(NamedTuple):
    """One value of a series at `time`, in epoch seconds.

    `series` is an encoded SeriesId. `start` is the time from which a counter counts, 0 if it is unknown.
    `is_delta`: it counts since `start`, and not since the previous point. The value of a histogram is the
    number of its observations; `total` is their sum, None if it is unknown.
    """

    series: str
    time: float
    value: float
    start: float = 0.0
    is_delta: bool = False
    total: float | None = None
    buckets: Buckets | None = None


def encode_records(points: Iterable[Point]) -> Iterator[bytes]:
    """Yield records of at most MAX_CHUNK_BYTES, if no point is longer."""
    texts: list[str] = []
    size = 0
    for point in points:
        text = _encode_point(point)
        if texts and size + len(text) > MAX_CHUNK_BYTES:
            yield _join(texts)
            texts, size = [], 0
        texts.append(text)
        size += len(text) + 1
    if texts:
        yield _join(texts)


def _join(texts: list[str]) -> bytes:
    return INGEST_MARK + f"[{','.join(texts)}]".encode()


def _encode_point(point: Point) -> str:
    fields: list[Any] = [*point[:3]]
    if point.start or point.is_delta or point.total is not None or point.buckets is not None:
        buckets = None if point.buckets is None else point.buckets.encode()
        fields += [point.start, int(point.is_delta), point.total, buckets]
    return json.dumps(fields, separators=(",", ":"))


def decode_record(record: bytes) -> list[Point]:
    """Return the valid points of a record without its mark."""
    if len(record) > 2 * MAX_CHUNK_BYTES:
        # No web process writes so much, and it would delay the tick.
        return []
    points: list[Point] = []
    try:
        fields_of_points = parse_json(record)
    except (ValueError, RecursionError):
        return []
    for fields in fields_of_points if isinstance(fields_of_points, list) else ():
        with suppress(ValueError, TypeError, OverflowError, LookupError):
            points.append(_decode_point(*fields))
    return points


def _decode_point(
    series: Any,
    time: Any,
    value: Any,
    start: Any = 0.0,
    is_delta: Any = 0,
    total: Any = None,
    buckets: Any = None,
) -> Point:
    numbers = (time, value, start, *(() if total is None else (total,)))
    if not (isinstance(series, str) and all(map(is_valid_number, numbers))):
        raise ValueError("not a point")
    decoded = None if buckets is None else decode_buckets(buckets)
    return Point(series, float(time), float(value), float(start), bool(is_delta), total, decoded)


def is_valid_number(value: object) -> bool:
    """Return whether a tick can contain the number."""
    if type(value) is float:
        return abs(value) <= MAX_VALUE
    return is_finite_number(value) and abs(value) <= MAX_VALUE
