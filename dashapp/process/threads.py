"""A thread that survives forks: each process starts its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Lock, Thread


class PerProcessThread:
    """Runs `run` in a daemon thread, one per process, from the first `start` in that process.

    A fork has no threads of its parent, and a server may call `start` before it forks its workers.
    """

    def __init__(self, name: str, run: Callable[[], object]) -> None:
        self._name = name
        self._run = run
        self._process = 0
        self._thread: Thread | None = None
        self._lock = Lock()

    def start(self) -> None:
        """Start the thread if this process has none; cheap enough to call for each request."""
        if self._process == os.getpid():
            return
        with self._lock:
            if self._process != os.getpid():
                self._process = os.getpid()
                self._thread = Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def join(self) -> None:
        """Wait until the thread of this process has ended, if there is one."""
        if self._thread is not None and self._process == os.getpid():
            self._thread.join()
