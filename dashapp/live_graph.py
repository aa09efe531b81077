"""One live panel as a component: a title, a value, and the chart that streams into it.

Knows nothing of the page around it. The chart itself is put in by the browser when it has points and comes
into sight (assets/chart.js): its first drawing has the past then, and two dozen charts that nobody looks at
do not cost the first second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from dashapp.figures import CONFIG, empty_figure, line, scale
from dashapp.model import Metric
from dashapp.panels import Panel
from dashapp.thresholds import Threshold


def live_graph(panel: Panel, *, there: bool = True) -> html.Section:
    """`there`: False for a panel that has no metric yet and stays unseen until one comes."""
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
        className="panel loading" if there else "panel loading absent",
        **{"data-panel": panel.name, "aria-label": f"{panel.title}, {panel.of}" if panel.of else panel.title},
    )


def charts(
    panels: Sequence[Panel], metrics: Sequence[Metric], thresholds: Sequence[Threshold]
) -> dict[str, Any]:
    """What the browser makes each panel's dcc.Graph of: what all have in common, and what is its own."""
    places = {metric.key: metric.panel for metric in metrics}
    own = {}
    for panel in panels:
        shapes = [line(t.limit, t.op) for t in thresholds if places.get(t.metric) == panel.name]
        own[panel.name] = {"yaxis": scale(panel.unit, panel.low, panel.high), "shapes": shapes}
    return {"graph": dcc.Graph(figure=empty_figure(), config=CONFIG, responsive=True), "panels": own}
