"""Parse Prometheus's text format with prometheus-client, and name the series.

Lines that are not selected are dropped before the parser, which holds everything in memory. The name of a
metric does not depend on the order of an exporter's labels.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import translate
from hashlib import sha256
from typing import NamedTuple

from dashapp.model.ticks import Metric, SourceError

# The parser takes quadratic time in the length of a line.
MAX_LINE_BYTES = 4096
WRONG_FORMAT = "not in Prometheus's text format"
COUNTER_TYPES = ("counter", "histogram", "summary")
_NAME = re.compile(rb"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)[\s{]")
_TYPE = re.compile(rb"#\s*TYPE\s+([a-zA-Z_:][a-zA-Z0-9_:]*)\s+(\w+)\s*$")


class Series(NamedTuple):
    """One sample; `is_counter` means that the value only increases and is shown as a rate."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float
    is_counter: bool


class SeriesSelection:
    """Selects at most `max_series` series with names that match `patterns` (`node_cpu*`).

    Without patterns it selects all.
    """

    def __init__(self, patterns: Sequence[str] = (), max_series: int = 1000) -> None:
        self._pattern = re.compile("|".join(map(translate, patterns)).encode())
        self._max_series = max_series

    def read(self, text: bytes) -> tuple[list[Series], bool]:
        """Return the finite series, and whether there were more than the limit.

        Raises SourceError if the text has another format.
        """
        lines, names, has_more = self._lines(text)
        try:
            series = _parse_series(b"\n".join([*lines, b""]).decode(), names)
            return [sample for sample in series if math.isfinite(sample.value)], has_more
        except (ValueError, LookupError) as error:
            raise SourceError(f"is {WRONG_FORMAT} ({type(error).__name__})") from None

    def _lines(self, text: bytes) -> tuple[list[bytes], set[str], bool]:
        """Return the selected lines, their names, and whether the limit was exceeded.

        The parser needs the type of a family right before its samples.
        """
        lines: list[bytes] = []
        names: list[str] = []
        type_line = b""
        for line in io.BytesIO(text):
            if line.startswith(b"#") or line.isspace():
                if len(line) <= MAX_LINE_BYTES and _TYPE.match(line):
                    type_line = line.strip()
                continue
            name = _NAME.match(line)
            if name is None:
                raise SourceError(f"is {WRONG_FORMAT}")
            if name[1].endswith(b"_bucket") or not self._pattern.match(name[1]):
                continue
            if len(line) > MAX_LINE_BYTES:
                raise SourceError(f"has a line of more than {MAX_LINE_BYTES} bytes")
            if len(names) == self._max_series:
                return lines, set(names), True
            lines += [type_line, line.strip()] if type_line else [line.strip()]
            type_line = b""
            names.append(name[1].decode())
        return lines, set(names), False


def _parse_series(text: str, names: Collection[str]) -> Iterator[Series]:
    # Import late: the package is optional and takes 14 MB.
    from prometheus_client.parser import text_string_to_metric_families

    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if family.type == "summary" and "quantile" in sample.labels:
                continue
            # The parser appends OpenMetrics's ending `_total` to every counter; use the exporter's own name.
            name = sample.name if sample.name in names else sample.name.removesuffix("_total")
            is_counter = family.type in COUNTER_TYPES or name.endswith("_total")
            # An integer can have any number of digits.
            with suppress(OverflowError):
                yield Series(name, tuple(sorted(sample.labels.items())), float(sample.value), is_counter)


MAX_PART_LENGTH, MAX_KEY_LENGTH, MAX_LABEL_LENGTH = 64, 120, 64
# Cached series, so that all ticks share the same metric objects.
CACHE_SIZE = 4000

_INVALID_CHARS = re.compile(r"[^a-z0-9_-]+")
# Unit by the ending of a name, a convention of Prometheus; a counter has the unit per second.
_UNITS = {"bytes": "B", "seconds": "s", "celsius": "°C", "hertz": "Hz"}

SeriesIdentity = tuple[str, tuple[tuple[str, str], ...]]


def series_key(name: str, labels: Iterable[tuple[str, str]]) -> str:
    """Return the name followed by the value of each label.

    The name of the label precedes a value that begins with a digit.

    >>> series_key("node_cpu_seconds_total", [("cpu", "0"), ("mode", "idle")])
    'prom.node_cpu_seconds_total.cpu0.idle'
    """
    parts = [name, *(f"{label}{value}" if value[:1].isdigit() else value or label for label, value in labels)]
    slugs = [_INVALID_CHARS.sub("-", part.lower()).strip("-")[:MAX_PART_LENGTH] or "none" for part in parts]
    return ".".join(["prom", *slugs])[:MAX_KEY_LENGTH].rstrip(".")


class SeriesNames:
    """Metrics by series; series with the same key get a hash, all but the first."""

    def __init__(self) -> None:
        self._metrics: dict[SeriesIdentity, Metric] = {}
        self._keys: set[str] = set()

    def metrics(self, series: Iterable[Series]) -> dict[SeriesIdentity, Metric]:
        """Return a metric for each series; new ones are named in sorted order."""
        series_by_identity = {(sample.name, sample.labels): sample for sample in series}
        new_identities = sorted(series_by_identity.keys() - self._metrics.keys())
        if len(self._metrics) + len(new_identities) > CACHE_SIZE:
            self._metrics, self._keys = {}, set()
            new_identities = sorted(series_by_identity)
        for identity in new_identities:
            key = series_key(*identity)
            if key in self._keys:
                key = f"{key}-{sha256(repr(identity).encode()).hexdigest()[:8]}"
            self._keys.add(key)
            self._metrics[identity] = _build_metric(key, series_by_identity[identity])
        return {identity: self._metrics[identity] for identity in series_by_identity}


def _build_metric(key: str, series: Series) -> Metric:
    label = " ".join([series.name, *(f"{name}={value}" for name, value in series.labels)])
    printable = "".join(letter if letter.isprintable() else " " for letter in label)
    short_label = printable if len(printable) <= MAX_LABEL_LENGTH else f"{printable[: MAX_LABEL_LENGTH - 1]}…"
    panel = f"prom_{_INVALID_CHARS.sub('-', series.name.lower())}"[:MAX_PART_LENGTH]
    stem = re.sub(r"_(total|sum|count)$", "", series.name)
    unit = _UNITS.get(stem.rpartition("_")[2], "") if not series.name.endswith("_count") else ""
    if series.is_counter:
        # Seconds per second are a share of time, without a unit.
        return Metric(key, short_label, {"B": "B/s", "s": "", "": "1/s"}.get(unit, ""), panel, 0.0)
    return Metric(key, short_label, unit, panel)
