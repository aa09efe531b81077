"""The stop signals of the supervisor and the collector."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run

# Python deletes the variables of a module after it has stopped to handle signals.
CODE = """
import os, signal
from dashapp.process.signals import stop_on_signals

class Late:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.{later}):
        kill(pid, number)

late = Late()
stop = stop_on_signals()
os.kill(os.getpid(), signal.{first})
assert stop.wait(60)
"""


@pytest.mark.parametrize(
    ("first", "later"), [("SIGINT", "SIGINT"), ("SIGINT", "SIGTERM"), ("SIGTERM", "SIGINT")]
)
def test_stop_signal_during_exit_leaves_the_exit_status(tmp_path: Path, first: str, later: str) -> None:
    done = run(tmp_path, "-c", CODE.format(first=first, later=later))
    assert (done.returncode, done.stderr) == (0, "")
