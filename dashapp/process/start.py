"""Start a process from a thread, although the server around it may fork at the same time."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from functools import cache
from threading import RLock
from typing import Any


def start_process(argv: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Return the process, as `subprocess.Popen` does; forks of this process wait meanwhile.

    Popen waits until the new process closes a pipe. A server's worker that is forked meanwhile would keep
    that pipe open, and Popen would not return before the worker ends.
    """
    lock = _fork_lock()
    lock.acquire()
    try:
        return subprocess.Popen(argv, **options)
    finally:
        lock.release()


class _ForkLock:
    """Each fork of this process waits for it; reentrant, as gevent's Popen forks in Python."""

    def __init__(self) -> None:
        self._lock = RLock()

    def acquire(self) -> None:
        self._lock.acquire()

    def release(self) -> None:
        # A server that forks in C may leave out the call before the fork.
        with suppress(RuntimeError):
            self._lock.release()

    def renew(self) -> None:
        """In the forked process, whose other threads are gone and cannot release it."""
        self._lock = RLock()


@cache
def _fork_lock() -> _ForkLock:
    lock = _ForkLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.renew)
    return lock
