"""LiveGraph: a live chart for a Dash app, in the form of Dash's All-in-One components.

It defines the elements of the page. `attach` serves their data, and assets/live_graph draws it with the same
scripts as our own page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any
from uuid import uuid4

from dash import dcc, html

from dashapp.config.parsers import THEMES
from dashapp.config.settings import MEMORY_RETENTION_S, MIN_WINDOW_S
from dashapp.model import panel_spec
from dashapp.model.panels import Panel
from dashapp.model.text import describe_non_switch, is_finite_number, short_repr, suggest
from dashapp.web.components.window_slider import YEAR_S, slider_stops, window_slider
from dashapp.web.panel import chart_specs

COMPONENT_NAME = "live-graph"
# Milliseconds between two checks for late data. The scripts request new data as soon as it is due.
INTERVAL_MS = 1000
# The window that begins with the first point.
ALL_HISTORY = "all"
NOT_ATTACHED = "No data source: call dashapp.attach(app) in this app."
_HIDDEN_ARGUMENTS = ("self", "more_metrics", "section")


def _id(subcomponent: str, aio_id: Any) -> dict[str, Any]:
    return {"component": "LiveGraph", "subcomponent": subcomponent, "aio_id": aio_id}


class LiveGraph(html.Section):  # type: ignore[misc]
    """A chart that streams `metrics`, with newest values, state, pause button and window slider.

    >>> LiveGraph(metrics=["loss", "val.*"], window=300, title="Loss").metrics
    ('loss', 'val.*')
    """

    class ids:  # noqa: N801
        """The ids of its parts, for callbacks. Each accepts an `aio_id`, MATCH or ALL."""

        @staticmethod
        def section(aio_id: Any) -> dict[str, Any]:
            """The whole component, a html.Section."""
            return _id("section", aio_id)

        @staticmethod
        def chart(aio_id: Any) -> dict[str, Any]:
            """The html.Div around the graph."""
            return _id("chart", aio_id)

        @staticmethod
        def graph(aio_id: Any) -> dict[str, Any]:
            """The dcc.Graph, once it has points: `clickData`, `hoverData`, `relayoutData`."""
            return _id("graph", aio_id)

        @staticmethod
        def window(aio_id: Any) -> dict[str, Any]:
            """The dcc.Slider, with `controls`: `value` is the index of a window in `stops`."""
            return _id("window", aio_id)

        @staticmethod
        def pause(aio_id: Any) -> dict[str, Any]:
            """The html.Button, with `controls`: another click (`n_clicks`) pauses or resumes."""
            return _id("pause", aio_id)

        @staticmethod
        def spec(aio_id: Any) -> dict[str, Any]:
            """The dcc.Store with the chart's definition. Internal."""
            return _id("spec", aio_id)

        @staticmethod
        def interval(aio_id: Any) -> dict[str, Any]:
            """The dcc.Interval. Internal: one of them is active for all on a page."""
            return _id("interval", aio_id)

    def __init__(
        self,
        metrics: str | Sequence[str] = (),
        *more_metrics: str,
        window: float | str = 100,
        title: str | None = None,
        of: str = "",
        kind: str = "line",
        right: Sequence[str] = (),
        reference: str | float | None = None,
        unit: str | None = None,
        low: float | None = None,
        high: float | None = None,
        controls: bool = True,
        events: bool = False,
        longest: float = MEMORY_RETENTION_S,
        theme: str = "auto",
        height: str | float | None = None,
        aio_id: str | None = None,
        **section: Any,
    ) -> None:
        """ValueError, in one sentence, if an argument is wrong.

        `metrics`: keys, or patterns of keys (`cpu.*`), as one argument or several. The chart waits for
        metrics that do not exist yet.
        `window`: seconds on screen at first, or "all" for the whole history. `longest`: longest window of the
        slider, in seconds.
        `title` and `of`: the heading, and the smaller text after it. `kind`: line, area, stacked, mountain,
        bar or table; or curve, if `metrics` is the name of a function that returns whole curves.
        `right`: keys or patterns with an axis of their own on the right.
        `reference`: the value to compare a single line with, by colour, sign and text. It is a metric key, a
        number, or "first" for the first point on screen.
        `unit`, `low`, `high`: of the left axis, if the metrics do not define it.
        `controls`: show the pause button and the window slider. `events`: show marks, starts, gaps and
        alerts as vertical lines.
        `theme`: dark, light, or auto for the theme of the page. `height`: height of the chart, in pixels or
        in CSS units ("20rem").
        `aio_id`: common part of the ids, unique on the page; a random one by default.
        `section`: other arguments of html.Section.
        """
        _check_section(section)
        keys = [*([metrics] if isinstance(metrics, str) else _as_list("metrics", metrics)), *more_metrics]
        options = {"title": title, "of": of, "kind": kind, "unit": unit, "low": low, "high": high}
        options |= {"reference": reference}
        seconds = longest if (is_whole := isinstance(window, str) and window == ALL_HISTORY) else window
        table: dict[str, Any] = {
            "name": COMPONENT_NAME,
            "metrics": keys,
            **({"right": right_keys} if (right_keys := _as_list("right", right)) else {}),
        }
        table |= {name: value for name, value in options.items() if value is not None}
        try:
            panel = _parse_panel(keys, table)
            _check_arguments(seconds, longest, theme, aio_id, controls=controls, events=events)
            css_height = _css_height(height)
        except ValueError as error:
            raise ValueError(f"LiveGraph: {error}") from None
        panel = replace(panel, title=_default_title(keys)) if title is None else panel
        self.metrics = panel.metrics
        self.aio_id = aio_id or str(uuid4())
        seconds = round(float(seconds))
        self.stops = slider_stops(longest, seconds)
        spec = {
            "id": self.aio_id,
            "interval": self.ids.interval(self.aio_id),
            "place": self.ids.chart(self.aio_id),
            "slider": self.ids.window(self.aio_id),
            "window": seconds,
            "all": is_whole,
            "events": events,
            "stops": self.stops,
            "scale": {name: options[name] for name in ("unit", "low", "high") if options[name] is not None},
            **chart_specs([panel], {}, ()),
        }
        spec["graph"].id = self.ids.graph(self.aio_id)
        place = html.Div(
            html.P(NOT_ATTACHED, className="unattached"),
            id=self.ids.chart(self.aio_id),
            className="chart",
            **({"style": {"height": css_height}} if css_height else {}),
        )
        badge = html.Output("", className="badge", role="status")
        super().__init__(
            [
                dcc.Interval(id=self.ids.interval(self.aio_id), interval=INTERVAL_MS),
                dcc.Store(id=self.ids.spec(self.aio_id), data=spec),
                _heading(panel),
                place,
                html.Div([badge, *(self._controls(seconds) if controls else ())], className="under"),
            ],
            id=self.ids.section(self.aio_id),
            className=f"dashapp-live loading absent {section.pop('className', '')}".rstrip(),
            **{
                "aria-label": panel.title,
                "data-panel": panel.name,
                "data-live-graph": self.aio_id,
                "data-theme": theme,
                **section,
            },
        )

    def _controls(self, window: int) -> list[Any]:
        position = self.stops.index(window)
        return [
            html.Button(
                "Pause",
                id=self.ids.pause(self.aio_id),
                type="button",
                className="pause",
                **{"aria-pressed": "false"},
            ),
            html.Div(window_slider(self.ids.window(self.aio_id), self.stops, position), className="window"),
            html.Output("", className="window-label"),
        ]


def _heading(panel: Panel) -> html.H2:
    """Return the title, with an empty element for values, as assets/panels/heading.js does."""
    return html.H2(
        [
            html.Span(panel.title, className="title"),
            html.Span(panel.of, className="of"),
            html.Output("", className="value", **{"aria-live": "off"}),
        ]
    )


def _as_list(name: str, value: Any) -> list[Any]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, bytes) or not isinstance(value, Iterable):
        raise ValueError(f"LiveGraph: {name} is {short_repr(value)}; expected a key, or a list of keys")
    return list(value)


def _check_section(section: Collection[str]) -> None:
    """ValueError if a name is neither an argument of ours nor one of html.Section."""
    own = [name for name in signature(LiveGraph.__init__).parameters if name not in _HIDDEN_ARGUMENTS]
    for name in section:
        if name not in html.Section().available_properties and not name.startswith(("data-", "aria-")):
            hint = suggest(name, own, f"expected one of {', '.join(own)}, or an argument of html.Section")
            raise ValueError(f"LiveGraph: {name} is not an argument{hint}")


def _parse_panel(keys: list[str], table: dict[str, Any]) -> Panel:
    kind = table.get("kind")
    if isinstance(kind, str) and kind == panel_spec.CURVE_KIND:
        return _curve_metrics(keys, table)
    return Panel(**{"low": None, **panel_spec.parse_panel_table(table)})


def _curve_metrics(keys: list[str], table: dict[str, Any]) -> Panel:
    """Return the panel of a curve. The page finds it by name; its count of points is a metric."""
    if len(keys) != 1 or table.get("right"):
        raise ValueError("a curve needs the name of exactly one function")
    panel = _parse_panel(keys, table | {"kind": "line", "metrics": [f"{keys[0]}.points"]})
    return replace(panel, name=str(keys[0]), kind=panel_spec.CURVE_KIND)


def _default_title(keys: Sequence[Any]) -> str:
    text = ", ".join(map(str, keys))
    return text if len(text) <= panel_spec.MAX_TEXT_LENGTH else text[: panel_spec.MAX_TEXT_LENGTH - 1] + "…"


def _css_height(value: Any) -> str | None:
    """Return a height as CSS; ValueError if it is none."""
    if value is None or (isinstance(value, str) and value):
        return value
    if is_finite_number(value) and value > 0:
        return f"{value:g}px"
    raise ValueError(f'height is {short_repr(value)}; expected pixels, or CSS units such as "20rem"')


def _check_arguments(
    window: object, longest: object, theme: object, aio_id: object, **switches: object
) -> None:
    for switch in switches.items():
        if problem := describe_non_switch(*switch):
            raise ValueError(problem)
    for name, value, least in (("longest", longest, MIN_WINDOW_S), ("window", window, MIN_WINDOW_S)):
        if not is_finite_number(value) or not least <= value <= 20 * YEAR_S:
            raise ValueError(f"{name} is {short_repr(value)}; expected seconds from {least} to 20 years")
    if window > longest:  # type: ignore[operator]
        raise ValueError(f"window is {window}; expected at most {longest}, the value of longest")
    if not isinstance(theme, str) or theme not in THEMES:
        raise ValueError(f"theme is {short_repr(theme)}; expected auto, dark or light")
    if aio_id is not None and not (isinstance(aio_id, str) and aio_id):
        raise ValueError(
            f"aio_id is {short_repr(aio_id)}; expected text, different for each LiveGraph on the page"
        )
