"""The tests' own helpers, if a mistake in one would make other tests fail by chance."""

from __future__ import annotations

import subprocess
import sys

import psutil
from processes import alive
from waiting import wait_for

# The main thread ends, as it may after a kill on a busy machine; the other one waits for its input to end.
LATE_THREAD = """
import ctypes, sys, threading
threading.Thread(target=sys.stdin.read).start()
print("ready", flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


def test_alive_is_true_until_last_thread_has_ended() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LATE_THREAD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        process = psutil.Process(child.pid)
        wait_for(lambda: process.status() == psutil.STATUS_ZOMBIE)
        assert alive(process)
        child.kill()
        wait_for(lambda: not alive(process))
