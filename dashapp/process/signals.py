"""Signals that a process is to end: SIGTERM, SIGINT, and the pipe from whoever started it.

Knows nothing of what is to end.
"""

from __future__ import annotations

import _thread
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from time import sleep


def stop_on_signals() -> Event:
    """An event that SIGTERM and SIGINT set."""
    stop = Event()

    def handle(*_: object) -> None:
        # Set from here, it would hang for good where the signal came while this thread was inside the
        # event's own lock, entering or leaving a wait: https://github.com/python/cpython/issues/85772
        _thread.start_new_thread(stop.set, ())

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    return stop


def when_parent_exits(end: Callable[[], object], grace: float = 0) -> None:
    """Call `end` some seconds after the pipe on standard input closes: it does however the parent dies,
    SIGKILL included."""

    def watch() -> None:
        # os.read holds no lock of Python's: a thread inside sys.stdin's would hang a worker forked meanwhile.
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        sleep(grace)
        end()

    Thread(target=watch, daemon=True).start()
