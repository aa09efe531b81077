"""Parse a line of statsd, `NAME:VALUE|TYPE|@RATE`, and tags of DogStatsD, `|#KEY:VALUE,…`.

See https://github.com/statsd/statsd/blob/master/docs/metric_types.md and
https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dashapp.model.ticks import MAX_VALUE
from dashapp.sources.external.ingest.records import COUNTER, GAUGE, HISTOGRAM, MAX_SERIES_CHARS, SeriesId

PROTOCOL = "statsd"
EXPECTED = "expected a line such as web.requests:1|c|@0.1|#country:de"
COUNT, SET, LEVEL, TIMER = "count", "set", "level", "timer"
# By type: how a tick combines its values, the kind and unit of the series, and a factor to that unit.
_TYPES = {
    "c": (COUNT, COUNTER, "", 1.0),
    "m": (COUNT, COUNTER, "", 1.0),
    "g": (LEVEL, GAUGE, "", 1.0),
    "s": (SET, GAUGE, "", 1.0),
    "ms": (TIMER, HISTOGRAM, "s", 1e-3),
    "h": (TIMER, HISTOGRAM, "", 1.0),
    "d": (TIMER, HISTOGRAM, "", 1.0),
}
# Events and service checks of DogStatsD, which are no numbers.
_NO_METRICS = ("_e{", "_sc|")
_CONTROL_CHARS = re.compile(r"[\x00-\x1f\x7f\ufffd]")
# Name and tags of a line, with spaces and empty tags, which the series does not have.
MAX_LINE_CHARS = 2 * MAX_SERIES_CHARS
# Cached series: the same names come again and again.
CACHE_SIZE = 8000


class LineError(ValueError):
    """A line that is no metric."""


class Sample(NamedTuple):
    """A line: the encoded series, how its values are combined, and what they are.

    `numbers` are in the unit of the series. A set has `text` instead. `is_change`: a level changes by the
    number. `weight`: the number of events that each value stands for.
    """

    series: str
    combination: str
    numbers: list[float]
    text: str
    is_change: bool
    weight: float


class StatsdParser:
    def __init__(self) -> None:
        self._series: dict[tuple[str, str, str], str] = {}

    def parse(self, line: str) -> Sample | None:
        """Return the sample of a line, None for an event or a service check. May raise LineError."""
        if line.startswith(_NO_METRICS):
            return None
        head, *parts = line.split("|")
        # A name can contain colons only if it has tags of its own, which this is not.
        name, _, value = head.partition(":")
        if not parts or not value or parts[0] not in _TYPES:
            raise LineError
        weight, tags = 1.0, ""
        for part in parts[1:]:
            if part.startswith("@"):
                weight = 1 / _sample_rate(part[1:])
            elif part.startswith("#"):
                tags = part[1:]
        combination, _, _, factor = _TYPES[parts[0]]
        series = self._series.get((name, parts[0], tags)) or self._add(name, parts[0], tags)
        if combination == SET:
            return Sample(series, SET, [], value, False, 1.0)
        numbers = [_number(text) * factor for text in value.split(":")]
        is_change = combination == LEVEL and value[0] in "+-"
        return Sample(series, combination, numbers, "", is_change, weight)

    def _add(self, name: str, kind: str, tags: str) -> str:
        if len(name) + len(tags) > MAX_LINE_CHARS:
            raise LineError
        labels: dict[str, str] = {}
        for tag in tags.split(",") if tags else ():
            key, _, value = tag.partition(":")
            if key.strip():
                labels[key.strip()] = value.strip()
        _, series_kind, unit, _ = _TYPES[kind]
        series = SeriesId(PROTOCOL, series_kind, unit, name.strip(), tuple(sorted(labels.items())))
        encoded = series.encode()
        texts = (series.name, *(part for label in series.labels for part in label))
        if not series.name or any(map(_CONTROL_CHARS.search, texts)) or len(encoded) > MAX_SERIES_CHARS:
            raise LineError
        if len(self._series) >= CACHE_SIZE:
            self._series = {}
        self._series[name, kind, tags] = encoded
        return encoded


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise LineError from None
    if not abs(number) <= MAX_VALUE or "_" in text or not text.isascii() or text != text.strip():
        raise LineError
    return number


def _sample_rate(text: str) -> float:
    rate = _number(text)
    if not 1e-6 <= rate <= 1:
        raise LineError
    return rate
