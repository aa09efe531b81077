"""Locks of files that forked processes inherit."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from dashapp.process.file_lock import lock_file, unlock_file


def test_unlock_file_releases_lock_that_forked_process_inherited(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = os.open(path, os.O_RDWR | os.O_CREAT)
    lock_file(first)
    child = os.fork()
    if child == 0:
        signal.pause()
    second = os.open(path, os.O_RDWR)
    try:
        with pytest.raises(OSError, match="unavailable"):
            lock_file(second)
        unlock_file(first)
        os.close(first)
        lock_file(second)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(second)
