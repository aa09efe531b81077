"""Another Dash app, with six LiveGraphs: `python -m bench.host_app STORE PORT WINDOW …`.

The windows are the seconds of each graph.
"""

from __future__ import annotations

import logging
import sys

from dash import Dash, html

from dashapp import LiveGraph, attach

METRICS = ("cpu.percent", "cpu.core*", "memory.percent", "load.*", "network.*", "disk.*")


def main(store: str, port: str, *windows: str) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = Dash(update_title="")
    attach(app, store=store)
    app.layout = html.Div(
        [LiveGraph(metrics, window=int(window)) for metrics, window in zip(METRICS, windows, strict=True)],
        style={"display": "grid", "gridTemplateColumns": "1fr 1fr", "gap": "12px"},
    )
    app.run(port=port)


if __name__ == "__main__":
    main(*sys.argv[1:])
