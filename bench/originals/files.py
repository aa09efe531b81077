"""Libraries of the originals' pages, compressed once, as a good server sends them."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import bokeh
import plotly
from flask import Response

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
BOKEH = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js"
# `npm ci` in this directory installs these; `make bench` runs it.
_MODULES = Path(__file__).resolve().parent / "node_modules"
D3 = _MODULES / "d3" / "d3.min.js"
EPOCH = _MODULES / "epoch-charting" / "dist" / "js" / "epoch.min.js"
EPOCH_STYLE = _MODULES / "epoch-charting" / "dist" / "css" / "epoch.min.css"
SOCKETIO = _MODULES / "socket.io-client" / "dist" / "socket.io.min.js"


@cache
def compress(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 9)


def send(path: Path) -> Response:
    kind = "text/css" if path.suffix == ".css" else "text/javascript"
    return Response(compress(path), mimetype=kind, headers={"content-encoding": "gzip"})
