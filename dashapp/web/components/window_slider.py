"""The window slider: its lengths of time, and their names."""

from __future__ import annotations

from typing import Any

from dash import dcc

from dashapp.languages.tables import Translator

HOUR_S, DAY_S, YEAR_S = 3600, 86_400, 31_536_000
# The stops of the slider in seconds. Each is about 1.5 times the one before, with a common name.
WINDOW_STOPS_S = (
    *(10, 15, 20, 30, 45, 60, 100, 180, 300, 600, 900, 1800),
    *(
        HOUR_S,
        2 * HOUR_S,
        3 * HOUR_S,
        6 * HOUR_S,
        12 * HOUR_S,
        DAY_S,
        2 * DAY_S,
        3 * DAY_S,
        7 * DAY_S,
        14 * DAY_S,
    ),
    *(30 * DAY_S, 60 * DAY_S, 90 * DAY_S, 180 * DAY_S, YEAR_S, 2 * YEAR_S),
)
_SECONDS, _MINUTES, _HOURS = "{count} s", "{count} min", "{count} h"
# Text, the same for 1, and count.
_MARKS = {
    10: (_SECONDS, _SECONDS, 10),
    100: (_SECONDS, _SECONDS, 100),
    600: (_MINUTES, _MINUTES, 10),
    HOUR_S: (_HOURS, _HOURS, 1),
    DAY_S: ("{count} days", "{count} day", 1),
    30 * DAY_S: ("{count} days", "{count} day", 30),
    2 * HOUR_S: (_HOURS, _HOURS, 2),
    YEAR_S: ("{count} years", "{count} year", 1),
    2 * YEAR_S: ("{count} years", "{count} year", 2),
}
_UNITS = (
    (YEAR_S, "{count} years", "{count} year"),
    (DAY_S, "{count} days", "{count} day"),
    (HOUR_S, "{count} hours", "{count} hour"),
    (60, "{count} minutes", "{count} minute"),
)
# Marks that would overlap their neighbours on the full scale.
_LAST_ONLY_MARKS = (2 * HOUR_S, YEAR_S, 2 * YEAR_S)


def slider_stops(longest: float, window: float) -> list[int]:
    """Return the stops in seconds of a slider that ends at `longest` and includes `window`."""
    return sorted({*(stop for stop in WINDOW_STOPS_S if stop <= longest), round(window), int(longest)})


def window_slider(
    id: Any, stops: list[int], position: int, translate: Translator | None = None
) -> dcc.Slider:
    """Return a slider. Its value is the index of a stop: seconds would crowd the short ones."""
    return dcc.Slider(
        id=id,
        min=0,
        max=len(stops) - 1,
        step=1,
        value=position,
        marks=_slider_marks(stops, translate or Translator()),
        included=False,
        updatemode="drag",
        allow_direct_input=False,
    )


def _slider_marks(stops: list[int], translate: Translator) -> dict[int, Any]:
    return {
        stops.index(stop): translate.count(*mark)
        for stop, mark in _MARKS.items()
        if stop in stops and (stop not in _LAST_ONLY_MARKS or stop == stops[-1])
    }


def format_window(seconds: float, translate: Translator | None = None) -> str:
    """Return a length of time as text: "100 seconds", "5 minutes", "2 hours", "90 days"."""
    translate = translate or Translator()
    for size, several, one in _UNITS:
        if seconds >= size and seconds % (size / 2) == 0:
            return translate.count(several, one, seconds / size)
    return translate.count("{count} seconds", "{count} second", seconds)
