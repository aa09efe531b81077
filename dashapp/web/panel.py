"""One live panel as a component: a title, a value, and the chart that streams into it.

The browser adds the chart when it has points and is visible (assets/charts/chart.js). So its first draw
includes the past, and charts below the screen do not delay the first second.

Dash asks every component of the page after every change of one of them, so a panel has only two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from dashapp.languages.tables import Translator
from dashapp.model.panel_spec import CURVE_KIND
from dashapp.model.panels import Panel
from dashapp.model.thresholds import Threshold
from dashapp.model.ticks import Metric
from dashapp.web.figures import GRAPH_CONFIG, empty_figure, right_axis, threshold_line


def panel_component(
    panel: Panel, translate: Translator, *, visible: bool = True, slot: str = "", built: bool = False
) -> html.Section:
    """Return a panel with an empty chart.

    `visible`: False for a panel without a metric, which is invisible until it has one. `slot`: its place in
    the page, part of the id of its graph; the name of the panel by default. `built`: for a chart that the
    user builds.
    """
    attributes = {"data-title": panel.title, "data-of": panel.of}
    if not slot:
        attributes["data-panel"] = panel.name
    if built:
        attributes["data-built"] = ""
    return html.Section(
        # assets/panels/heading.js adds the title.
        html.Div(
            id=f"chart-{slot or panel.name}",
            className="chart",
            role="figure",
            **{"aria-label": translate("{title}: chart", title=panel.title)},
        ),
        className="panel loading" if visible else "panel loading absent",
        **attributes,
        **{"aria-label": f"{panel.title}, {panel.of}" if panel.of else panel.title},
    )


def chart_specs(
    panels: Sequence[Panel], members: Mapping[str, Sequence[Metric]], thresholds: Sequence[Threshold]
) -> dict[str, Any]:
    """Return the data for each panel's dcc.Graph: the common figure, and one part per panel.

    `members`: the metrics of each panel by its name.
    """
    parts = {panel.name: _chart_spec(panel, members.get(panel.name, ()), thresholds) for panel in panels}
    return {
        "graph": dcc.Graph(figure=empty_figure(), config=GRAPH_CONFIG, responsive=True),
        "panels": parts,
        # For charts that the user builds.
        "right_axis": right_axis(),
        "limits": [
            {"metric": threshold.metric, "shape": threshold_line(threshold.limit, threshold.op)}
            for threshold in thresholds
            if threshold.has_limit
        ],
    }


def _chart_spec(panel: Panel, members: Sequence[Metric], thresholds: Sequence[Threshold]) -> dict[str, Any]:
    left = panel.left_metrics(members)
    # The height of a part in a stack has no relation to its limit.
    keys = {metric.key for metric in left if not panel.is_stacked(metric)}
    spec: dict[str, Any] = {
        "kind": panel.kind,
        "scale": _scale(panel),
        "shapes": [
            threshold_line(threshold.limit, threshold.op)
            for threshold in thresholds
            if threshold.metric in keys and threshold.has_limit
        ],
        "metrics": panel.metrics,
        "right": panel.right,
    }
    if panel.stack:
        spec["stack"] = panel.stack
    if panel.reference is not None:
        spec["reference"] = panel.reference
    if panel.right:
        spec["yaxis2"] = right_axis()
    return spec


def _scale(panel: Panel) -> dict[str, Any]:
    """Return unit and bounds of the left axis, as far as the panel sets them.

    The unit is that of its metrics otherwise. A curve has its own bounds, too.
    """
    scale = {"unit": panel.unit, "low": panel.low, "high": panel.high}
    if panel.kind == CURVE_KIND:
        return {name: value for name, value in scale.items() if value not in ("", None)}
    return scale
