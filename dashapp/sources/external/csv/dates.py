"""Parse the text of a date or a time of day, without a guess about the order of its numbers.

`parse_stamp` returns what a text states. `Stamp.seconds` needs the order of day, month and year, which
only a whole file can show.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

DAY_S = 86_400
YMD, DMY, MDY = "ymd", "dmy", "mdy"
_EPOCH = date(1970, 1, 1).toordinal()


class DateText(NamedTuple):
    """Three numbers as written; `orders` are the possible orders, the most usual first."""

    numbers: tuple[int, int, int]
    orders: tuple[str, ...]


class Stamp(NamedTuple):
    """The parts of a time: date, seconds of the day, and seconds east of UTC.

    A part is None if the text does not state it. `zone_name` is a zone without a fixed offset.
    """

    date: DateText | None
    time_of_day: float | None
    utc_offset: float | None
    zone_name: str = ""

    def seconds(self, order: str) -> float:
        """Return seconds UTC; a text without a zone counts as UTC.

        Raises ValueError for a day such as 30 February.
        """
        seconds = (self.time_of_day or 0.0) - (self.utc_offset or 0.0)
        if self.date is not None:
            seconds += day_number(self.date.numbers, order) * DAY_S
        return seconds


@lru_cache(maxsize=4096)
def day_number(numbers: tuple[int, int, int], order: str) -> int:
    """Return days since 1970; raises ValueError if there is no such day."""
    by_letter = dict(zip(order, numbers, strict=True))
    year = by_letter["y"]
    if year < 100:
        year += 2000 if year < 70 else 1900
    return date(year, by_letter["m"], by_letter["d"]).toordinal() - _EPOCH


_TIME = re.compile(
    r"(?<![\d.:])(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,:](\d{1,9}))?)?(?:\s*([ap])\.?\s?m\b\.?)?(?![\d:])",
    re.ASCII | re.IGNORECASE,
)
# An offset, a name, or both, as in `+0100 CET` and `[Europe/Berlin]`.
_ZONE = re.compile(
    r"\s*(?:(?:UTC|GMT)?\s?([-+\u2212])(\d{1,2}):?([0-5]\d)?(?!\d)\s?)?"
    r"(?:\(?\[?(Z|[A-Za-z]+/[\w/]+|[A-Z]{2,5})\]?\)?(?!\w))?"
)
# Hours east of UTC of names with one meaning, and of those that RFC 5322 defines.
_ZONE_HOURS = {
    "Z": 0,
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "CET": 1,
    "MEZ": 1,
    "WEST": 1,
    "CEST": 2,
    "MESZ": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "JST": 9,
    "KST": 9,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "AEST": 10,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
}
# Other ways to write a time of day: 12h30, 12:30 Uhr, and :12:30:00 after a year in logs of web servers.
_VARIANTS = (
    (re.compile(r"\b(\d{1,2})\s?h\s?([0-5]\d)$"), r"\1:\2"),
    (re.compile(r"(\d{4}):(\d\d:\d\d)"), r"\1 \2"),
    (re.compile(r"\s(?:Uhr|uur|klo)\b"), ""),
)
_NUMERIC = re.compile(r"(\d{1,4})\s?([-/._年])\s?(\d{1,2})\s?[-/._月]\s?(\d{1,4})[.日]?", re.ASCII)
_DAY_FIRST = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?[-\s./]*(?:de |of )?([^\W\d_]{3,10})\.?[-\s./,]*(?:de )?(\d{4}|\d\d)"
)
_MONTH_FIRST = re.compile(r"([^\W\d_]{3,10})\.?[-\s]*(\d{1,2})(?:st|nd|rd|th)?,?[-\s]+(\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})[-\s/]([^\W\d_]{3,10})\.?[-\s/](\d{1,2})")
_MONTH_ONLY = re.compile(r"(\d{4})[-/](\d{1,2})|(\d{1,2})[-/.](\d{4})|([^\W\d_]{3,10})\.?[-\s/](\d{4})")
_MONTHS = (
    *("jan gen ene", "feb fev", "mar mae mrt maa", "apr avr abr", "may mai mag mei", "jun juin giu"),
    *("jul juil lug", "aug aou ago", "sep set", "oct okt ott out", "nov", "dec dez dic"),
)
_DATE_END = " ,;T\t\u202f\u00a0"


def parse_stamp(text: str) -> Stamp | None:
    """Return what the text states, or None if it is no date and no time of day.

    >>> parse_stamp("31-Jan-2026 1:00 PM").seconds("ymd") == parse_stamp("2026-01-31T13:00Z").seconds("ymd")
    True
    >>> parse_stamp("1.2.2026").date, parse_stamp("12:0:5.5").time_of_day, parse_stamp("1.5")
    (DateText(numbers=(1, 2, 2026), orders=('dmy',)), 43205.5, None)
    """
    text = text.strip(" \t\u00a0'\"")
    if not 4 <= len(text) <= 64:
        return None
    match = _TIME.search(text)
    if match is None or "/" in text or text.endswith(("r", "o")):
        for pattern, replacement in _VARIANTS:
            text = pattern.sub(replacement, text)
        match = _TIME.search(text)
    if match is None:
        parsed = _parse_date(text)
        return Stamp(parsed, None, None) if parsed else _parse_iso(text)
    try:
        time_of_day = _time_of_day(match)
    except ValueError:
        return None
    zone = _ZONE.match(text, match.end())
    offset, name = _utc_offset(zone) if zone else (None, "")
    end = zone.end() if zone else match.end()
    date_text = f"{text[: match.start()].rstrip(_DATE_END)} {text[end:].strip(_DATE_END)}".strip(
        _DATE_END + ":"
    )
    if not date_text:
        return Stamp(None, time_of_day, offset, name)
    parsed = _parse_date(date_text.rstrip("-_ "))
    return Stamp(parsed, time_of_day, offset, name) if parsed else None


def _time_of_day(match: re.Match[str]) -> float:
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[5]:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if match[5].lower() == "p" else 0)
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        raise ValueError
    return hour * 3600 + minute * 60 + second + (float(f"0.{match[4]}") if match[4] else 0.0)


def _utc_offset(match: re.Match[str]) -> tuple[float | None, str]:
    """Return the offset in seconds, and a name whose offset is not known here."""
    name = match[4] or ""
    if match[2]:
        seconds = int(match[2]) * 3600 + int(match[3] or 0) * 60
        return (seconds if match[1] == "+" else -seconds), ""
    if name in _ZONE_HOURS:
        return _ZONE_HOURS[name] * 3600, ""
    return None, name


@lru_cache(maxsize=1024)
def _parse_date(text: str) -> DateText | None:
    parsed = _parse_date_alone(text)
    if parsed is None:
        # A day of the week may be in front: "Sat, 31 Jan", "Sa. 31.01.", "lundi 2 février".
        word, _, rest = text.replace(",", " ").partition(" ")
        if rest and word.rstrip(".").isalpha():
            parsed = _parse_date_alone(rest.strip())
    return parsed


def _parse_date_alone(text: str) -> DateText | None:
    if match := _NUMERIC.fullmatch(text):
        return _numeric_date(match[1], match[2], match[3], match[4])
    for pattern, order in ((_DAY_FIRST, "dmy"), (_MONTH_FIRST, "mdy"), (_YEAR_FIRST, "ymd")):
        if match := pattern.fullmatch(text):
            parts = dict(zip(order, match.groups(), strict=True))
            month = _month_number(parts["m"])
            return _checked((int(parts["y"]), month, int(parts["d"])), (YMD,)) if month else None
    if match := _MONTH_ONLY.fullmatch(text):
        month = int(match[2] or match[3] or 0) or _month_number(match[5] or "")
        return _checked((int(match[1] or match[4] or match[6]), month, 1), (YMD,))
    return None


def _numeric_date(first: str, mark: str, second: str, third: str) -> DateText | None:
    numbers = (int(first), int(second), int(third))
    if len(first) == 4 or mark == "年":
        return _checked(numbers, (YMD,))
    if len(first) == 3 or len(third) == 3:
        return None
    if mark == ".":
        # With dots the day is first in all countries, unless that is no day.
        return _checked(numbers, (DMY, YMD) if len(third) == 2 else (DMY,)) or _checked(numbers, (MDY,))
    if len(third) == 4:
        return _checked(numbers, (DMY, MDY))
    return _checked(numbers, (DMY, MDY, YMD)) if len(third) == 2 else None


def _checked(numbers: tuple[int, int, int], orders: tuple[str, ...]) -> DateText | None:
    """Return the date with the orders that make it a day, or None if there are none."""
    valid = []
    for order in orders:
        try:
            day_number(numbers, order)
        except ValueError:
            continue
        valid.append(order)
    return DateText(numbers, tuple(valid)) if valid else None


def _month_number(word: str) -> int:
    """Return 1 to 12 for the name of a month in one of seven languages, otherwise 0."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", word.lower()) if letter.isalpha())
    for index, prefixes in enumerate(_MONTHS):
        if plain.startswith(tuple(prefixes.split())):
            return index + 1
    return 0


def _parse_iso(text: str) -> Stamp | None:
    """Return the stamp of a compact ISO 8601 text, such as `20260131T120000Z`."""
    if not any(letter in text for letter in "T-W"):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    offset = time.utcoffset()
    has_time = len(text) > 10 and ("T" in text or " " in text)
    of_day = timedelta(
        hours=time.hour, minutes=time.minute, seconds=time.second, microseconds=time.microsecond
    )
    return Stamp(
        DateText((time.year, time.month, time.day), (YMD,)),
        of_day.total_seconds() if has_time else None,
        offset.total_seconds() if offset is not None else None,
    )


def format_time(seconds: float, has_zone: bool) -> str:
    """Return seconds UTC as text for a message, with `UTC` only if the file states a zone."""
    try:
        text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s"
    return f"{text} UTC" if has_zone else text
