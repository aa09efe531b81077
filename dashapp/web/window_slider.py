"""Windows: the lengths of time that a slider offers, and how a person says them.

Knows no panel and no page.
"""

from __future__ import annotations

from typing import Any

from dash import dcc

HOUR, DAY, YEAR = 3600, 86_400, 31_536_000
# The slider's stops in seconds, each half as long again as the one before or so, in words people use.
WINDOWS = (
    *(10, 15, 20, 30, 45, 60, 100, 180, 300, 600, 900, 1800),
    *(HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY),
    *(30 * DAY, 60 * DAY, 90 * DAY, 180 * DAY, YEAR, 2 * YEAR),
)
_MARKS = {10: "10 s", 100: "100 s", 600: "10 min", HOUR: "1 h", DAY: "1 day", 30 * DAY: "30 days"}
_MARKS |= {2 * HOUR: "2 h", YEAR: "1 year", 2 * YEAR: "2 years"}
# Marks that would run into their neighbours on the full scale.
_ONLY_LAST = (2 * HOUR, YEAR, 2 * YEAR)


def stops_to(longest: float, window: float) -> list[int]:
    """The stops in seconds of a slider that reaches to `longest` and has `window` among them."""
    return sorted({*(stop for stop in WINDOWS if stop <= longest), round(window), int(longest)})


def slider(id: Any, stops: list[int], chosen: int) -> dcc.Slider:
    """Its value is the place of a stop, at first `chosen`: seconds would crowd the short ones."""
    return dcc.Slider(
        id=id,
        min=0,
        max=len(stops) - 1,
        step=1,
        value=chosen,
        marks=_marks(stops),
        included=False,
        updatemode="drag",
        allow_direct_input=False,
    )


def _marks(stops: list[int]) -> dict[int, Any]:
    return {
        stops.index(stop): text
        for stop, text in _MARKS.items()
        if stop in stops and (stop not in _ONLY_LAST or stop == stops[-1])
    }


def words(seconds: float) -> str:
    """A length of time as a person says it: "100 seconds", "5 minutes", "2 hours", "90 days"."""
    for size, unit in ((YEAR, "year"), (DAY, "day"), (HOUR, "hour"), (60, "minute")):
        if seconds >= size and seconds % (size / 2) == 0:
            count = seconds / size
            return f"{count:g} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"
