"""Requests to stop: SIGTERM, SIGINT, and the end of the pipe from the parent process."""

from __future__ import annotations

import _thread
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from time import sleep

from dashapp.process.threads import start_thread


def stop_on_signals() -> Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = Event()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def handle(*_: object) -> None:
        # While Python exits, it restores the default of each signal that is not ignored: a second signal
        # would end this process with a status of failure.
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        # Set the event in another thread. If the signal arrives while this thread holds the lock inside the
        # event, `set` would deadlock here: https://github.com/python/cpython/issues/85772
        _thread.start_new_thread(stop.set, ())

    for number in numbers:
        signal.signal(number, handle)
    return stop


def when_parent_exits(callback: Callable[[], object], delay_s: float = 0) -> None:
    """Call `callback` when the pipe on standard input closes, `delay_s` seconds later.

    The pipe closes however the parent dies, SIGKILL included.
    """

    def wait_for_parent() -> None:
        # os.read holds no Python lock. A worker forked while this thread reads sys.stdin would hang.
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        sleep(delay_s)
        callback()

    start_thread("dashapp parent", wait_for_parent)
