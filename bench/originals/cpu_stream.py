"""CPU by Flask-SocketIO: a sampler emits a number each second, Plotly extends the trace."""

from __future__ import annotations

import sys
import time

import psutil
from flask import Flask
from flask_socketio import SocketIO

from bench.originals.files import PLOTLY, SOCKETIO, send

app = Flask(__name__)
sockets = SocketIO(app, async_mode="gevent")
PAGE = """<!doctype html><title>CPU</title><script src="/plotly.js"></script>
<script src="/socket.io.js"></script>
<div id="chart"></div><script>
Plotly.newPlot("chart", [{x: [], y: []}]);
io({transports: ["websocket"]}).on("cpu", ({t, y}) => {
  Plotly.extendTraces("chart", {x: [[t]], y: [[y]]}, [0], 100);
  window.drawn = true;
});
</script>"""
app.add_url_rule("/", "home", lambda: PAGE)
app.add_url_rule("/plotly.js", "plotly", lambda: send(PLOTLY))
app.add_url_rule("/socket.io.js", "socketio", lambda: send(SOCKETIO))


def sample() -> None:
    while True:
        sockets.sleep(1 - time.time() % 1)
        sockets.emit("cpu", {"t": round(1000 * time.time()), "y": psutil.cpu_percent()})


if __name__ == "__main__":
    sockets.start_background_task(sample)
    sockets.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_output=False)
