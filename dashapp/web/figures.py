"""The empty figure of a panel. The browser adds points with `extendData`.

The style sheet has the colours of the themes. This module has only the colours of metrics.
"""

from __future__ import annotations

from typing import Any

# Okabe and Ito's palette for the colour-blind, in another order, without black and yellow, which are
# invisible in one of the themes. https://jfly.uni-koeln.de/color/
LINE_COLORS = ("#0091d5", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8c7ae6", "#7f8c8d")
FONT_FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


def empty_figure() -> dict[str, Any]:
    """Return the common figure of all panels, without points."""
    return {
        "data": [],
        "layout": {
            "autosize": True,
            "margin": {"l": 60, "r": 28, "t": 14, "b": 32},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": FONT_FAMILY, "size": 12, "color": "#7a8594"},
            "colorway": list(LINE_COLORS),
            "hovermode": "x unified",
            "dragmode": "zoom",
            "uirevision": "kept",
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "maxheight": 0.25},
            "xaxis": {
                # Epoch milliseconds; assets/charts/time_axis.js writes the labels.
                "type": "linear",
                "tickmode": "array",
                "tickvals": [],
                "ticktext": [],
                "showgrid": False,
                "zeroline": False,
                "tickangle": 0,
                "automargin": False,
                "ticklabelstandoff": 5,
                "ticklabeloverflow": "allow",
                "nticks": 7,
                # As wide as the time that replaces the number.
                "hoverformat": "0>15d",
                "autorange": False,
                "range": [0, 1],
            },
            "yaxis": {
                "fixedrange": True,
                "zeroline": False,
                "automargin": False,
                "tickangle": 0,
                "nticks": 6,
            },
        },
    }


def y_axis(unit: str, low: float | None, high: float | None) -> dict[str, Any]:
    """Return a y axis in `unit`s, from `low` to `high` if they are not None."""
    if low is not None and high is not None:
        # A line along the upper bound is fully visible.
        axis: dict[str, Any] = {"range": [low, high * 1.01], "autorange": False}
    else:
        axis = {"rangemode": "tozero" if low == 0 else "normal", "autorange": True}
        if unit in ("B", "B/s"):
            # Without this, the axis of a constant zero would show thousandths of a byte.
            axis["autorangeoptions"] = {"include": 1000}
    # Thousands as k, M, G: SI prefixes are powers of ten, for disks and networks.
    if unit in ("B", "B/s", "Hz"):
        return axis | {"tickformat": "~s", "ticksuffix": unit}
    if unit == "1/s":
        return axis | {"ticksuffix": "/s"}
    return axis | {"ticksuffix": f" {unit}" if unit else ""}


def right_axis(unit: str, low: float | None, high: float | None) -> dict[str, Any]:
    """Return a second y axis in `unit`s, over the first."""
    return {
        "overlaying": "y",
        "side": "right",
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "automargin": False,
        "tickangle": 0,
        "nticks": 6,
        "tickmode": "auto",
        **y_axis(unit, low, high),
    }


def threshold_line(limit: float, op: str) -> dict[str, Any]:
    """Return a line across the whole panel. The style sheet sets its colour, too."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": limit,
        "y1": limit,
        "line": {"width": 1, "dash": "dash", "color": "#b3261e"},
        "label": {"text": f"{op} {limit:g}", "textposition": "end", "font": {"size": 11}},
    }


GRAPH_CONFIG: dict[str, Any] = {
    "displayModeBar": False,
    "doubleClick": False,
    "scrollZoom": False,
    "showTips": False,
    "responsive": True,
}
