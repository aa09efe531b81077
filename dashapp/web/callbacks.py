"""Callbacks: five inputs, no output, no server. What they call is in assets/callbacks.js.

A callback with an Output that waits for the network on an Interval loses answers: Dash throws away the
older one when the next tick fires first (plotly/dash#941).
"""

from __future__ import annotations

from dash import ClientsideFunction, Dash, Input, State


def connect(app: Dash) -> None:
    for function, component, prop in (
        ("tick", "interval", "n_intervals"),
        ("window", "window", "value"),
        ("pause", "pause", "n_clicks"),
        ("earlier", "earlier", "n_clicks"),
        ("later", "later", "n_clicks"),
    ):
        app.clientside_callback(
            ClientsideFunction("dashapp", function), Input(component, prop), State("charts", "data")
        )
