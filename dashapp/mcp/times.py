"""Times in the arguments and results of tools, in the time zone of the host.

An argument is ISO 8601, `now`, a time before now (`-1h`) or a time of day (`15:00`). It can also be `today`,
`yesterday` or a date, perhaps with a time of day.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from dashapp.model.text import quote_value
from dashapp.model.ticks import MAX_EPOCH_MS, BadRequestError

EXPECTED = "expected ISO 8601, -1h, 15:00, yesterday 15:00 or now"
DAY = timedelta(days=1)

_BEFORE = re.compile(r"-?\s*(?P<count>\d{1,9}(?:\.\d{1,3})?)\s*(?P<unit>[smhdwy])(?:\s+ago)?")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
_DAY_TIME = re.compile(rf"(?:(?P<day>today|yesterday|\d{{4}}-\d{{2}}-\d{{2}})\s*)?(?:{_CLOCK})?")


class Times:
    """Parses and formats times in `zone`; `now` is in epoch seconds."""

    def __init__(self, zone: tzinfo, now: float) -> None:
        self._zone = zone
        self._now = datetime.fromtimestamp(now, UTC)
        self.now_ms = round(1000 * now)

    def range(self, start: str | None, end: str | None, default: str) -> tuple[int, int]:
        """Return (start, end] in epoch milliseconds, until now at most; or BadRequestError."""
        start_ms = self.parse("from", start or default)
        if start_ms >= self.now_ms:
            raise BadRequestError(f"from is {quote_value(start)}, which is in the future")
        end_ms = min(self.parse("to", end or "now", start_ms), self.now_ms)
        if start_ms >= end_ms:
            raise BadRequestError(
                f"from must be earlier than to; they are {self.iso(start_ms)} and {self.iso(end_ms)}"
            )
        return start_ms, end_ms

    def parse(self, name: str, text: str, after_ms: int | None = None) -> int:
        """Return epoch milliseconds. A time of day is the last one, or with `after_ms` the next one."""
        time = self._parse(text.strip(), after_ms)
        if time is None:
            raise BadRequestError(f"{name} is {quote_value(text)}; {EXPECTED}")
        time_ms = round(time.timestamp() * 1000)
        if not 0 <= time_ms <= MAX_EPOCH_MS:
            raise BadRequestError(f"{name} is {quote_value(text)}; {EXPECTED}")
        return time_ms

    def _parse(self, text: str, after_ms: int | None) -> datetime | None:
        try:
            if text == "now":
                return self._now
            if match := _BEFORE.fullmatch(text):
                return self._now - timedelta(seconds=float(match["count"]) * _UNIT_SECONDS[match["unit"]])
            if (match := _DAY_TIME.fullmatch(text)) and text:
                return self._day_time(match, after_ms)
            time = datetime.fromisoformat(text)
            return time if time.tzinfo else time.replace(tzinfo=self._zone)
        except (ValueError, OverflowError):
            return None

    def _day_time(self, match: re.Match[str], after_ms: int | None) -> datetime:
        today = self._now.astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        has_clock = match["hour"] is not None
        hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
        if match["day"]:
            days = {"today": today, "yesterday": today - DAY}
            day = days.get(match["day"]) or datetime.fromisoformat(match["day"]).replace(tzinfo=self._zone)
            # As the end of a range, a day without a time of day is a whole one.
            whole = DAY if after_ms is not None and not has_clock else timedelta(0)
            return day.replace(hour=hour, minute=minute, second=second) + whole
        start = self._now if after_ms is None else datetime.fromtimestamp(after_ms / 1000, UTC)
        time = start.astimezone(self._zone).replace(hour=hour, minute=minute, second=second, microsecond=0)
        first, repeated = (time.replace(fold=fold) for fold in (0, 1))
        # At the end of daylight saving time it occurs twice. Times in one zone would compare without folds.
        times = [first, repeated] if first.timestamp() < repeated.timestamp() else [first]
        if after_ms is None:
            return next((time for time in reversed(times) if time.astimezone(UTC) <= start), first - DAY)
        return next((time for time in times if time.astimezone(UTC) > start), first + DAY)

    def iso(self, time_ms: float) -> str:
        """Return ISO 8601 with the offset of the zone, in whole seconds if it is one.

        >>> Times(UTC, 0).iso(1795888800000)
        '2026-11-28T18:00:00+00:00'
        """
        time = datetime.fromtimestamp(time_ms / 1000, self._zone)
        return time.isoformat(timespec="milliseconds" if time_ms % 1000 else "seconds")

    def local(self, time_ms: float) -> str:
        """Return a time for people, such as "Sat 28 Nov 2026 18:00:00 UTC"."""
        return f"{datetime.fromtimestamp(time_ms / 1000, self._zone):%a %d %b %Y %H:%M:%S %Z}"
