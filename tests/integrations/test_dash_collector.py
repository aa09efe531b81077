"""attach in a Dash app: the metrics that it collects, and for how long."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event

import psutil
import pytest
from dash import Dash
from dash_host import get, loss, theirs
from processes import ROOT, alive
from waiting import wait_for

from dashapp import attach
from dashapp.collector.sampler import Sampler
from dashapp.integrations.embedded_collector import EmbeddedCollector
from dashapp.model.ticks import StoreError, Tick
from dashapp.process import threads as process_threads


def newest(app: Dash) -> dict[str, list[float]]:
    y: dict[str, list[float]] = get(app, "/_dashapp/api/ticks?window=100").json["y"]
    return y


def test_attach_samples_functions_in_app_process() -> None:
    threads: set[str] = set()

    def accuracy() -> dict[str, float]:
        threads.add(threading.current_thread().name)
        return {"train": 0.9, "test": 0.8}

    app = theirs()
    attach(app, sources=[loss, accuracy], interval=0.1)
    wait_for(lambda: set(newest(app)) == {"loss", "accuracy.train", "accuracy.test"})
    assert threads == {"source accuracy"}


def test_attach_samples_named_lambdas_and_stores_history(tmp_path: Path) -> None:
    app = theirs()
    attach(app, store=tmp_path / "store", sources={"lr": lambda: 0.001}, interval=0.1)
    assert set(wait_for(lambda: newest(app))) == {"lr"}
    assert (tmp_path / "store" / "tail").exists()


def test_failing_function_does_not_affect_others(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> float:
        raise ZeroDivisionError

    app = theirs()
    attach(app, sources=[broken, loss], interval=0.1)
    assert set(wait_for(lambda: newest(app))) == {"loss"}
    wait_for(lambda: get(app, "/_dashapp/api/ticks").json["notices"] == ["broken failed: ZeroDivisionError"])


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("dashapp")}


def test_attach_starts_no_collector_before_first_request() -> None:
    """A launcher and the parent of a reloader create the app too, but serve no request."""
    calls: list[int] = []
    app = theirs()
    before = threads()
    with attach(app, sources={"loss": partial(counted, calls, 1)}, interval=0.1):
        assert threads() <= before
        get(app, "/")
        wait_for(lambda: calls)


def test_attach_stops_collector_of_app_that_is_gone() -> None:
    """Each run of a notebook's cell makes another app, which replaces the one before."""
    calls: list[int] = []
    before = collector_threads()
    for number in range(5):
        app = theirs()
        attach(app, sources={"loss": partial(counted, calls, number)}, interval=0.1)
        get(app, "/_dashapp/api/ticks")
        wait_for(partial(calls.count, number))
    wait_for(lambda: len(collector_threads() - before) == 1)
    newest_only = len(calls)
    wait_for(lambda: len(calls) > newest_only + 3)
    assert set(calls[-3:]) == {4}
    del app
    theirs()  # Dash itself refers to the newest app
    EmbeddedCollector.stop_unused()
    wait_for(lambda: collector_threads() <= before)


def counted(calls: list[int], number: int) -> float:
    calls.append(number)
    return 1.0


def collector_threads() -> set[int | None]:
    """Return the threads of this process, in which other tests may have left some."""
    return {thread.ident for thread in threading.enumerate() if thread.name == "dashapp collector"}


def test_function_traceback_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def deep() -> float:
        raise ValueError("no sensor")

    calls: list[int] = []

    def loss() -> float:
        calls.append(1)
        return deep()

    app = theirs()
    with attach(app, sources={"loss": loss}, interval=0.1):
        get(app, "/")
        wait_for(lambda: len(calls) > 3)
    assert caplog.text.count("Traceback") == 1
    assert "in deep" in caplog.text
    assert "source loss failed" in caplog.text


def test_stop_ends_collector_thread(tmp_path: Path) -> None:
    before = threads()
    for store in ("memory:", tmp_path / "store"):
        app = theirs()
        with attach(app, store=store, sources=[loss], interval=0.1) as collector:
            wait_for(partial(newest, app))
            assert "dashapp collector" in threads()
        assert threads() <= before
        ticks = newest(app)
        collector.start()
        assert newest(app) == ticks
        assert threads() <= before


def test_stop_ends_collector_process(tmp_path: Path) -> None:
    app = theirs()
    collector = attach(app, store=tmp_path / "store", sources=["demo"], interval=0.2, eager=True)
    (process,) = wait_for(collectors)
    collector.stop()
    assert not alive(process)


def collectors() -> list[psutil.Process]:
    found = []
    for each in psutil.Process().children():
        with suppress(psutil.Error):  # one that has just ended
            if "dashapp.collector" in each.cmdline():
                found.append(each)
    return found


HOST = """
import os
from dash import Dash
from dashapp import LiveGraph, attach
app = Dash(__name__)
attach(app, store="store", sources=["demo"], interval=0.2, config="monitor.toml", eager=True)
os.chdir("/")
app.layout = LiveGraph("demo.*")
print("attached", flush=True)
input()
"""

# Settings of a server have no effect on a collector.
SERVERS = {"DASHAPP_HOST": "0.0.0.0", "WEB_CONCURRENCY": "40", "PORT": "none", "DASHAPP_WINDOW": "0"}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    (tmp_path / "monitor.toml").touch()
    process = subprocess.Popen(
        [sys.executable, "-c", HOST],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **SERVERS},
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    yield process
    process.kill()
    process.wait()
    assert process.stdin
    process.stdin.close()


def test_collector_process_exits_with_app(host: subprocess.Popen[bytes], tmp_path: Path) -> None:
    wait_for((tmp_path / "store" / "tail").exists)
    (collector,) = psutil.Process(host.pid).children()
    assert "dashapp.collector" in collector.cmdline()
    host.kill()
    wait_for(lambda: not alive(collector))


def test_killed_collector_is_restarted_in_start_folder(host: subprocess.Popen[bytes], tmp_path: Path) -> None:
    tail = tmp_path / "store" / "tail"
    wait_for(tail.exists)
    (first,) = psutil.Process(host.pid).children()
    first.kill()
    wait_for(lambda: not alive(first))
    written = tail.stat().st_ino, tail.read_bytes()
    wait_for(lambda: (tail.stat().st_ino, tail.read_bytes()) != written)


@pytest.mark.parametrize("store", ["memory:", "store"])
@pytest.mark.parametrize("error", [KeyError, StoreError])
def test_collector_thread_restarts_and_page_shows_failure(
    tmp_path: Path, store: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector of an app has no supervisor, so its thread must not end."""
    monkeypatch.setattr(process_threads, "RETRY_INITIAL_S", 0.01)
    monkeypatch.setattr(process_threads, "RETRY_MAX_S", 0.02)
    failing = Event()
    tick = Sampler.tick

    def fail(sampler: Sampler, time: float) -> Tick | None:
        if failing.is_set():
            raise error("a defect")
        return tick(sampler, time)

    monkeypatch.setattr(Sampler, "tick", fail)
    app = theirs()
    path = store if store == "memory:" else tmp_path / store
    with attach(app, store=path, sources=[loss], interval=0.1):
        wait_for(lambda: newest(app))

        def notices() -> str:
            return " ".join(get(app, "/_dashapp/api/ticks").json.get("notices", ()))

        failing.set()
        wait_for(lambda: "thread dashapp collector failed" in notices())
        failing.clear()
        wait_for(lambda: notices() == "")
        last = get(app, "/_dashapp/api/ticks").json["t"][-1]
        wait_for(lambda: get(app, "/_dashapp/api/ticks").json["t"][-1] > last)
