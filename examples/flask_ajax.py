"""A Flask application that charts functions of its own.

Run `python examples/flask_ajax.py` and open http://127.0.0.1:5000 in a browser. The page shows the series
x, 2^x as one more point per call, as a whole curve per call, and as a static chart. The variable EVERY is the
number of seconds between two calls (2).
"""

import os
from itertools import count

import plotly.graph_objects as go
from flask import Flask, render_template_string

import dashapp

EVERY = float(os.environ.get("EVERY", "2"))
PAGE = """<!doctype html><meta name="color-scheme" content="light dark"><title>Doubling</title>
<div style="display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 1rem">
<div>{{ dashapp_chart("newest", window=60) }}</div> <div>{{ dashapp_chart("growth") }}</div>
{{ dashapp_plotlyjs() }}
{{ figure.to_html(full_html=False, include_plotlyjs=False, default_height=300) | safe }}</div>"""
CLEAR = "rgba(0,0,0,0)"
points, curves = count(), count()


def newest() -> float:
    """Append: each call returns one more point."""
    return 2.0 ** (next(points) % 20)


@dashapp.source(kind="curve")
def growth() -> list[float]:
    """Replace: each call returns the whole curve."""
    return [2.0**x for x in range(1 + next(curves) % 20)]


app = Flask(__name__)
dashapp.mount(app, "/monitor/", interval=EVERY, source=["none", "flask_ajax:newest", "flask_ajax:growth"])


@app.get("/")
def home() -> str:
    layout = {"title": "2^x", "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR, "font": {"color": "gray"}}
    return render_template_string(PAGE, figure=go.Figure(go.Scatter(y=[2**x for x in range(11)]), layout))


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "5000")))
