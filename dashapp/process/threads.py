"""A thread of which each process has one of its own. Knows nothing of what it runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Lock, Thread


class PerProcessThread:
    """Runs `run` for as long as the process lives, from the first `start` in it.

    A fork has none of the threads from before it: the server that forked us may have started one.
    """

    def __init__(self, name: str, run: Callable[[], object]) -> None:
        self._name = name
        self._run = run
        self._process = 0
        self._thread: Thread | None = None
        self._lock = Lock()

    def start(self) -> None:
        """Cheap where it runs already: called with each request."""
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
