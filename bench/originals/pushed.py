"""Numbers by gevent's WebSocket: the server runs a loop per viewer, which sends each second.

`/two` sends two random series, which Epoch draws; `/price?SYMBOL` the price of one symbol, for plotly.js.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

import gevent
from flask import Flask
from gevent.pywsgi import WSGIServer
from geventwebsocket import WebSocketError
from geventwebsocket.handler import WebSocketHandler

from bench.originals.files import D3, EPOCH, EPOCH_STYLE, PLOTLY, send

app = Flask(__name__)
chance = Random(7)
TWO = """<!doctype html><title>Two series</title><link rel="stylesheet" href="/epoch.css">
<script src="/d3.js"></script><script src="/epoch.js"></script>
<div id="chart" class="epoch" style="width: 800px; height: 300px"></div><script>
const data = ["first", "second"].map((label) => ({label, values: []}));
const chart = new Epoch.Time.Line({el: "#chart", data, axes: ["left", "bottom", "right"], windowSize: 100});
new WebSocket(`ws://${location.host}/two`).onmessage = ({data}) => {
  const {t, y} = JSON.parse(data);
  chart.push(y.map((value) => ({time: Math.round(t / 1000), y: value})));
  window.drawn = true;
};
</script>"""
PRICE = """<!doctype html><title>Prices</title><script src="/plotly.js"></script>
<div id="chart"></div><script>
Plotly.newPlot("chart", [{x: [], y: [], fill: "tozeroy"}]);
new WebSocket(`ws://${location.host}/price?AAPL`).onmessage = ({data}) => {
  const {t, y} = JSON.parse(data);
  Plotly.extendTraces("chart", {x: [[t]], y: [[y]]}, [0], 900);
  window.drawn = true;
};
</script>"""
app.add_url_rule("/", "two_page", lambda: TWO)
app.add_url_rule("/prices", "price_page", lambda: PRICE)
app.add_url_rule("/plotly.js", "plotly", lambda: send(PLOTLY))
app.add_url_rule("/d3.js", "d3", lambda: send(D3))
app.add_url_rule("/epoch.js", "epoch", lambda: send(EPOCH))
app.add_url_rule("/epoch.css", "epoch_style", lambda: send(EPOCH_STYLE))


CLOSES = {"AAPL": 231.5, "MSFT": 502.1, "NVDA": 181.2}


def two() -> list[float]:
    return [chance.random(), chance.random()]


def price(symbol: str) -> float:
    return round(CLOSES.get(symbol, 100.0) * chance.gauss(1, 0.0003), 2)


def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Serve WebSockets, which Flask's router does not accept, and pass the rest to Flask."""
    socket = environ.get("wsgi.websocket")
    if socket is None:
        return app(environ, start_response)
    symbol = environ["QUERY_STRING"]
    values = two if environ["PATH_INFO"] == "/two" else partial(price, symbol)
    with suppress(WebSocketError):  # the viewer has gone
        while not socket.closed:
            gevent.sleep(1 - time.time() % 1)
            socket.send(json.dumps({"t": round(1000 * time.time()), "y": values()}))
    return []


if __name__ == "__main__":
    server = WSGIServer(("127.0.0.1", int(sys.argv[1])), serve, handler_class=WebSocketHandler, log=None)
    server.serve_forever()
