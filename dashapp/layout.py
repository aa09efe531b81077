"""The page: a headline, the panels, the window slider. The same for every viewer; the numbers come later.

A panel's chart is put in by the browser when it has points and comes into sight (assets/chart.js): its first
drawing has the past then, and two dozen charts that nobody looks at do not cost the first second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dash import dcc, html

from dashapp.figures import CONFIG, empty_figure
from dashapp.model import Metric
from dashapp.panels import Panel, panels

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


def page(
    window: float,
    interval: float,
    longest: float,
    metrics: Iterable[Metric],
    thresholds: str = "[]",
) -> html.Div:
    """`window`, `longest`: seconds on screen, at first and at most. `interval`: seconds between ticks.
    `thresholds`: what the charts draw as lines, in JSON."""
    stops = sorted({*(stop for stop in WINDOWS if stop <= longest), round(window), int(longest)})
    shown = panels(metrics)
    return html.Div(
        id="page",
        children=[
            dcc.Interval(id="interval", interval=round(1000 * min(max(interval, 0.25), 1))),
            dcc.Store(id="charts", data={panel.name: _graph(panel) for panel in shown}),
            html.Header(
                [
                    html.H1(["dashapp", html.Span("this machine, live", className="tagline")]),
                    html.Div("Connecting", id="status", role="status", **{"data-state": "stale"}),
                ]
            ),
            html.Div(id="notices", role="alert", hidden=True),
            html.Main([_section(panel) for panel in shown]),
            _controls(stops, stops.index(round(window)), window),
        ],
        **{"data-stops": ",".join(map(str, stops)), "data-thresholds": thresholds},
    )


def _section(panel: Panel) -> html.Section:
    first = panel.name == "cpu"
    return html.Section(
        [
            html.H2(
                [
                    panel.title,
                    html.Span(panel.of, className="of"),
                    html.Output("", className="value", **{"aria-live": "off"}),
                ]
            ),
            html.Div(id=f"chart-{panel.name}", className="chart"),
        ],
        className="panel loading" if first else "panel loading absent",
        **{"data-panel": panel.name, "aria-label": f"{panel.title}, {panel.of}"},
    )


def _graph(panel: Panel) -> dcc.Graph:
    return dcc.Graph(
        id=f"graph-{panel.name}",
        figure=empty_figure(panel.unit, panel.low, panel.high),
        config=CONFIG,
        responsive=True,
    )


def _controls(stops: list[int], chosen: int, window: float) -> html.Footer:
    return html.Footer(
        [
            html.Div(
                [
                    _button("earlier", "‹", "Earlier (left arrow)", "ArrowLeft"),
                    _button("pause", "Pause", "Pause or resume (space or p)", "Space P", pressed="false"),
                    _button("later", "›", "Later (right arrow)", "ArrowRight"),
                ],
                className="buttons",
            ),
            html.Div(
                [
                    html.Div(
                        [html.Span("Showing the last "), html.Output(words(window), id="window-label")],
                        className="window-text",
                    ),
                    dcc.Slider(
                        id="window",
                        min=0,
                        max=len(stops) - 1,
                        step=1,
                        value=chosen,
                        marks=_marks(stops),
                        included=False,
                        updatemode="drag",
                        allow_direct_input=False,
                    ),
                ],
                className="window",
            ),
        ]
    )


def _button(name: str, text: str, title: str, keys: str, pressed: str | None = None) -> html.Button:
    said = {"aria-keyshortcuts": keys} | ({"aria-pressed": pressed} if pressed else {"aria-label": title})
    return html.Button(text, id=name, type="button", title=title, **said)


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
