"""Signals: SIGTERM and SIGINT become an event, however often and whenever they come."""

from __future__ import annotations

import _thread
import signal
from threading import Event


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
