"""Streams of a Dash app on FastAPI, behind its own login, on a real ASGI server."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ports import free_port
from processes import Process, on_grid
from stream_client import StreamSocket
from waiting import wait_for

STEP_MS = 200
STREAM = "/_dashapp/api/stream?window=10&like=demo*"
HOST = f"""
import dash, dashapp
from fastapi import Depends, FastAPI, Header, HTTPException


def login(x_key: str = Header("")):
    if x_key != "secret":
        raise HTTPException(401)


server = FastAPI(dependencies=[Depends(login)])
app = dash.Dash(__name__, server=server, backend="fastapi")
dashapp.attach(app, store="data", sources=["demo"], interval={STEP_MS / 1000}, eager=True)
app.layout = dashapp.LiveGraph("demo.*")
"""
SERVERS = {
    "uvicorn": ["-m", "uvicorn", "--port", "{port}", "--timeout-graceful-shutdown", "60", "host:server"],
    "granian": ["-m", "granian", "--interface", "asgi", "--port", "{port}", "host:server"],
}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Process, int]]:
    (tmp_path / "host.py").write_text(HOST)
    port = free_port()
    argv = [sys.executable, *(part.format(port=port) for part in SERVERS[request.param])]
    process = Process(argv, folder=tmp_path, env={})
    try:

        def status() -> int:
            if process.popen.poll() is not None:
                raise ChildProcessError(process.said)
            try:
                with StreamSocket(port, STREAM, X_Key="secret") as stream:
                    return stream.status
            except ConnectionRefusedError:
                return 0

        wait_for(lambda: status() == 200)
        yield process, port
    finally:
        process.end()


def test_stream_of_fastapi_app_has_each_tick_and_ends_with_the_server(server: tuple[Process, int]) -> None:
    process, port = server
    with StreamSocket(port, STREAM) as stranger:
        assert stranger.status == 401
    with (
        StreamSocket(port, STREAM, X_Key="secret") as first,
        StreamSocket(port, STREAM, X_Key="secret") as other,
    ):
        for stream in (first, other):
            events = stream.wait_events(8)
            assert on_grid([t for event in events for t in event.data["t"]], STEP_MS)
        process.popen.send_signal(signal.SIGTERM)
        for stream in (first, other):
            stream.read_to_end()
            assert stream.is_complete
            assert stream.body.endswith(b"\n\n")
    process.wait()
