"""The charting libraries that the originals have, packed once, as a good server sends them."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import bokeh
import plotly
from flask import Response

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
BOKEH = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js"


@cache
def packed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 9)


def send(path: Path) -> Response:
    return Response(packed(path), mimetype="text/javascript", headers={"content-encoding": "gzip"})
