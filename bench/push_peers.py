"""Other servers that push: Flask-SocketIO, and Dash's websocket callback.

Netdata is not among them: its agent does not push to browsers, and is not in the package index of Python.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request

import psutil

from bench import sockets
from bench.cost import cpu
from bench.served import Served, free_port, launched
from bench.table import Row

IDLE = 4.0
SOCKETIO = "/socket.io/?EIO=4&transport=websocket"
DASH = "/_dash-ws-callback"


def rows(viewers: int, seconds: float) -> list[Row]:
    return [
        _measure("cpu_stream", "Flask-SocketIO", SOCKETIO, b"42", viewers, seconds),
        _measure(
            "dash_websocket", "Dash's websocket callback", DASH, b'{"type":"set_props"', viewers, seconds
        ),
    ]


def _measure(module: str, name: str, path: str, word: bytes, viewers: int, seconds: float) -> Row:
    port = free_port()
    with launched(["-m", f"bench.originals.{module}", str(port)], port) as served:
        served.wait("/")
        family = [psutil.Process(served.process.pid)]
        time.sleep(1.0)
        before = cpu(family)
        time.sleep(IDLE)
        idle = (cpu(family) - before) / IDLE
        opening = _callback_request(served) if path == DASH else b""
        watching = sockets.watched(port, path, viewers, seconds, lambda: cpu(family), word, False, opening)
        updates, cpu_seconds = asyncio.run(watching)
    if updates < 0.9 * viewers * seconds:
        raise RuntimeError(f"{updates} updates of {name}: the result is not valid")
    cost = 1e6 * (cpu_seconds - idle * seconds) / updates
    return Row(f"for comparison, {name}, {viewers:,} viewers", cost, "µs")


def _callback_request(served: Served) -> bytes:
    """Return what Dash's page sends to start the callback that pushes."""
    with urllib.request.urlopen(f"{served.url}_dash-dependencies") as response:
        (callback,) = json.load(response)
    payload = {
        "output": callback["output"],
        "outputs": [],
        "inputs": [{"id": "graph", "property": "id", "value": "graph"}],
        "changedPropIds": ["graph.id"],
        "state": [],
    }
    request = {"type": "callback_request", "requestId": "1", "rendererId": "1", "payload": payload}
    return sockets.text_frame(json.dumps(request).encode())
