"""Clients of a large CSV from a real server: a stalled one blocks no other request."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from random import Random

import pytest
from csv_store import SPAN, seal
from processes import Dashapp, dashapp
from waiting import PATIENCE_S, wait_for

from dashapp.api.csv_export import MAX_DOWNLOADS
from dashapp.model.ticks import Tick
from dashapp.stores.history.archive import DAY, Retention

# Spans of ten minutes: 12 MB of CSV, more than all buffers between server and client hold.
SPANS = 40


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Dashapp]]:
    """Return a function that returns a running dashapp with that history.

    It starts another one if a test has stopped the one before.
    """
    folder = tmp_path_factory.mktemp("much")
    chance = Random(3)
    first = int(time.time()) // SPAN * SPAN - 1200 - SPANS * SPAN
    rows = [{f"m{number}": chance.random() / 1e9 for number in range(24)} for _ in range(SPAN)]
    (folder / "data").mkdir()
    ticks = [Tick(first + at, 1, rows[at % SPAN]) for at in range(1, SPANS * SPAN + 1)]
    seal(folder / "data", ticks, Retention())
    started: list[Dashapp] = []
    with ExitStack() as stack:

        def running() -> Dashapp:
            if not started or started[-1].popen.poll() is not None:
                started.append(stack.enter_context(dashapp(folder)))
                # A CSV file ends at the newest tick.
                started[-1].serving().moves()
            return started[-1]

        yield running


@pytest.fixture
def app(servers: Callable[[], Dashapp]) -> Dashapp:
    return servers()


MUCH = f"/api/csv?window={2 * DAY}&metrics=cpu.percent,{','.join(f'm{number}' for number in range(24))}"


def stalled_client(app: Dashapp) -> socket.socket:
    """Return a client that has read the beginning of the response, and stalls."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", app.port))
    reader.sendall(f"GET {MUCH} HTTP/1.1\r\nHost: 127.0.0.1:{app.port}\r\n\r\n".encode())
    reader.settimeout(PATIENCE_S)
    status = reader.recv(12)
    if status != b"HTTP/1.1 200":
        reader.close()
    assert status == b"HTTP/1.1 200"
    return reader


def busy(app: Dashapp) -> bool:
    return app.get("/api/csv?window=10")[0] == 503


def test_stalled_downloads_do_not_block_other_requests(app: Dashapp) -> None:
    readers = [stalled_client(app) for _ in range(MAX_DOWNLOADS)]
    assert busy(app)
    for _ in range(10):
        assert app.get("/api/ticks")[0] == 200
    app.moves()
    for reader in readers:
        reader.close()
    wait_for(lambda: not busy(app))


def test_large_csv_is_complete_beside_other_requests(app: Dashapp) -> None:
    lines = 0
    with closing(HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        connection.request("GET", MUCH)
        answer = connection.getresponse()
        while part := answer.read(1 << 20):
            lines += part.count(b"\n")
            assert app.get("/api/ticks")[0] == 200
    assert lines > SPANS * SPAN
    wait_for(lambda: not busy(app))


def test_server_stops_with_stalled_download(app: Dashapp) -> None:
    with closing(stalled_client(app)):
        app.popen.terminate()
        assert app.wait() == 0
