"""CPU by Flask-SocketIO: a sampler emits a number each second, the page has Plotly extend its trace.

Without the client's library, of which the page has the three lines that it needs: that many bytes less.
"""

from __future__ import annotations

import sys
import time

import psutil
from flask import Flask
from flask_socketio import SocketIO

from bench.originals.files import PLOTLY, send

app = Flask(__name__)
sockets = SocketIO(app, async_mode="gevent")
PAGE = """<!doctype html><title>CPU</title><script src="/plotly.js"></script><div id="chart"></div><script>
Plotly.newPlot("chart", [{x: [], y: []}]);
const socket = new WebSocket(`ws://${location.host}/socket.io/?EIO=4&transport=websocket`);
socket.onmessage = ({data}) => {
  if (data[0] === "0") return socket.send("40");
  if (data === "2") return socket.send("3");
  if (!data.startsWith("42")) return;
  const [, {t, y}] = JSON.parse(data.slice(2));
  Plotly.extendTraces("chart", {x: [[t]], y: [[y]]}, [0], 100);
  window.drawn = true;
};
</script>"""
app.add_url_rule("/", "home", lambda: PAGE)
app.add_url_rule("/plotly.js", "plotly", lambda: send(PLOTLY))


def sample() -> None:
    while True:
        sockets.sleep(1 - time.time() % 1)
        sockets.emit("cpu", {"t": round(1000 * time.time()), "y": psutil.cpu_percent()})


if __name__ == "__main__":
    sockets.start_background_task(sample)
    sockets.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_output=False)
