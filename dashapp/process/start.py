"""Start a process from a thread, although the server around it may fork at the same time."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from threading import Lock
from typing import Any


def start_process(argv: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Return the process, as `subprocess.Popen` does; forks of this process wait meanwhile.

    Popen waits until the new process closes a pipe. A server's worker that is forked meanwhile would keep
    that pipe open, and Popen would not return before the worker ends.
    """
    with _fork_lock():
        return subprocess.Popen(argv, **options)


@cache
def _fork_lock() -> Lock:
    """Return a lock that each fork of this process waits for."""
    lock = Lock()

    def release() -> None:
        # A server that forks in C may leave out the call before the fork.
        if lock.locked():
            lock.release()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=release, after_in_child=release)
    return lock
