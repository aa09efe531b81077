"""Long-lived threads: they survive exceptions, and one kind survives forks.

Python prints the exception of a thread and ends it. The rest of the program then waits for it forever, so all
threads of dashapp start here.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from threading import Lock, Thread

from dashapp.model.ticks import DashappError
from dashapp.process.backoff import Backoff

log = logging.getLogger("dashapp")

# Seconds before the first restart, and before a restart at most. A thread that ran for longer than the
# maximum begins with the first again.
RETRY_INITIAL_S, RETRY_MAX_S = 0.5, 60.0


def start_thread(
    name: str,
    run: Callable[[], object],
    report: Callable[[str], object] | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> Thread:
    """Start a daemon thread that runs `run`, and again after each exception, until it returns.

    It logs each exception and passes a sentence for the page to `report`. `run` withdraws that sentence once
    it works again. `pause` waits for some seconds before each restart.
    """
    thread = Thread(target=_run_until_return, args=(name, run, report, pause), name=name, daemon=True)
    thread.start()
    return thread


class PerProcessThread:
    """A thread that survives forks: each process starts its own at its first `start`.

    A fork has no threads of its parent, and a server may call `start` before it forks its workers. The
    arguments are those of `start_thread`.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[], object],
        report: Callable[[str], object] | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._name = name
        self._run = run
        self._report = report
        self._pause = pause
        self._process = 0
        self._thread: Thread | None = None
        self._lock = Lock()

    def start(self) -> None:
        """Start the thread if this process has none; cheap enough to call for each request."""
        if self._process == os.getpid():
            return
        with self._lock:
            if self._process != os.getpid():
                self._thread = start_thread(self._name, self._run, self._report, self._pause)
                self._process = os.getpid()

    def join(self) -> None:
        """Wait until the thread of this process has ended, if there is one."""
        if self._thread is not None and self._process == os.getpid():
            self._thread.join()


def _run_until_return(
    name: str,
    run: Callable[[], object],
    report: Callable[[str], object] | None,
    pause: Callable[[float], object],
) -> None:
    backoff = Backoff(RETRY_INITIAL_S, RETRY_MAX_S)
    while True:
        start = time.monotonic()
        try:
            run()
        except BaseException as error:
            # A SystemExit in a thread would end the thread without a trace.
            if time.monotonic() - start > RETRY_MAX_S:
                backoff.reset()
            seconds = backoff.next_pause()
            _handle(name, error, seconds, report)
            pause(seconds)
        else:
            return


def _handle(name: str, error: BaseException, seconds: float, report: Callable[[str], object] | None) -> None:
    if isinstance(error, DashappError):
        # Its message is for people.
        sentence, trace = f"The thread {name} failed: {error}; it restarts in {seconds:g} s.", None
    else:
        sentence = f"The thread {name} failed ({type(error).__name__}); it restarts in {seconds:g} s."
        trace = error
    log.error("%s", sentence, exc_info=trace)
    if report is not None:
        try:
            report(sentence)
        except Exception:
            log.exception("the page cannot show that the thread %s failed", name)
