"""Threads that tests leave behind. They must wait.

Their work would take processor time from all later tests.
Most threads of dashapp have no end, and a daemon thread that waits costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from threading import Thread

# Seconds of a measurement, and the share of them that is rest. The idle collectors of tests use a hundredth.
# A thread that works all the time uses more, except on a machine that is busier than in `make stress`.
SPAN_S, REST = 0.2, 0.03


def are_at_rest(threads: Iterable[Thread]) -> bool:
    """Whether `threads` together use next to no processor time at the moment."""
    measured = list(threads)
    before = sum(map(_busy_ns, measured))
    time.sleep(SPAN_S)
    return sum(map(_busy_ns, measured)) - before < REST * SPAN_S * 1e9


def _busy_ns(thread: Thread) -> int:
    """Return the processor time of a thread in nanoseconds.

    It is 0 if the thread has ended, or the system is not Linux.
    """
    try:
        return int(Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0
