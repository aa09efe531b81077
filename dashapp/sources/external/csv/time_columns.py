"""Choose the time columns of a table, and the order of day, month and year in its dates."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from dashapp.model.ticks import SourceError
from dashapp.sources.external.csv.dates import DAY_S, MDY, DateText, Stamp, day_number, parse_stamp
from dashapp.sources.external.csv.headings import PERFMON_MARK, NoTableError
from dashapp.sources.external.csv.numbers import is_missing_cell, is_number_text
from dashapp.sources.external.csv.times import (
    EXCEL_DAYS,
    PLAUSIBLE_EPOCH_S,
    TIME_NAMES,
    YEAR_NAMES,
    TimeFormat,
    epoch_seconds,
    parse_time,
    plain_name,
    time_of_digits,
    unit_seconds,
)
from dashapp.sources.external.number_parsing import NumberParser

_UNIT_SUFFIX = re.compile(r"[_\s](?:ns|us|ms|s|sec|secs|seconds|millis|min|h|utc|local)$")
# Names of a time of day and of a day, as texts of digits.
CLOCK_NAMES, DAY_NAMES = (
    ("time", "zeit", "uhrzeit", "heure", "hora", "ora"),
    ("date", "datum", "fecha", "data"),
)
_PARTS_OF_DATES = ("month", "monat", "mois", "mes", "day", "tag", "jour", "hour", "stunde")
_DATE_WORDS = ("dat", "fecha", "jour", "tag", "day", "dia", "giorno", "dag")
# Later dates are in the future, and no tool has recorded them yet.
MAX_FUTURE_DAYS = 2
ORDER_NAMES = {"dmy": "day-month-year", "mdy": "month-day-year", "ymd": "year-month-day"}


def find_time_format(
    names: Sequence[str], rows: Sequence[Sequence[str]], zone: ZoneInfo | None
) -> TimeFormat:
    """Return the time columns, without the order of a date.

    Raises NoTableError if there are none, and SourceError if their unit is not certain.
    """
    stamps = [[parse_stamp(row[index]) for row in rows] for index in range(len(names))]
    full, dates, times = _columns_of_stamps(rows, stamps)
    if full:
        return _text_format((_best(full, names, rows),), stamps, zone)
    if (digits := _find_digits(names, rows, dates)) is not None:
        return digits
    numeric = _find_numeric(names, rows)
    if numeric is not None and not (dates and times):
        return numeric
    if dates:
        date = _best(dates, names, rows)
        if times:
            # The time of day beside the date, if there are several.
            return _text_format(
                (date, min(times, key=lambda index: (abs(index - date), index))), stamps, zone
            )
        return _text_format((date,), stamps, zone)
    if times:
        return _text_format((_best(times, names, rows),), stamps, zone)
    listed = ", ".join(f'"{name[:30]}"' for name in names[:4])
    raise NoTableError(
        f"none of its columns ({listed}) has times; name the column with seconds or dates `time`"
    )


def _columns_of_stamps(
    rows: Sequence[Sequence[str]], stamps: Sequence[Sequence[Stamp | None]]
) -> tuple[list[int], list[int], list[int]]:
    """Return the columns with a date and a time of day, with a date, and with a time of day."""
    full, dates, times = list[int](), list[int](), list[int]()
    for index, column in enumerate(stamps):
        known = [stamp for stamp in column if stamp]
        filled = sum(not is_missing_cell(row[index]) for row in rows)
        if not known or len(known) * 2 < filled:
            continue
        dated = sum(stamp.date is not None for stamp in known)
        timed = sum(stamp.time_of_day is not None for stamp in known)
        # Midnight has no time of day in many exports.
        if dated * 2 > len(known) and timed * 3 > len(known):
            full.append(index)
        elif dated:
            dates.append(index)
        else:
            times.append(index)
    return full, dates, times


def _best(columns: Sequence[int], names: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return the column whose values change, and whose name is the most usual one of a time."""

    def rank(index: int) -> tuple[bool, int, int]:
        is_constant = len(rows) > 1 and len({row[index] for row in rows}) == 1
        return is_constant, _name_rank(names[index]), index

    return min(columns, key=rank)


def _name_rank(name: str) -> int:
    if name.lower().startswith(PERFMON_MARK):
        return 0
    plain = plain_name(name)
    for text in (plain, _UNIT_SUFFIX.sub("", plain)):
        if text in TIME_NAMES:
            return TIME_NAMES.index(text)
    return len(TIME_NAMES)


def _text_format(
    columns: tuple[int, ...], stamps: Sequence[Sequence[Stamp | None]], zone: ZoneInfo | None
) -> TimeFormat:
    rows = zip(*(stamps[index] for index in columns), strict=True)
    first = next(row for row in rows if all(row))
    has_zone = any(stamp is not None and (stamp.utc_offset is not None or stamp.zone_name) for stamp in first)
    has_date = any(stamp is not None and stamp.date is not None for stamp in first)
    # The text of two columns is joined, and parse_stamp reads it in either order.
    return TimeFormat(
        columns, "text", "", has_zone=has_zone, has_date=has_date, zone=None if has_zone else zone
    )


def _find_digits(
    names: Sequence[str], rows: Sequence[Sequence[str]], dates: Sequence[int]
) -> TimeFormat | None:
    """Return the format of a date beside a time of day such as 93000, or None."""
    named = [index for index, name in enumerate(names) if plain_name(name) in CLOCK_NAMES]
    days = [*dates, *(index for index, name in enumerate(names) if plain_name(name) in DAY_NAMES)]
    for time in named:
        cells = [row[time] for row in rows if not is_missing_cell(row[time])]
        for date in days:
            is_day = date in dates or all(
                _is_day(row[date]) for row in rows if not is_missing_cell(row[date])
            )
            if date == time or not is_day or not cells or not all(map(is_number_text, cells)):
                continue
            try:
                for cell in cells:
                    time_of_digits(cell)
            except ValueError:
                raise SourceError(
                    f'column "{names[time][:30]}" has "{cells[0][:20]}" beside a date; '
                    "write times such as 12:30:00"
                ) from None
            return TimeFormat((date, time), "digits", "" if date in dates else "ymd")
    return None


def _find_numeric(names: Sequence[str], rows: Sequence[Sequence[str]]) -> TimeFormat | None:
    named = sorted(
        (rank, index) for index, name in enumerate(names) if (rank := _name_rank(name)) < len(TIME_NAMES)
    )
    for _rank, index in named:
        if found := _numeric_format(index, names, rows):
            return found
    for index in range(len(names)):
        values = _rising_values(index, rows)
        if values and all(
            PLAUSIBLE_EPOCH_S[0] <= epoch_seconds(value) <= PLAUSIBLE_EPOCH_S[1] for value in values
        ):
            return TimeFormat((index,), "number", has_zone=True)
    return None


def _rising_values(index: int, rows: Sequence[Sequence[str]]) -> list[float]:
    """Return the numbers of a column, or nothing if they neither rise nor fall."""
    try:
        values = [float(row[index]) for row in rows if not is_missing_cell(row[index])]
    except ValueError:
        return []
    if not all(map(math.isfinite, values)):
        return []
    return values if values in (sorted(values), sorted(values, reverse=True)) else []


def _numeric_format(index: int, names: Sequence[str], rows: Sequence[Sequence[str]]) -> TimeFormat | None:
    """Return the format of a named column of numbers, or None if most of it are no numbers."""
    name, numbers = names[index], NumberParser()
    cells = [row[index] for row in rows if not is_missing_cell(row[index])]
    for cell in cells:
        numbers.parse(cell)
    values = [
        quantity.value for cell in cells if (quantity := numbers.parse(cell)) and quantity.unit in ("", "s")
    ]
    if len(values) * 2 < len(cells) or not values:
        return None
    unit = unit_seconds(name)
    if plain_name(name) in YEAR_NAMES and all(
        1800 <= value <= 2200 and value.is_integer() for value in values
    ):
        if other := next((name for name in names if plain_name(name) in _PARTS_OF_DATES), ""):
            raise SourceError(
                f'its dates are in several columns, such as "{name[:30]}" and "{other[:30]}"; '
                "write each date in one"
            )
        return TimeFormat((index,), "year", has_zone=False)
    if not unit and all(EXCEL_DAYS[0] <= value <= EXCEL_DAYS[1] for value in values):
        # A second is 0.0000116 of a day, so that most times of day have many digits.
        has_fractions = any(value != round(value, 3) for value in values)
        if has_fractions or any(word in name.lower() for word in _DATE_WORDS):
            return TimeFormat((index,), "excel", has_zone=False, numbers=numbers)
        raise SourceError(
            f'column "{name[:30]}" begins with {cells[0][:20]}, which is a day of Excel or a number of '
            "seconds; write dates, or call the column `time [s]`"
        )
    is_epoch = all(
        abs(epoch_seconds(value) if not unit else value * unit) >= PLAUSIBLE_EPOCH_S[0] for value in values
    )
    is_day = all(map(_is_day, cells))
    return TimeFormat(
        (index,), "number", unit_s=unit, has_zone=is_epoch, has_date=is_epoch or is_day, numbers=numbers
    )


def _is_day(cell: str) -> bool:
    try:
        parse_time(cell)
    except ValueError:
        return False
    return len(cell) == 8 and cell.isdigit() and cell[:2] in ("19", "20")


class DateOrders:
    """Finds the order of day, month and year that all dates of a file have in common."""

    def __init__(self, requested: str = "") -> None:
        self._requested = requested
        self._counts: dict[tuple[str, ...], int] = {}
        self._dates: dict[tuple[int, int, int], int] = {}
        self._example, self._example_line = "", 0

    def add(self, date: DateText, text: str, line: int) -> None:
        """Record the date of a row; the rows come in the order of the file."""
        self._counts[date.orders] = self._counts.get(date.orders, 0) + 1
        if len(date.orders) > 1 and not self._example:
            self._example, self._example_line = text, line
        if len(date.orders) > 1 or date.orders[0] != "ymd":
            self._dates[date.numbers] = self._dates.get(date.numbers, 0) + 1

    def resolve(self, is_month_first: bool) -> str:
        """Return the order; raises SourceError if the file does not show it."""
        if self._requested:
            return self._requested
        if is_month_first:
            return MDY
        certain = {
            orders[0]: count
            for orders, count in self._counts.items()
            if len(orders) == 1 and orders[0] != "ymd"
        }
        if certain:
            best = max(certain, key=certain.__getitem__)
            # One wrong row in a hundred does not change the order of the others.
            if (sum(certain.values()) - certain[best]) * 100 <= certain[best]:
                return best
            raise SourceError(f"its dates have several orders; add {self._advice(certain)}")
        candidates = self._candidates()
        if len(candidates) == 1:
            return candidates[0]
        if not candidates:
            return "ymd"
        raise SourceError(
            f'line {self._example_line} has the date "{self._example[:20]}", whose order no row shows; '
            f"add {self._advice(dict.fromkeys(candidates, 1))}"
        )

    def _candidates(self) -> list[str]:
        unclear = [orders for orders in self._counts if len(orders) > 1]
        orders = [
            order for order in (unclear[0] if unclear else ()) if all(order in other for other in unclear)
        ]
        if len(orders) > 1:
            today = datetime.now(UTC).timestamp() // DAY_S + MAX_FUTURE_DAYS
            past = [
                order for order in orders if all(day_number(date, order) <= today for date in self._dates)
            ]
            orders = past or orders
        if len(orders) > 1 and (continuous := [order for order in orders if self._is_continuous(order)]):
            orders = continuous if len(continuous) == 1 else orders
        return orders

    def _is_continuous(self, order: str) -> bool:
        """Return whether each day follows the one before, if the dates have this order."""
        dates = list(self._dates)
        if len(dates) < 2 or sum(self._dates.values()) < 2 * len(dates):
            return False
        days = [day_number(date, order) for date in dates]
        return all(abs(later - day) == 1 for day, later in pairwise(days))

    def _advice(self, orders: Mapping[str, int]) -> str:
        return " or ".join(f"?dates={order} ({ORDER_NAMES[order]})" for order in orders)
