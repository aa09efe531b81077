"""A Dash app on FastAPI with two LiveGraphs, served by uvicorn in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Thread

from dash import Dash, html
from ports import release, server_port
from waiting import wait_for

from dashapp import LiveGraph, attach

INTERVAL = 0.5


@contextmanager
def served_graphs() -> Iterator[str]:
    """Yield the URL of the app."""
    import uvicorn  # only here: each worker of pytest imports all modules of tests

    app = Dash(__name__, backend="fastapi")
    sources = {"up": count(1).__next__, "down": count(-1, -1).__next__}
    collector = attach(app, sources=sources, interval=INTERVAL, eager=True)
    app.layout = html.Div(
        [LiveGraph("up", window=30, aio_id="one"), LiveGraph("down", window=60, aio_id="two")]
    )
    port = server_port()
    server = uvicorn.Server(
        uvicorn.Config(app.server, port=port, log_level="error", timeout_graceful_shutdown=1)
    )
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join()
        collector.stop()
        release(port)
