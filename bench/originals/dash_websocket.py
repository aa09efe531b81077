"""CPU by Dash's websocket callback on FastAPI: it sets a property of the page each second."""

from __future__ import annotations

import asyncio
import sys
import time
from threading import Thread
from typing import Any

import psutil
import uvicorn
from dash import Dash, Input, ctx, dcc, html, set_props

app = Dash(__name__, backend="fastapi", websocket_inactivity_timeout=0)
app.layout = html.Div([dcc.Graph(id="graph", figure={"data": [{"x": [], "y": []}]})])
newest: dict[str, Any] = {}


@app.callback(Input("graph", "id"), websocket=True, persistent=True)  # type: ignore[untyped-decorator]
async def push(_id: str) -> None:
    while not ctx.websocket.is_shutdown:
        # A little later, because a sleep may end early.
        await asyncio.sleep(1.01 - time.time() % 1)
        set_props("graph", {"extendData": [{"x": [[newest["t"]]], "y": [[newest["y"]]]}, [0], 100]})


def sample() -> None:
    """Sample once for all viewers."""
    while True:
        newest.update(t=round(1000 * time.time()), y=psutil.cpu_percent())
        time.sleep(1 - time.time() % 1)


if __name__ == "__main__":
    newest.update(t=0, y=0.0)
    Thread(target=sample, daemon=True).start()
    uvicorn.run(app.server, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", ws="auto")
