"""The page: a headline, the panels, the window slider. The same for every viewer; the numbers come later."""

from __future__ import annotations

from dataclasses import dataclass

from dash import dcc, html

from dashapp.config import LONGEST_WINDOW
from dashapp.figures import CONFIG, empty_figure

# The slider's stops in seconds, each about half as long again as the one before, in words people use.
WINDOWS = (10, 15, 20, 30, 45, 60, 100, 180, 300, 600, 900, 1800, 2700, 3600, 5400, 7200)


@dataclass(frozen=True)
class Panel:
    """A chart: the metrics of one panel name, under one title."""

    name: str
    title: str
    unit: str
    low: float | None = None
    high: float | None = None
    lines: int = 1


PANELS = (
    Panel("cpu", "CPU, all cores", "%", 0, 100),
    Panel("cores", "CPU, core by core", "%", 0, 100, lines=2),
)


def page(window: float, interval: float) -> html.Div:
    """`window`: seconds on screen at first. `interval`: seconds between the collector's ticks."""
    stops = sorted({*WINDOWS, round(window)})
    return html.Div(
        id="page",
        children=[
            dcc.Interval(id="interval", interval=round(1000 * min(max(interval, 0.25), 1))),
            html.Header(
                [
                    html.H1(["dashapp", html.Span("this machine, live", className="tagline")]),
                    html.Div(
                        "Connecting",
                        id="status",
                        role="status",
                        **{"data-state": "stale"},
                    ),
                ]
            ),
            html.Div(id="notices", role="alert", hidden=True),
            html.Main([_panel(panel) for panel in PANELS]),
            _controls(stops, stops.index(round(window)), window),
        ],
        **{"data-stops": ",".join(map(str, stops))},
    )


def _panel(panel: Panel) -> html.Section:
    return html.Section(
        [
            html.H2(
                [panel.title, html.Output("", className="value", **{"aria-live": "off"})],
            ),
            html.Div(
                dcc.Graph(
                    id=f"graph-{panel.name}",
                    figure=empty_figure(panel.unit, panel.low, panel.high, lines=panel.lines),
                    config=CONFIG,
                    responsive=True,
                ),
                className="chart",
            ),
        ],
        className="panel loading",
        **{"data-panel": panel.name, "aria-label": panel.title},
    )


def _controls(stops: list[int], chosen: int, window: float) -> html.Footer:
    marks = {stops.index(s): text for s, text in _MARKS.items() if s in stops}
    return html.Footer(
        [
            html.Button(
                "Pause",
                id="pause",
                type="button",
                title="Pause or resume (space or p)",
                **{"aria-pressed": "false", "aria-keyshortcuts": "Space P"},
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
                        marks=marks,
                        included=False,
                        updatemode="drag",
                        allow_direct_input=False,
                    ),
                ],
                className="window",
            ),
        ]
    )


_MARKS = {10: "10 s", 60: "1 min", 300: "5 min", 1800: "30 min", LONGEST_WINDOW: "2 h"}


def words(seconds: float) -> str:
    """A length of time as a person says it: "100 seconds", "5 minutes", "2 hours"."""
    for size, unit in ((3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % (size / 2) == 0:
            count = seconds / size
            return f"{count:g} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"
