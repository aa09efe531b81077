"""Requests to stop: SIGTERM, SIGINT, and the end of the pipe from the parent process."""

from __future__ import annotations

import _thread
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from time import sleep
from types import FrameType
from typing import TYPE_CHECKING

from dashapp.process.threads import start_thread

if TYPE_CHECKING:
    import asyncio  # the collector does not load it

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_on_signals() -> Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = Event()

    def handle(*_: object) -> None:
        # Set the event in another thread. If the signal arrives while this thread holds the lock inside the
        # event, `set` would deadlock here: https://github.com/python/cpython/issues/85772
        _thread.start_new_thread(stop.set, ())

    for number in STOP_SIGNALS:
        signal.signal(number, handle)
    return stop


def call_on_signals(loop: asyncio.AbstractEventLoop, work: Callable[[], object]) -> None:
    """Run `work` in `loop` at each stop signal. Call this in the main thread."""
    for number in STOP_SIGNALS:
        try:
            loop.add_signal_handler(number, work)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(work))


def run_before_loop_stops(loop: asyncio.AbstractEventLoop, work: Callable[[], object]) -> None:
    """Also run `work` in `loop` at each stop signal. Call this in the main thread.

    The handlers of the loop run as before. They even get a signal that came while the pipe that wakes the
    loop was full: asyncio would lose it, because it reads the numbers of signals from that pipe.
    """
    pipe = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(pipe, warn_on_full_buffer=False)

    def has_room() -> bool:
        try:
            os.write(pipe, b"\0")  # asyncio ignores this byte
        except BlockingIOError:
            return False
        except OSError:  # Windows: this descriptor is a socket
            return True
        return True

    def handle_with(previous: Callable[[int, FrameType | None], object]) -> Callable[..., None]:
        def handle(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(work)
            previous(number, frame)
            if pipe != -1 and not has_room():
                # Once the loop has emptied the pipe.
                loop.call_soon_threadsafe(loop.call_later, 0.01, signal.raise_signal, number)

        return handle

    for number in STOP_SIGNALS:
        previous = signal.getsignal(number)
        if callable(previous):
            signal.signal(number, handle_with(previous))


def ignore_stop_signals() -> None:
    """Ignore further signals; call this before the exit.

    While Python exits, it restores the default of each signal that is not ignored: a second signal would end
    the process with a status of failure. In the handler of another signal this would be too early.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


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
