"""The empty figure of a panel. The browser adds points with `extendData`.

The style sheet has the colours of the themes. This module has only the colours of metrics.
"""

from __future__ import annotations

from typing import Any

# The hues of Okabe and Ito's palette for the colour-blind, in another order. https://jfly.uni-koeln.de/color/
# On white they are darker, so that their contrast is at least 4.5 in both themes.
LINE_COLORS = ("#0079c1", "#a86400", "#00856a", "#b0528a", "#c65000", "#5c7d1e", "#7a62d8", "#6b7780")
DARK_LINE_COLORS = ("#3fa9f0", "#e69f00", "#2bbf96", "#d98bb8", "#f0803c", "#a3c14a", "#a594f5", "#9aa7b4")
FONT_FAMILY = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


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
            # The browser takes these in the dark theme (assets/charts/traces.js).
            "meta": {"darkColorway": list(DARK_LINE_COLORS)},
            # The browser draws its own tooltip (assets/charts/tooltip.js).
            "hovermode": False,
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
                "autorange": False,
                "range": [0, 1],
            },
            "yaxis": {
                "fixedrange": True,
                "zeroline": False,
                "automargin": False,
                "tickangle": 0,
            },
        },
    }


def right_axis() -> dict[str, Any]:
    """Return a second y axis, over the first. The browser sets the range and labels of both."""
    return {
        "overlaying": "y",
        "side": "right",
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "automargin": False,
        "tickangle": 0,
    }


def threshold_line(limit: float, op: str) -> dict[str, Any]:
    """Return a line across the panel.

    It is red while its alert fires (assets/charts/alert_bands.js).
    """
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": limit,
        "y1": limit,
        "line": {"width": 1, "dash": "dash", "color": "#7f8c8d"},
        "label": {"text": f"{op} {limit:g}", "textposition": "end", "font": {"size": 11}},
    }


GRAPH_CONFIG: dict[str, Any] = {
    "displayModeBar": False,
    "doubleClick": False,
    "scrollZoom": False,
    "showTips": False,
    "responsive": True,
}
