"""Parse InfluxDB line protocol: the newest number of each series, and invalid lines.

See https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/. As in InfluxDB, a backslash
escapes a comma, a space or an equals sign, and is itself otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from dashapp.model.text import quote_value
from dashapp.model.ticks import MAX_VALUE
from dashapp.sources.external.ingest.records import GAUGE, MAX_SERIES_CHARS, SEPARATOR, Point
from dashapp.sources.external.ingest.series import MAX_METRICS
from dashapp.sources.external.prometheus_names import UNITS

PROTOCOL = "influx"
# Timestamps per second, by the names of both versions of the interface.
PRECISIONS = {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0, "m": 1 / 60, "h": 1 / 3600}
ALIASES = {"": "ns", "n": "ns", "u": "us", "µ": "us", "µs": "us"}
# Points may be so old, because Telegraf sends the values of an interval at its end, and so far in the future.
MAX_AGE_S, MAX_LEAD_S = 120.0, 60.0
MAX_TAGS = 32
# Cached series: parsing the tags takes longer than the rest of a line.
CACHE_SIZE = 8000
# Series of a request that are not in the cache. Each has the tags of its line, so a line of many fields would
# take a hundred times its own bytes.
MAX_NEW_SERIES = 4 * MAX_METRICS

BOOLEANS = dict.fromkeys(("t", "T", "true", "True", "TRUE"), 1.0)
BOOLEANS |= dict.fromkeys(("f", "F", "false", "False", "FALSE"), 0.0)
_SPACE, _COMMA, _EQUALS = (re.compile(rf"(?<!\\){char}") for char in " ,=")
_ESCAPED = re.compile(r"\\([, =])")
_STRING = re.compile(r'(?<=[^\\]=)"(?:[^"\\]|\\.)*"', re.DOTALL)
_OPEN = re.compile(r'[^\\]="')
_STRING_END = re.compile(r'(?:[^"\\]|\\.|\\$)*"')
# Control characters, and bytes that are not UTF-8.
_INVALID_CHARS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# A backslash before each character.
MAX_ESCAPED_CHARS = 2 * MAX_SERIES_CHARS
TOO_LONG = f"expected names and tags of at most {MAX_SERIES_CHARS} characters"
INVALID_NAME = "a name or tag has a control character, or is not UTF-8"
EXPECTED = "expected a line such as cpu,host=web1 usage=0.5 1795218017000000000"


class LineError(ValueError):
    """The end of a sentence about an invalid line."""


class Lines(NamedTuple):
    """The newest points. `text_fields`: the number of fields with text, which are left out."""

    points: list[Point]
    rejected: int
    problem: str
    text_fields: int


class _Tags:
    """The measurement and tags of a line, and the encoded series of each field of it."""

    def __init__(self, text: str) -> None:
        self.fields: dict[str, str] = {}
        if len(text) > MAX_ESCAPED_CHARS:
            # The cache must not keep it.
            raise LineError(TOO_LONG)
        if _INVALID_CHARS.search(text):
            raise LineError(INVALID_NAME)
        self._is_escaped = "\\" in text
        measurement, *tags = _COMMA.split(text) if self._is_escaped else text.split(",")
        self._measurement = self._unescape(measurement)
        if not measurement:
            raise LineError("expected the name of a measurement at its start")
        if len(tags) > MAX_TAGS:
            raise LineError(f"expected at most {MAX_TAGS} tags; it has {len(tags)}")
        labels: dict[str, str] = {}
        for tag in tags:
            name, *values = _EQUALS.split(tag) if self._is_escaped else tag.split("=")
            if len(values) != 1 or not name or not values[0]:
                raise LineError(f"expected a tag such as host=web1 instead of {quote_value(tag)}")
            labels[self._unescape(name)] = self._unescape(values[0])
        if len(labels) < len(tags):
            raise LineError("one of its tags is there twice")
        self._labels = [part for name in sorted(labels) for part in (name, labels[name])]

    def _unescape(self, text: str) -> str:
        return _ESCAPED.sub(r"\1", text) if self._is_escaped else text

    def add_field(self, text: str) -> str:
        """Return the encoded series of a new field, as SeriesId.encode() does."""
        field = _ESCAPED.sub(r"\1", text)
        if not field:
            raise LineError("expected the name of a field before =")
        if _INVALID_CHARS.search(field):
            raise LineError(INVALID_NAME)
        unit = UNITS.get(field.replace(".", "_").rpartition("_")[2], "")
        encoded = SEPARATOR.join((PROTOCOL, GAUGE, unit, f"{self._measurement}.{field}", *self._labels))
        if len(encoded) > MAX_SERIES_CHARS:
            raise LineError(TOO_LONG)
        self.fields[text] = encoded
        return encoded


class LineParser:
    def __init__(self) -> None:
        self._tags: dict[str, _Tags] = {}
        self._series_count = 0
        # Of the request that is being parsed.
        self._new_count = 0

    def parse(self, text: str, now: float, precision: str = "ns") -> Lines:
        """Parse lines at `now`, in epoch seconds. `precision`: a key of PRECISIONS."""
        newest: dict[str, tuple[float, float]] = {}
        self._new_count = 0
        clock = _Clock(now, precision)
        rejected = text_fields = 0
        problem = ""
        for number, line in _split_lines(text):
            try:
                tags_text, fields, timestamp = _split_line(line)
                tags = self._tags.get(tags_text) or self._add_tags(tags_text)
                time = clock.seconds(timestamp)
                values: list[tuple[str, float]] = []
                for field in fields:
                    if "\\" in field:
                        name, value = [*_EQUALS.split(field, 1), ""][:2]
                    else:
                        name, _, value = field.partition("=")
                    if value[:1] == '"':
                        if value != '""' or not name:
                            raise LineError(f"the text of {quote_value(name)} has no end")
                        text_fields += 1
                        continue
                    series = tags.fields.get(name) or self._add_field(tags, name)
                    try:
                        number_value = float(value)
                    except ValueError:
                        number_value = _integer_or_boolean(name, value)
                    else:
                        if not abs(number_value) <= MAX_VALUE or "_" in value or not value.isascii():
                            raise LineError(_describe_value(name, value))
                    values.append((series, number_value))
            except LineError as error:
                rejected += 1
                problem = problem or f"line {number} is {quote_value(line)}; {error}"
                continue
            for series, number_value in values:
                old = newest.get(series)
                if old is None or time >= old[0]:
                    newest[series] = (time, number_value)
        points = [Point(series, *time_and_value) for series, time_and_value in newest.items()]
        return Lines(points, rejected, problem, text_fields)

    def _add_tags(self, text: str) -> _Tags:
        tags = _Tags(text)
        self._count_new()
        self._tags[text] = tags
        return tags

    def _add_field(self, tags: _Tags, name: str) -> str:
        self._count_new()
        return tags.add_field(name)

    def _count_new(self) -> None:
        """Count one more entry of the cache, and empty a full one.

        LineError if a request adds too many.
        """
        if self._new_count >= MAX_NEW_SERIES:
            raise LineError(
                f"expected at most {MAX_NEW_SERIES} new names in a request, of which {MAX_METRICS} are kept"
            )
        self._new_count += 1
        if self._series_count >= CACHE_SIZE:
            self._tags, self._series_count = {}, 0
        self._series_count += 1


class _Clock:
    """Converts the timestamps of a request to epoch seconds."""

    def __init__(self, now: float, precision: str) -> None:
        self._now, self._precision = now, precision
        self._per_second = PRECISIONS[precision]
        # Minutes and hours are rounded down.
        self._min_time, self._max_time = now - MAX_AGE_S - 1 / self._per_second, now + MAX_LEAD_S
        self._last: tuple[str, float] = ("", now)

    def seconds(self, text: str) -> float:
        """Return the time of a line; without a timestamp it is now."""
        if not text:
            return self._now
        if text == self._last[0]:
            return self._last[1]
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
            raise LineError(f"expected a timestamp in digits instead of {quote_value(text)}")
        time = int(text) / self._per_second
        if not self._min_time <= time <= self._max_time:
            raise LineError(self._describe(int(text), time))
        self._last = (text, time)
        return time

    def _describe(self, number: int, time: float) -> str:
        fitting = [
            name
            for name, per_second in PRECISIONS.items()
            if -MAX_AGE_S - 1 / per_second <= number / per_second - self._now <= MAX_LEAD_S
        ]
        if fitting:
            return f"its timestamp is in {fitting[0]}; add precision={fitting[0]} to the address"
        return (
            f"with precision={self._precision} its time is {_format_time(time)}; expected at most "
            f"{MAX_AGE_S:g} seconds ago and {MAX_LEAD_S:g} ahead of now, which is {_format_time(self._now)}"
        )


def _format_time(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{seconds:.3g} s"


def _split_line(line: str) -> tuple[str, list[str], str]:
    """Return the measurement with its tags, the fields, and the timestamp or empty text."""
    if "\\" in line or '"' in line:
        return _split_escaped_line(line)
    parts = line.split(" ")
    if "" in parts:
        parts = [part for part in parts if part]
    if len(parts) == 3:
        return parts[0], parts[1].split(","), parts[2]
    if len(parts) == 2:
        return parts[0], parts[1].split(","), ""
    raise LineError(f"{_TABS if TAB in line else ''}{EXPECTED}")


TAB = "\t"
_TABS = "separate its parts with spaces instead of tabs; "


def _split_escaped_line(line: str) -> tuple[str, list[str], str]:
    space = _SPACE.search(line)
    if space is None:
        raise LineError(f"{_TABS if TAB in line else ''}{EXPECTED}")
    # Texts are left out, so their content does not matter.
    parts = [part for part in _SPACE.split(_STRING.sub('""', line[space.end() :])) if part]
    if not 1 <= len(parts) <= 2:
        raise LineError(EXPECTED)
    return line[: space.start()], _COMMA.split(parts[0]), "".join(parts[1:])


def _split_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line but comments. A text can contain line breaks."""
    lines = text.split("\n")
    next_number = 1
    can_continue = '"' in text
    for number, line in enumerate(lines, 1):
        if number < next_number:
            continue
        line = line.strip(" \t\r\0")
        if not line or line[0] == "#":
            continue
        if can_continue and '"' in line and _has_open_text(line):
            end = _end_of_text(lines, number)
            # Looking for an end that is not there takes long: do that once.
            can_continue = end > 0
            line, next_number = "\n".join([line, *lines[number:end]]).rstrip(" \t\r"), end + 1
        yield number, line


def _has_open_text(line: str) -> bool:
    space = _SPACE.search(line)
    return space is not None and _OPEN.search(_STRING.sub("", line[space.end() :])) is not None


def _end_of_text(lines: Sequence[str], index: int) -> int:
    """Return the line number of the end of a text that is open before `index`, or 0."""
    for number in range(index, len(lines)):
        match = _STRING_END.match(lines[number])
        if match and not _OPEN.search(_STRING.sub("", lines[number][match.end() :])):
            return number + 1
    return 0


def _integer_or_boolean(name: str, text: str) -> float:
    """Return the number of a field that is no float."""
    digits = text[:-1].removeprefix("-") if text[-1:] == "i" else text[:-1]
    if text[-1:] in ("i", "u") and digits.isascii() and digits.isdigit() and len(digits) <= 20:
        return float(text[:-1])
    if (value := BOOLEANS.get(text)) is not None:
        return value
    raise LineError(_describe_value(name, text))


def _describe_value(name: str, text: str) -> str:
    if not name or not text:
        return "expected a field such as usage=0.5 after the tags"
    return f"{quote_value(name)} is {quote_value(text)}; expected a number, true, false or text in quotes"
