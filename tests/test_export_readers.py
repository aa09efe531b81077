"""Readers of a long CSV from a real server: they may stall or take it all, and hold nobody up."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from random import Random

import pytest
from exported import SPAN, seal
from processes import Dashapp, dashapp
from waiting import PATIENCE_S, wait_for

from dashapp.api.csv_export import PLACES
from dashapp.model.ticks import Tick
from dashapp.stores.archive import DAY, Retention


@pytest.fixture(scope="module")
def much(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than any buffer between a server and a reader takes: some 30 MB of CSV."""
    folder = tmp_path_factory.mktemp("much")
    chance = Random(3)
    end = int(time.time()) // SPAN * SPAN - 1200
    rows = [{f"m{number}": chance.random() for number in range(24)} for _ in range(SPAN)]
    first = end - 100 * SPAN
    seal(folder, [Tick(first + at, 1, rows[at % SPAN]) for at in range(1, 100 * SPAN + 1)], Retention())
    return folder


@pytest.fixture
def app(much: Path, tmp_path: Path) -> Iterator[Dashapp]:
    """dashapp over that, as a user starts it."""
    shutil.copytree(much, tmp_path / "data")
    with dashapp(tmp_path) as app:
        # A file ends at the newest tick.
        app.serving().moves()
        yield app


MUCH = f"/api/csv?window={2 * DAY}&metrics=cpu.percent,{','.join(f'm{number}' for number in range(24))}"


def stalled(app: Dashapp) -> socket.socket:
    """A reader that has taken the beginning, and no more."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", app.port))
    reader.sendall(f"GET {MUCH} HTTP/1.1\r\nHost: 127.0.0.1:{app.port}\r\n\r\n".encode())
    reader.settimeout(10)
    status = reader.recv(12)
    if status != b"HTTP/1.1 200":
        reader.close()
    assert status == b"HTTP/1.1 200"
    return reader


def busy(app: Dashapp) -> bool:
    return app.get("/api/csv?window=10")[0] == 503


def test_readers_that_stall_hold_their_places_and_nobody_up(app: Dashapp) -> None:
    readers = [stalled(app) for _ in range(PLACES)]
    assert busy(app)
    took = []
    for _ in range(50):
        before = time.perf_counter()
        assert app.get("/api/ticks")[0] == 200
        took.append(time.perf_counter() - before)
    assert sorted(took)[25] < 0.1
    app.moves()
    for reader in readers:
        reader.close()
    wait_for(lambda: not busy(app))


def test_the_whole_file_arrives_while_others_look_on(app: Dashapp) -> None:
    lines, took = 0, []
    with closing(HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        connection.request("GET", MUCH)
        answer = connection.getresponse()
        while part := answer.read(1 << 20):
            lines += part.count(b"\n")
            before = time.perf_counter()
            assert app.get("/api/ticks")[0] == 200
            took.append(time.perf_counter() - before)
    assert lines > 100 * SPAN
    # Half of them: this test reads the file on the same cores. Alone it is 4 ms for 95 of a hundred.
    assert sorted(took)[len(took) // 2] < 0.1
    wait_for(lambda: not busy(app))


def test_it_ends_in_time_with_a_reader_that_stalls(app: Dashapp) -> None:
    with closing(stalled(app)):
        before = time.monotonic()
        app.popen.terminate()
        assert app.wait() == 0
        assert time.monotonic() - before < 5
