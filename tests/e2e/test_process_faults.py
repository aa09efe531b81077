"""Process faults with real processes and signals: kill, duplicates, orphans, stop."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPResponse
from pathlib import Path

import pytest
from processes import Dashapp, alive, collector, dashapp, on_grid, stored
from thorough import amount
from waiting import PATIENCE_S, wait_for

from dashapp.http.large_responses import MAX_LARGE_PER_CLIENT
from dashapp.model.ticks import Tick
from dashapp.process.supervisor import RESTART_BACKOFF_S
from dashapp.stores.disk.store import DiskStore


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    """A server that recovers from everything that a test does to its children."""
    with dashapp(tmp_path_factory.mktemp("app"), "--interval", "0.2") as process:
        yield process.serving()


def all_end(app: Dashapp) -> None:
    wait_for(lambda: not app.family())


def test_3_killed_collector_is_restarted(app: Dashapp) -> None:
    app.moves()
    cursor, before = app.ticks()["cursor"], app.child("collector")
    before.kill()
    wait_for(lambda: not alive(before))
    killed = time.time()
    wait_for(lambda: app.newest() > 1000 * killed)
    answer = app.ticks(after=cursor)
    assert answer["reset"] is False
    assert None in answer["y"]["cpu.percent"], "the gap is drawn as a gap"
    wait_for(lambda: "the collector exited (signal 9)" in app.said)


DYING = r"exited (?P<times>\d+) times in a row \(exit code 1\); it restarts in (?P<pause>\S+) seconds"


def test_crashing_collector_is_restarted_with_backoff_and_notice(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    # A folder in place of the lock file: every start fails.
    (tmp_path / "data" / "writer.lock").mkdir()
    with dashapp(tmp_path) as app:
        app.serving()

        def log_line() -> re.Match[str] | None:
            found = re.search(DYING, app.notices())
            return found if found and int(found["times"]) >= 3 else None

        found = wait_for(log_line)
        assert found is not None
        assert float(found["pause"]) == RESTART_BACKOFF_S[int(found["times"]) - 1]
        pauses = [float(each) for each in re.findall(r"restarting it in (\S+) s", app.said)]
        assert pauses == [*RESTART_BACKOFF_S[: len(pauses)]]
        assert "Traceback" not in app.said
        (tmp_path / "data" / "writer.lock").rmdir()
        wait_for(app.newest)


def test_5_two_collectors_write_one_row_per_tick(tmp_path: Path) -> None:
    flags = ("--store", "s", "--interval", "0.1")
    with collector(tmp_path, *flags) as first:
        wait_for(lambda: len(stored(tmp_path / "s")) > 3)
        with collector(tmp_path, *flags) as second:
            wait_for(lambda: "standing by" in second.said)
            assert f"process {first.pid}" in second.said
            wait_for(lambda: len(stored(tmp_path / "s")) > 15)
            first.popen.kill()
            first.wait()
            killed = 1000 * time.time()
            wait_for(lambda: stored(tmp_path / "s")[-1] > killed)
            wait_for(lambda: stored(tmp_path / "s")[-1] > killed + 500)
            assert on_grid(stored(tmp_path / "s"), 100)


def test_6_children_exit_with_their_killed_parent(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--workers", "2") as app:
        app.serving().moves()
        assert len(wait_for(lambda: len(app.family()) >= 4 and app.family())) >= 4  # type: ignore[arg-type]
        collecting = app.child("collector")
        app.popen.kill()
        wait_for(lambda: not alive(collecting))
        all_end(app)
        assert app.wait() == -signal.SIGKILL


def test_6_killed_web_server_leaves_no_orphan_and_restarts(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--interval", "0.2", "--workers", "2") as app:
        web = app.serving().child("web")
        workers = wait_for(lambda: web.children(recursive=True))
        web.kill()
        wait_for(lambda: not any(map(alive, workers)))
        wait_for(app.newest)
        assert app.child("web").pid != web.pid
        app.moves()


def test_6_killed_worker_is_replaced(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--interval", "0.2", "--workers", "2") as app:
        web = app.serving().child("web")
        workers = wait_for(lambda: web.children(recursive=True))
        for worker in workers:
            worker.kill()
        wait_for(lambda: not any(map(alive, workers)))
        wait_for(app.newest)
        app.moves()


def test_single_web_server_has_no_other_process_and_restarts(app: Dashapp) -> None:
    """A process that only starts a single worker would need 12 MB."""
    web = app.serving().child("web")
    assert web.children(recursive=True) == []
    web.kill()
    wait_for(lambda: not alive(web))
    wait_for(app.newest)
    assert app.child("web").pid != web.pid
    app.moves()
    wait_for(lambda: "the web exited (signal 9)" in app.said)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history that ended just now; a response with all of it exceeds a connection's buffers."""
    folder = tmp_path_factory.mktemp("past") / "data"
    until, count = round(time.time() / 0.1), 2000
    with closing(DiskStore(folder, keep=count)) as store:
        for number in range(until - count, until):
            store.append(Tick(number * 0.1, 0.1, {f"p.{each}": number % 100 for each in range(60)}))
    return folder


def start_response(app: Dashapp, stack: ExitStack) -> HTTPResponse:
    """Return a response of which only the head was read.

    The server cannot finish it until the client reads the rest.
    """
    connection = stack.enter_context(closing(socket.socket()))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(PATIENCE_S)
    connection.connect(("127.0.0.1", app.port))
    connection.sendall(b"GET /api/ticks?window=7000 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    answer = HTTPResponse(connection)
    answer.begin()
    return answer


# The process handles both signals with one function; a test below sends the other one.
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT][: amount(1, 2)])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_7_requests_in_flight_finish_after_two_stop_signals(
    tmp_path: Path, past: Path, number: signal.Signals, workers: str
) -> None:
    shutil.copytree(past, tmp_path / "data")
    with dashapp(tmp_path, "--interval", "0.1", "--workers", workers) as app, ExitStack() as stack:
        app.serving().moves()
        newest = app.newest()
        in_flight = [start_response(app, stack) for _ in range(MAX_LARGE_PER_CLIENT)]
        app.popen.send_signal(number)
        for place, each in enumerate(in_flight):
            frame = json.loads(each.read())
            assert (each.status, len(frame.get("t", ())) > 100) == (200, True), frame
            if place == 0:
                app.popen.send_signal(number)
        assert app.wait() == 0
        all_end(app)
        assert stored(app.store)[-1] >= newest
        assert "Traceback" not in app.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_7_server_ends_although_a_client_reads_nothing(
    tmp_path: Path, past: Path, number: signal.Signals
) -> None:
    shutil.copytree(past, tmp_path / "data")
    with dashapp(tmp_path, "--interval", "0.1") as app, ExitStack() as stack:
        app.serving().moves()
        assert start_response(app, stack).status == 200
        app.popen.send_signal(number)
        assert app.wait() == 0
        all_end(app)
        assert "Traceback" not in app.said


def test_6_server_ends_with_its_killed_parent_although_a_client_reads_nothing(
    tmp_path: Path, past: Path
) -> None:
    shutil.copytree(past, tmp_path / "data")
    with dashapp(tmp_path, "--interval", "0.1") as app, ExitStack() as stack:
        web = app.serving().child("web")
        app.moves()
        assert start_response(app, stack).status == 200
        app.popen.kill()
        wait_for(lambda: not alive(web))
        all_end(app)


def test_7_all_processes_stop_on_signal_to_process_group(tmp_path: Path) -> None:
    """A platform or Ctrl-C signals the whole process group, perhaps twice."""
    with dashapp(tmp_path, "--interval", "0.2", start_new_session=True) as app:
        app.serving().moves()
        collecting = app.child("collector")
        os.killpg(app.pid, signal.SIGINT)
        wait_for(lambda: not alive(collecting))
        with suppress(ProcessLookupError):
            os.killpg(app.pid, signal.SIGINT)
        assert app.wait() == 0
        all_end(app)
        assert "Traceback" not in app.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_7_collector_stores_last_tick_on_stop_signal(tmp_path: Path, number: signal.Signals) -> None:
    with collector(tmp_path, "--store", "s", "--interval", "0.1") as alone:
        wait_for(lambda: len(stored(tmp_path / "s")) > 5)
        newest = stored(tmp_path / "s")[-1]
        alone.popen.send_signal(number)
        alone.popen.send_signal(number)
        assert alone.wait() == 0
        # Checked before `stored` opens the database and creates another log.
        assert not (tmp_path / "s" / "cache.db-wal").exists(), "closed as it should be"
        assert stored(tmp_path / "s")[-1] >= newest
        assert on_grid(stored(tmp_path / "s"), 100)
        assert "Traceback" not in alone.said


def test_suspended_collector_leaves_gap_and_continues(app: Dashapp) -> None:
    """Faults 4 and 23: no burst and no spike after a suspension, and not ready during it."""
    app.moves()
    child = app.child("collector")
    child.suspend()
    wait_for(lambda: app.get("/readyz")[0] == 503)
    assert app.get("/healthz")[0] == 200
    before, woken = app.newest(), 1000 * time.time()
    child.resume()
    wait_for(lambda: app.get("/readyz")[0] == 200)
    wait_for(lambda: app.newest() > woken + 2500)
    wait_for(lambda: stored(app.store)[-1] > woken + 2500)
    times = stored(app.store)
    assert on_grid(times, 200)
    assert not [time for time in times if before < time < woken - 200], "nothing is made up for"
    values = app.ticks()["y"]["cpu.percent"]
    assert all(value is None or 0 <= value <= 100 for value in values)
