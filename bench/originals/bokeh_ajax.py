"""Bokeh in Flask: the page's AjaxDataSource polls a function of the app each second."""

from __future__ import annotations

import itertools
import json
import sys

from bokeh.embed import components
from bokeh.models import AjaxDataSource
from bokeh.plotting import figure
from flask import Flask, Response
from gevent.pywsgi import WSGIServer

from bench.originals.files import BOKEH, send

app = Flask(__name__)
steps = itertools.count()
app.add_url_rule("/bokeh.js", "bokeh", lambda: send(BOKEH))


@app.get("/")
def home() -> str:
    source = AjaxDataSource(data_url="/data", polling_interval=1000, mode="append", max_size=100)
    source.data = {"x": [], "y": []}
    chart = figure(height=300, sizing_mode="stretch_width")
    chart.line("x", "y", source=source)
    script, container = components(chart)
    return f'<!doctype html><title>Doubling</title><script src="/bokeh.js"></script>{container}{script}'


@app.post("/data")
def data() -> Response:
    step = next(steps)
    return Response(json.dumps({"x": [step], "y": [2.0 ** (step % 20)]}), mimetype="application/json")


if __name__ == "__main__":
    WSGIServer(("127.0.0.1", int(sys.argv[1])), app, log=None).serve_forever()
