"""Parse Prometheus's text format and OpenMetrics with prometheus-client.

A line that cannot be parsed loses only itself. The parsers see single samples: an exporter may declare the
type of a family anywhere, and one mistake must not cost the other families.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from itertools import groupby
from typing import Any, NamedTuple

from dashapp.model.ticks import SourceError
from dashapp.sources.rejection import quote_input

# The parser takes quadratic time in the length of a line.
MAX_LINE_BYTES = 4096
# Buckets are no lines in a chart, but parsing one takes about 20 µs.
MAX_BUCKETS = 5000
WRONG_FORMAT = "not in Prometheus's text format"
EXPECTED_LINE = 'expected a line such as node_load1 0.5 or rx_bytes{if="eth0"} 7'

GAUGE, COUNTER, BUCKET, GAUGE_BUCKET, HIDDEN = "gauge", "counter", "bucket", "gauge bucket", "hidden"
# By declared type: the endings of its samples' names, and the kind of each.
_KINDS: Mapping[str, Mapping[str, str]] = {
    "counter": {"": COUNTER, "_total": COUNTER},
    "summary": {"": GAUGE, "_count": COUNTER, "_sum": COUNTER},
    "histogram": {"": GAUGE, "_bucket": BUCKET, "_count": COUNTER, "_sum": COUNTER},
    "gaugehistogram": {"": GAUGE, "_bucket": GAUGE_BUCKET, "_gcount": GAUGE, "_gsum": GAUGE},
    "info": {"": HIDDEN, "_info": HIDDEN},
    "gauge": {"": GAUGE},
    "stateset": {"": GAUGE},
}
_ENDINGS = ("_total", "_count", "_sum", "_bucket", "_gcount", "_gsum", "_info")

_QUOTED = rb'"((?:[^"\\\n]|\\.)*)"'
_NAME = re.compile(rb"\s*(?:([a-zA-Z_:][a-zA-Z0-9_:]*)\s*[{\s]|\{\s*" + _QUOTED + rb"\s*[,}])")
_TYPE = re.compile(rb"^[ \t]*#[ \t]*TYPE[ \t]+(?:" + _QUOTED + rb"|(\S+))[ \t]+(\w+)[ \t\r]*$", re.MULTILINE)
# An example of an observation, after the value.
_EXEMPLAR = re.compile(rb'((?:[^"#]|"(?:[^"\\]|\\.)*")*?)\s#\s*\{')
_ESCAPE = re.compile(rb"\\(.)")
_END_OF_FILE = re.compile(rb"^# EOF\s*\Z", re.MULTILINE)


class Series(NamedTuple):
    """One sample. `kind` is one of those above, and `time` its own time in seconds UTC or None."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float
    kind: str
    time: float | None = None


class Problem(NamedTuple):
    """An input that was dropped, its place, and what was expected.

    `line` is 0 if it is not a single line.
    """

    text: str | bytes
    expected: str
    place: str
    line: int = 0


class Response(NamedTuple):
    """The series with finite values, whether there are more than the limit, and the problems."""

    series: list[Series]
    has_more: bool
    problems: list[Problem]


class SeriesSelection:
    """Selects at most `max_series` series with names that match `patterns` (`node_cpu*`).

    Without patterns it selects all.
    """

    def __init__(self, patterns: Sequence[str] = (), max_series: int = 1000) -> None:
        self._pattern = re.compile("|".join(map(translate, patterns)).encode())
        self._max_series = max_series

    def read(self, text: bytes, is_openmetrics: bool = False) -> Response:
        """Return the selected series; raises SourceError if no line can be parsed."""
        problems: list[Problem] = []
        if is_openmetrics and not _END_OF_FILE.search(text):
            # A line that was cut off can look complete.
            whole, _, rest = text.rpartition(b"\n")
            last_line = rest or whole.rpartition(b"\n")[2]
            problems.append(Problem(last_line, "lines may be missing", "its end, which should be # EOF,"))
            text = whole + b"\n"
        types = _declared_types(text)
        lines, has_more = self._lines(text, types, problems)
        samples = list(_parse(lines, is_openmetrics, problems))
        problems.sort(key=lambda problem: problem.line)
        if problems and not samples and not has_more:
            first = problems[0]
            raise SourceError(
                f"is {WRONG_FORMAT}: {first.place} is {quote_input(first.text)}; {first.expected}"
            )
        series = (_classify(sample, types) for sample in samples)
        visible = [sample for sample in series if sample.kind != HIDDEN and math.isfinite(sample.value)]
        if not visible and samples:
            problems.append(
                Problem(f"{samples[0].value}", "expected a finite number", f"the value of {samples[0].name}")
            )
        return Response(_drop_duplicates(visible, problems), has_more, problems)

    def _lines(
        self, text: bytes, types: dict[str, str], problems: list[Problem]
    ) -> tuple[list[tuple[int, str, bytes]], bool]:
        """Return number, name and text of the selected lines, and whether a limit was exceeded."""
        lines: list[tuple[int, str, bytes]] = []
        series_count = bucket_count = 0
        for number, line in enumerate(io.BytesIO(text), 1):
            line = line.strip()
            if not line or line.startswith(b"#"):
                continue
            match = _NAME.match(line + b" ")
            if match is None:
                problems.append(Problem(line, EXPECTED_LINE, f"line {number}", number))
                continue
            raw_name = match[1] or _ESCAPE.sub(rb"\1", match[2])
            if not self._pattern.match(raw_name):
                continue
            if len(line) > MAX_LINE_BYTES:
                expected = f"expected at most {MAX_LINE_BYTES:,} bytes"
                problems.append(Problem(line, expected, f"line {number}, with {len(line):,} bytes,", number))
                continue
            name = raw_name.decode(errors="replace")
            is_bucket = name.endswith("_bucket") and b"le=" in line and name not in types
            if is_bucket:
                types.setdefault(name.removesuffix("_bucket"), "histogram")
            series_count, bucket_count = series_count + (not is_bucket), bucket_count + is_bucket
            if series_count > self._max_series:
                return lines, True
            if is_bucket and bucket_count > MAX_BUCKETS:
                # Without its last bucket a histogram has no percentiles.
                continue
            if b"#" in line and (exemplar := _EXEMPLAR.match(line)):
                line = exemplar[1]
            lines.append((number, name, line))
        return lines, bucket_count > MAX_BUCKETS


def _declared_types(text: bytes) -> dict[str, str]:
    """Return the declared types by name; a name with two types has none."""
    types: dict[str, str] = {}
    for quoted, plain, kind in _TYPE.findall(text):
        name = (plain or _ESCAPE.sub(rb"\1", quoted)).decode(errors="replace")
        types[name] = kind.decode() if types.get(name, kind.decode()) == kind.decode() else ""
    return types


def _parse(
    lines: Sequence[tuple[int, str, bytes]], is_openmetrics: bool, problems: list[Problem]
) -> Iterator[Any]:
    """Yield the samples of lines: all at once, or one by one if that fails."""
    # Import late: the package is optional and takes 14 MB.
    from prometheus_client import parser
    from prometheus_client.openmetrics import parser as openmetrics_parser

    module: Any = openmetrics_parser if is_openmetrics else parser
    document = _openmetrics_document if is_openmetrics else _text_document

    def parse(selected: Sequence[tuple[int, str, bytes]]) -> list[Any]:
        families = module.text_string_to_metric_families(document(selected))
        return [sample for family in families for sample in family.samples]

    try:
        samples = parse(lines)
        if len(samples) == len(lines):
            yield from samples
            return
    except (ValueError, LookupError):
        pass
    for entry in lines:
        try:
            yield from parse([entry])
        except (ValueError, LookupError):
            problems.append(Problem(entry[2], EXPECTED_LINE, f"line {entry[0]}", entry[0]))


def _text_document(lines: Iterable[tuple[int, str, bytes]]) -> str:
    return b"".join(line + b"\n" for _, _, line in lines).decode()


def _openmetrics_document(lines: Iterable[tuple[int, str, bytes]]) -> str:
    """Return a document that declares each sample's name: an undeclared name must be plain."""
    parts = []
    for name, group in groupby(sorted(lines, key=lambda entry: entry[1]), key=lambda entry: entry[1]):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        parts += [f'# TYPE "{escaped}" unknown\n', *(line.decode() + "\n" for _, _, line in group)]
    return "".join([*parts, "# EOF\n"])


def _classify(sample: Any, types: Mapping[str, str]) -> Series:
    """Return the series of a sample. The declared type decides, and without one the name."""
    name = sample.name
    kind = _kind(name, types)
    if kind in (BUCKET, GAUGE_BUCKET):
        name = name.removesuffix("_bucket")
    try:
        # An integer can have any number of digits.
        value = float(sample.value)
    except OverflowError:
        value = math.inf
    time = None if sample.timestamp is None else float(sample.timestamp)
    return Series(name, tuple(sorted(sample.labels.items())), value, kind, time)


def _kind(name: str, types: Mapping[str, str]) -> str:
    if name.endswith("_created"):
        # The time when a counter started, which a client library may declare as a gauge.
        base = name.removesuffix("_created")
        if types.get(base) in ("counter", "summary", "histogram") or types.get(f"{base}_total") == "counter":
            return HIDDEN
    if name in types and types[name] in _KINDS:
        return _KINDS[types[name]][""]
    for ending in _ENDINGS:
        kinds = _KINDS.get(types.get(name.removesuffix(ending), ""), {}) if name.endswith(ending) else {}
        if ending in kinds:
            return kinds[ending]
    if types.get(name) == "":
        # Declared twice with different types.
        return HIDDEN
    return COUNTER if name.endswith("_total") else GAUGE


def _drop_duplicates(series: Sequence[Series], problems: list[Problem]) -> list[Series]:
    """Return each series once; drop a series with two values, unless one of them is newer."""
    unique: dict[tuple[object, ...], Series] = {}
    ambiguous: set[tuple[object, ...]] = set()
    for sample in series:
        identity = (sample.name, sample.labels, sample.kind)
        first = unique.setdefault(identity, sample)
        if sample.time is not None and first.time is not None and sample.time != first.time:
            unique[identity] = max(first, sample, key=lambda each: each.time or 0.0)
        elif sample.value != first.value and identity not in ambiguous:
            ambiguous.add(identity)
            problems.append(
                Problem(f"{first.value:g} and {sample.value:g}", "a series has one value", sample.name)
            )
    return [sample for identity, sample in unique.items() if identity not in ambiguous]
