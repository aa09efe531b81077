"""Convert the time cells of a row to seconds: texts, epoch times, Excel days, durations.

`parse_time` reads a text that needs no other row. `TimeFormat` reads the cells of one file, and `TimeLine`
continues over midnight and over the hour that comes twice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dashapp.sources.external.csv.dates import DAY_S, YMD, parse_stamp
from dashapp.sources.external.number_parsing import NumberParser
from dashapp.sources.rejection import excerpt

# Epoch seconds are below this until the year 5138; larger times are in fractions of a second.
LARGEST_SECONDS = 1e11
# Seconds of a time in the usual range of years, 2001 to 2100.
PLAUSIBLE_EPOCH_S = (1e9, 4.1e9)
# Excel's number of 1 January 1970, and the days of the years 1982 to 2064.
EXCEL_EPOCH_DAY, EXCEL_DAYS = 25_569, (30_000, 60_000)

TIME_NAMES = (
    *("_time", "time", "timestamp", "datetime", "date time", "date/time", "date", "ts", "zeitstempel"),
    *("zeit", "datum/uhrzeit", "datum", "uhrzeit", "zeitpunkt", "horodatage", "date et heure", "heure"),
    *("fecha/hora", "fecha", "hora", "data/ora", "ora", "data hora", "tijdstip", "tijd", "datetime utc"),
    *("time utc", "timestamp utc", "date utc", "local time", "last_changed", "last_updated", "created_at"),
    *("recorded_at", "timegenerated", "time stamp", "time_stamp", "date_time", "epoch", "unix", "unixtime"),
    *("unix time", "unix timestamp", "unix_timestamp", "when", "start", "start time", "elapsed"),
    *("elapsed time", "seconds", "second", "sec", "secs", "s", "t", "millis", "micros", "ms", "uptime"),
    *("runtime", "laufzeit", "timestamp_ms", "time_ms", "time_us", "time_ns", "year", "jahr", "month"),
)
YEAR_NAMES = ("year", "jahr", "année", "año", "jaar", "anno")
_UNIT_END = re.compile(
    r"(?:^|[\[(_\s/,])(?:(ns|nanos\w*)|(us|µs|μs|micros\w*)|(ms|msec|millis\w*)|(s|secs?|seconds?|sekunden)"
    r"|(min|mins|minutes?)|(h|hours?|stunden)|(d|days?))[\])]?$"
)
_UNIT_SECONDS = (1e-9, 1e-6, 1e-3, 1.0, 60.0, 3600.0, float(DAY_S))


def parse_time(text: str) -> float:
    """Return seconds UTC of an ISO 8601 text or of a number; raises ValueError for other texts.

    >>> parse_time("2026-01-02T03:04:05Z") == parse_time("2026-01-02 03:04:05") == parse_time("1767323045000")
    True
    """
    text = text.strip()
    try:
        value = float(text)
    except ValueError:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(value) or "_" in text or (len(text) == 8 and text[:2] in ("19", "20")):
        # People write a date as eight digits.
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).timestamp()
    if len(text) == 14 and text[:2] in ("19", "20") and text.isdigit():
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    return epoch_seconds(value)


def epoch_seconds(value: float) -> float:
    """Return an epoch time in seconds; its size determines its unit.

    Raises OverflowError for infinity.
    """
    if not math.isfinite(value):
        raise OverflowError
    while abs(value) >= LARGEST_SECONDS:
        value /= 1000
    return value


def plain_name(name: str) -> str:
    """Return the name of a time column in small letters, without its unit in brackets."""
    return " ".join(re.sub(r"[\[(].*?[\])]", " ", name.lower()).split()).strip(" #:")


def unit_seconds(name: str) -> float:
    """Return the seconds of the unit at the end of a name, or 0 if there is none.

    >>> unit_seconds("time_ms"), unit_seconds("Time [s]"), unit_seconds("millis"), unit_seconds("time")
    (0.001, 1.0, 0.001, 0.0)
    """
    match = _UNIT_END.search(name.lower().strip())
    return _UNIT_SECONDS[match.lastindex - 1] if match and match.lastindex else 0.0


@dataclass
class TimeFormat:
    """The time columns of a file, and how to read them.

    `kind` is "text", "number" (epoch, or since a start), "excel", "year" or "digits" (a date, and a time of
    day such as 93000). With two columns the second is the time of day. `unit_s` is the unit of a number, or
    0 if its size determines it.
    """

    columns: tuple[int, ...]
    kind: str = "text"
    order: str = "ymd"
    unit_s: float = 0.0
    has_zone: bool = False
    has_date: bool = True
    zone: ZoneInfo | None = None
    numbers: NumberParser = field(default_factory=NumberParser)

    def text(self, cells: Sequence[str]) -> str:
        return " ".join(cells[index] for index in self.columns)

    def seconds(self, cells: Sequence[str]) -> float:
        """Return seconds UTC; raises ValueError with the rest of a sentence."""
        text = self.text(cells)
        try:
            if self.kind == "text":
                return self._text_seconds(text)
            if self.kind == "digits":
                return _date_seconds(cells[self.columns[0]], self.order) + time_of_digits(
                    cells[self.columns[1]]
                )
            if self.kind == "year":
                return datetime(int(text), 1, 1, tzinfo=UTC).timestamp()
            return self._number_seconds(text)
        except (ValueError, OverflowError) as error:
            reason = str(error) if isinstance(error, TimeError) else ""
            raise TimeError(reason or f'has an invalid time ("{excerpt(text)}")') from None

    def _text_seconds(self, text: str) -> float:
        stamp = parse_stamp(text)
        if stamp is None or (stamp.date is None) == self.has_date:
            raise ValueError
        if stamp.zone_name:
            return stamp.seconds(self.order) - _offset_of(stamp.zone_name, stamp.seconds(self.order))
        if (stamp.utc_offset is not None) != self.has_zone:
            states = "has no time zone" if self.has_zone else "has a time zone"
            raise TimeError(f"{states}, unlike the first row")
        # A year in front and the name of a month need no order.
        is_certain = stamp.date is not None and stamp.date.orders == (YMD,)
        return stamp.seconds(YMD if is_certain else self.order)

    def _number_seconds(self, text: str) -> float:
        quantity = self.numbers.parse(text)
        if quantity is None or quantity.unit not in ("", "s"):
            return parse_time(text)
        value = quantity.value
        if self.kind == "excel":
            if not EXCEL_DAYS[0] <= value <= EXCEL_DAYS[1]:
                raise ValueError
            # Excel stores a second as 0.0000115741 of a day.
            return round((value - EXCEL_EPOCH_DAY) * DAY_S, 3)
        if self.unit_s and abs(value * self.unit_s) < PLAUSIBLE_EPOCH_S[1]:
            return value * self.unit_s
        return parse_time(text) if text.isascii() and text.isdigit() else epoch_seconds(value)


def _date_seconds(text: str, order: str) -> float:
    stamp = parse_stamp(text)
    if stamp is None or stamp.date is None:
        return parse_time(text)
    return stamp.seconds(YMD if stamp.date.orders == (YMD,) else order)


def time_of_digits(text: str) -> float:
    """Return the seconds of a time of day; raises ValueError for other texts.

    >>> time_of_digits("93000"), time_of_digits("0930"), time_of_digits("0.5")
    (34200.0, 34200.0, 43200.0)
    """
    if not (text.isascii() and text.isdigit()):
        value = float(text.replace(",", "."))
        if not 0 <= value < 1:
            raise ValueError
        # Excel stores a time of day as a fraction of a day.
        return round(value * DAY_S, 3)
    digits = text.zfill(4) if len(text) <= 4 else text.zfill(6)
    hour, minute, second = int(digits[:2]), int(digits[2:4]), int(digits[4:] or 0)
    if len(digits) > 6 or hour > 23 or minute > 59 or second > 59:
        raise ValueError
    return hour * 3600.0 + minute * 60 + second


class TimeError(ValueError):
    """A time that cannot be read; the message follows the number of the line."""


def _offset_of(name: str, seconds: float) -> float:
    """Return the offset of a zone such as Europe/Berlin at a local time."""
    return _local(seconds, find_zone(name), 0)[1]


def find_zone(name: str) -> ZoneInfo:
    """Return the time zone; raises TimeError if it is not known."""
    try:
        if "/" in name:
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # No such zone, no such name, or no such file.
        pass
    raise TimeError(f'has a time zone that is not known ("{excerpt(name)}"); write +02:00 instead')


def _local(seconds: float, zone: ZoneInfo, fold: int) -> tuple[float, float]:
    """Return seconds UTC of a local time, and its offset."""
    local = (datetime(1970, 1, 1) + timedelta(seconds=seconds)).replace(tzinfo=zone, fold=fold)
    offset = local.utcoffset()
    shift = offset.total_seconds() if offset is not None else 0.0
    return seconds - shift, shift


HOUR_S = 3600.0
# A clock that goes back by an hour is late by at most this many of its usual steps, or seconds.
MAX_LATE_STEPS, MAX_LATE_S = 3, 60.0


class TimeLine:
    """Makes times continue over midnight, and over the hour that comes twice.

    A local time that goes back by an hour on a day on which clocks go back continues.
    """

    def __init__(self, time_format: TimeFormat) -> None:
        self._format = time_format
        self._shift = 0.0
        self._newest = -math.inf
        self._step = 0.0
        self._has_repeated_hour = False

    def place(self, seconds: float) -> float:
        """Return the time of the next row."""
        if self._format.kind == "text" and not self._format.has_zone:
            seconds = self._placed_local(seconds)
        if seconds > self._newest:
            if math.isfinite(self._newest):
                self._step = seconds - self._newest
            self._newest = seconds
        return seconds

    def _placed_local(self, seconds: float) -> float:
        if self._format.zone is not None:
            time = _local(seconds, self._format.zone, 0)[0]
            if time <= self._newest:
                later = _local(seconds, self._format.zone, 1)[0]
                time = later if later > self._newest else time
            return time
        if not self._format.has_date:
            if seconds + self._shift < self._newest - DAY_S / 2:
                self._shift += DAY_S
        elif self._is_repeated_hour(seconds):
            self._shift += HOUR_S
            self._has_repeated_hour = True
        return seconds + self._shift

    def _is_repeated_hour(self, seconds: float) -> bool:
        step_back = self._newest - seconds - self._shift
        allowed = max(MAX_LATE_STEPS * self._step, MAX_LATE_S)
        if self._has_repeated_hour or not HOUR_S - allowed <= step_back < HOUR_S or step_back <= 0:
            return False
        day = datetime(1970, 1, 1) + timedelta(seconds=seconds)
        # Clocks go back on the last Sunday of October, or the first one of November or April.
        is_last, is_first = day.day > 24 and day.month == 10, day.day < 8 and day.month in (4, 11)
        return day.weekday() == 6 and day.hour < 4 and (is_last or is_first)
