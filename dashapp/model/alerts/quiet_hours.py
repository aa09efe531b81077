"""Quiet hours: parts of the week, in local time, in which an alert sends no message."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_MINUTES = 1440
EXAMPLE = "such as except Sat-Sun 22:00-06:00"

_DAY = f"(?:{'|'.join(DAY_NAMES)})"
_DAYS = rf"(?i:{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?){{0,6}})"
_TIMES = r"[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2}"
# The text of quiet hours in a rule.
QUIET_HOURS_PATTERN = rf"(?:{_DAYS}(?:\s+{_TIMES})?|{_TIMES})"
_QUIET_HOURS = re.compile(rf"(?P<days>{_DAYS})?\s*(?P<times>{_TIMES})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From minute `start` of each of `days` (0 is Monday) to minute `end`.

    If `end` is not after `start`, it is on the next day. Both are minutes of the clock on the wall: on the
    day on which it is set back, an hour is quiet twice.
    """

    days: tuple[int, ...]
    start: int = 0
    end: int = DAY_MINUTES

    @staticmethod
    def parse(text: str) -> QuietHours:
        """Return the quiet hours of a text; ValueError, with what was expected, if it is invalid.

        >>> QuietHours.parse("Sat-Sun 22:00-06:00")
        QuietHours(days=(5, 6), start=1320, end=360)
        >>> QuietHours.parse("fri-mon").text, QuietHours.parse("Mon-Sun 9:00-17:30").text
        ('Fri-Mon', '09:00-17:30')
        """
        match = _QUIET_HOURS.fullmatch(text.strip())
        if match is None or not (match["days"] or match["times"]):
            raise ValueError(f"expected quiet hours as days, times or both, {EXAMPLE}")
        days = _parse_days(match["days"]) if match["days"] else tuple(range(7))
        if not match["times"]:
            return QuietHours(days)
        start, end = map(_parse_time, match["times"].split("-"))
        if start in (end, DAY_MINUTES):
            raise ValueError(f"expected two different times in the quiet hours, {EXAMPLE}")
        return QuietHours(days, start, end)

    def covers(self, day: int, minute: int) -> bool:
        """Whether a minute of a day (0 is Monday) is in the quiet hours."""
        if self.start < self.end:
            return day in self.days and self.start <= minute < self.end
        begins_today = day in self.days and minute >= self.start
        return begins_today or ((day - 1) % 7 in self.days and minute < self.end)

    @property
    def text(self) -> str:
        """The shortest text that `parse` reads as this."""
        days = "" if len(self.days) == 7 else _format_days(self.days)
        is_whole_day = (self.start, self.end) == (0, DAY_MINUTES)
        times = "" if is_whole_day and days else f"{_format_time(self.start)}-{_format_time(self.end)}"
        return f"{days} {times}".strip()


def is_always_quiet(quiet_hours: Iterable[QuietHours]) -> bool:
    """Whether these leave no minute of a week."""
    periods = list(quiet_hours)
    # Nothing begins or ends between these minutes.
    minutes = {0, *(period.start for period in periods), *(period.end % DAY_MINUTES for period in periods)}
    return bool(periods) and all(
        any(period.covers(day, minute) for period in periods)
        for day in range(7)
        for minute in minutes
        if minute < DAY_MINUTES
    )


def _parse_days(text: str) -> tuple[int, ...]:
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        start, end = _day_number(first), _day_number(last or first)
        days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return tuple(sorted(days))


def _day_number(name: str) -> int:
    return DAY_NAMES.index(name.capitalize())


def _parse_time(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    total = 60 * hour + minute
    if minute > 59 or total > DAY_MINUTES:
        raise ValueError(f"expected times from 00:00 to 24:00 in the quiet hours, {EXAMPLE}")
    return total


def _format_days(days: tuple[int, ...]) -> str:
    """Return days as ranges, such as "Fri-Mon,Wed"."""
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    if len(runs) > 1 and runs[0][0] == 0 and runs[-1][-1] == 6:
        runs = [runs[-1] + runs[0], *runs[1:-1]]
    return ",".join(
        DAY_NAMES[run[0]] if len(run) == 1 else f"{DAY_NAMES[run[0]]}-{DAY_NAMES[run[-1]]}" for run in runs
    )


def _format_time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
