"""Faults of processes: killed, doubled, orphaned, told to stop. Real ones, with real signals."""

from __future__ import annotations

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from processes import Dashapp, alive, collector, dashapp, holes, on_grid, stored
from waiting import wait_for

from dashapp.model.ticks import Tick
from dashapp.stores.disk.store import DiskStore


def dead_within(app: Dashapp, seconds: float) -> None:
    wait_for(lambda: not app.family(), seconds)


def test_3_a_killed_collector_is_started_again(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--interval", "0.2") as app:
        app.serving().moves()
        before = app.child("collector")
        before.kill()
        wait_for(lambda: not alive(before))
        killed, cursor = time.time(), app.ticks()["cursor"]
        wait_for(lambda: app.newest() > 1000 * killed)
        answer = app.ticks(after=cursor)
        assert answer["reset"] is False
        assert answer["y"]["cpu.percent"][0] is None, "the gap is drawn as a gap"
        assert "the collector died (signal 9)" in app.said


def test_a_collector_that_keeps_dying_is_backed_off_and_told_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    # A folder where the lock ought to be: every start fails.
    (tmp_path / "data" / "writer.lock").mkdir()
    with dashapp(tmp_path) as app:
        app.serving()
        wait_for(lambda: "3 times in a row" in app.notices())
        assert "exit code 1" in app.notices()
        assert "started again in 2 seconds" in app.notices()
        assert app.said.count("the collector died") <= 4
        assert "Traceback" not in app.said
        (tmp_path / "data" / "writer.lock").rmdir()
        wait_for(app.newest)


def test_5_two_collectors_write_one_row_a_tick(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_6_the_parents_end_is_everyones(tmp_path: Path, number: signal.Signals) -> None:
    with dashapp(tmp_path, "--workers", "2") as app:
        app.serving().moves()
        assert len(wait_for(lambda: len(app.family()) >= 4 and app.family())) >= 4  # type: ignore[arg-type]
        collecting = app.child("collector")
        app.popen.send_signal(number)
        wait_for(lambda: not alive(collecting))
        dead_within(app, 4)
        assert app.wait() == (0 if number == signal.SIGTERM else -9)


def test_6_a_killed_web_server_leaves_no_orphan_and_comes_back(tmp_path: Path) -> None:
    with dashapp(tmp_path) as app:
        app.serving()
        web = app.child("web")
        wait_for(lambda: web.children(recursive=True))
        workers = web.children(recursive=True)
        web.kill()
        wait_for(lambda: not any(map(alive, workers)))
        wait_for(app.newest)
        assert app.child("web").pid != web.pid
        app.moves()


def test_6_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    with dashapp(tmp_path) as app:
        app.serving()
        web = app.child("web")
        (worker, *_) = wait_for(lambda: web.children(recursive=True))
        worker.kill()
        wait_for(app.newest)


def past(folder: Path, count: int, step: float) -> None:
    """A history that ended a moment ago."""
    store = DiskStore(folder, keep=count)
    until = round(time.time() / step)
    for number in range(until - count, until):
        store.append(Tick(number * step, step, {"cpu.percent": number % 100}))
    store.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_7_told_to_stop_twice_it_ends_what_is_in_flight(tmp_path: Path, number: signal.Signals) -> None:
    past(tmp_path / "data", 20_000, 0.1)
    with dashapp(tmp_path, "--interval", "0.1") as app, ThreadPoolExecutor(4) as pool:
        app.serving().moves()
        newest = app.newest()
        # The longest answers there are.
        in_flight = [pool.submit(app.get, f"/api/ticks?window=70{n:02}") for n in range(4)]
        time.sleep(0.05)
        asked = time.monotonic()
        app.popen.send_signal(number)
        time.sleep(0.02)
        app.popen.send_signal(number)
        assert app.wait(5) == 0
        assert time.monotonic() - asked < 5
        for each in in_flight:
            status, body = each.result()
            assert (status, len(json.loads(body)["t"]) > 100) == (200, True)
        dead_within(app, 1)
        assert stored(app.store)[-1] >= newest
        assert "Traceback" not in app.said


def test_7_everybody_is_told_to_stop_at_once(tmp_path: Path) -> None:
    """A platform, or Ctrl-C, signals the whole group, perhaps twice."""
    with dashapp(tmp_path, start_new_session=True) as app:
        app.serving().moves()
        for _ in range(2):
            os.killpg(app.pid, signal.SIGINT)
            time.sleep(0.02)
        assert app.wait(5) == 0
        dead_within(app, 1)
        assert "Traceback" not in app.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_7_a_collector_alone_stores_its_last_tick(tmp_path: Path, number: signal.Signals) -> None:
    with collector(tmp_path, "--store", "s", "--interval", "0.1") as alone:
        wait_for(lambda: len(stored(tmp_path / "s")) > 5)
        newest = stored(tmp_path / "s")[-1]
        alone.popen.send_signal(number)
        alone.popen.send_signal(number)
        assert alone.wait(3) == 0
        # Before our own reading makes another.
        assert not (tmp_path / "s" / "cache.db-wal").exists(), "closed as it should be"
        assert stored(tmp_path / "s")[-1] >= newest
        assert on_grid(stored(tmp_path / "s"), 100)
        assert "Traceback" not in alone.said


def test_a_stopped_collector_leaves_a_gap_and_goes_on(tmp_path: Path) -> None:
    """Faults 4 and 23: suspended, then woken: no burst, no spike, and meanwhile not ready."""
    with dashapp(tmp_path, "--interval", "0.2") as app:
        app.serving().moves()
        child = app.child("collector")
        child.suspend()
        before = app.newest()
        wait_for(lambda: app.get("/readyz")[0] == 503)
        assert app.get("/healthz")[0] == 200
        child.resume()
        wait_for(lambda: app.get("/readyz")[0] == 200)
        wait_for(lambda: app.newest() > before + 2500)
        times = stored(app.store)
        assert on_grid(times, 200)
        assert len([hole for hole in holes(times, 200) if hole[1] - hole[0] > 1500]) == 1
        values = app.ticks()["y"]["cpu.percent"]
        assert all(value is None or 0 <= value <= 100 for value in values)
