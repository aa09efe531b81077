"""The stop signals of the supervisor and the collector."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import run

# Python deletes the variables of a module after it has stopped to handle signals.
CODE = """
import os, signal
from dashapp.process.signals import ignore_stop_signals, stop_on_signals

class Late:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.{later}):
        kill(pid, number)

late = Late()
stop = stop_on_signals()
os.kill(os.getpid(), signal.{first})
assert stop.wait(60)
ignore_stop_signals()
"""


@pytest.mark.parametrize(
    ("first", "later"), [("SIGINT", "SIGINT"), ("SIGINT", "SIGTERM"), ("SIGTERM", "SIGINT")]
)
def test_stop_signal_during_exit_leaves_the_exit_status(tmp_path: Path, first: str, later: str) -> None:
    done = run(tmp_path, "-c", CODE.format(first=first, later=later))
    assert (done.returncode, done.stderr) == (0, "")


# The loop is busy, so nothing empties the pipe, in which about 280 wakeups have room.
BUSY_LOOP = """
import asyncio, os, signal
from dashapp.process.signals import run_before_loop_stops

async def main():
    loop = asyncio.get_running_loop()
    done, stopped = asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    run_before_loop_stops(loop, done.set)
    for _ in range({wakeups}):
        loop.call_soon_threadsafe(int)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(done.wait(), 60)
    await asyncio.wait_for(stopped.wait(), 60)
    print("stopped")

asyncio.run(main())
"""


@pytest.mark.parametrize("wakeups", [0, 1, 10_000])
def test_loop_gets_a_stop_signal_while_its_pipe_is_full(tmp_path: Path, wakeups: int) -> None:
    done = run(tmp_path, "-c", BUSY_LOOP.format(wakeups=wakeups))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "stopped", "")
