"""The supervisor: its backoff between restarts, and the end of all children together."""

from __future__ import annotations

import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest
from waiting import PATIENCE_S, wait_for

from dashapp.process import supervisor
from dashapp.process.signals import stop_on_signals
from dashapp.process.supervisor import RESTART_BACKOFF_S, ChildProcess, supervise
from dashapp.stores.disk.notices import NoticeFile, read_notices

EXITS = [sys.executable, "-c", "raise SystemExit(3)"]
# Exits when its standard input closes, as each child process does.
OBEYS = [sys.executable, "-c", "import sys; sys.stdin.read()"]
# Ignores its standard input and SIGTERM; creates a file when it does.
DEAF = "import signal, sys, time; signal.signal(15, 1); open(sys.argv[1], 'w').close(); time.sleep(600)"


def test_child_restart_backoff_grows_when_child_dies_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 100.0
    monkeypatch.setattr("dashapp.process.supervisor.time", SimpleNamespace(monotonic=lambda: now))
    child = ChildProcess("collector", EXITS, NoticeFile(tmp_path, "supervisor"))
    pauses: list[float] = []

    def dead(times: int) -> bool:
        child.check()
        return child.exits == times

    caplog.set_level(logging.WARNING)
    for deaths in range(1, len(RESTART_BACKOFF_S) + 3):
        wait_for(partial(dead, deaths))
        died = now
        assert child._process is None
        while child._process is None:
            now += 0.1
            child.check()
        pauses.append(now - died)
        assert (read_notices(tmp_path) != []) is (deaths > 1)
    child.wait(now + 5)
    assert pauses == pytest.approx(
        [*RESTART_BACKOFF_S, RESTART_BACKOFF_S[-1], RESTART_BACKOFF_S[-1]], abs=0.11
    )
    assert "exit code 3" in caplog.text


def test_child_restart_backoff_resets_when_child_lives_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("dashapp.process.supervisor.time", SimpleNamespace(monotonic=lambda: now))
    notice = NoticeFile(tmp_path, "supervisor")
    child = ChildProcess("collector", OBEYS, notice)
    child.exits = 4
    notice.set("it died")
    child.check()
    now += RESTART_BACKOFF_S[-1] + 1
    child.check()
    assert (child.exits, read_notices(tmp_path)) == (0, [])
    child.stop()
    child.wait(now + 5)


def test_child_that_is_killed_again_and_again_restarts_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("dashapp.process.supervisor.time", SimpleNamespace(monotonic=lambda: now))
    child = ChildProcess("web", OBEYS)
    for _ in range(len(RESTART_BACKOFF_S)):
        child.check()
        process = child._process
        assert process is not None, "the first delay is over"
        now += supervisor.WORKED_S + 0.1
        process.kill()
        process.wait()
        child.check()
        assert child._process is None
        now += RESTART_BACKOFF_S[0]
    assert child.exits == len(RESTART_BACKOFF_S)


def test_supervise_kills_child_that_ignores_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "SHUTDOWN_TIMEOUT_S", 0.3)
    stop, deaf = Event(), tmp_path / "deaf"
    children = [ChildProcess("one", OBEYS), ChildProcess("two", [sys.executable, "-c", DEAF, str(deaf)])]
    running = Thread(target=supervise, args=(children, stop))
    running.start()
    wait_for(lambda: all(child._process for child in children) and deaf.exists())
    processes = [child._process for child in children]
    stop.set()
    running.join()
    assert all(process and process.returncode is not None for process in processes)
    assert processes[1].returncode == -signal.SIGKILL  # type: ignore[union-attr]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_on_signals_sets_event_when_signal_repeats(number: signal.Signals) -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        stop = stop_on_signals()
        for _ in range(200):
            os.kill(os.getpid(), number)
        assert stop.wait(PATIENCE_S)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_stop_on_signals_does_not_hang_when_event_lock_is_held() -> None:
    """Hold the event's lock, which `Event.wait` takes briefly, until the signal arrives."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        stop = stop_on_signals()
        running = set(sys._current_frames())
        with stop._cond:  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal.SIGTERM)
            # The handler has run: the thread that sets the event waits for the lock.
            wait_for(lambda: set(sys._current_frames()) - running)
        assert stop.wait(PATIENCE_S)
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
