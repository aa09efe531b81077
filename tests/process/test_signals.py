"""The stop signals of the supervisor and the collector."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from command_line import run
from ports import free_port
from waiting import PATIENCE_S, wait_for

ROOT = Path(__file__).parents[2]

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


# The loops of Windows have no such method.
WITHOUT_HANDLERS = """
import asyncio
asyncio.SelectorEventLoop.add_signal_handler = asyncio.AbstractEventLoop.add_signal_handler
"""
WAITING_LOOP = """
import os, signal
from dashapp.process.signals import call_on_signals

async def main():
    stopped = asyncio.Event()
    call_on_signals(asyncio.get_running_loop(), stopped.set)
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.{number})
    await asyncio.wait_for(stopped.wait(), 60)
    print("stopped")

asyncio.run(main())
"""


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("system", ["import asyncio", WITHOUT_HANDLERS], ids=["unix", "windows"])
def test_waiting_loop_gets_stop_signals_on_each_system(tmp_path: Path, number: str, system: str) -> None:
    done = run(tmp_path, "-c", system + WAITING_LOOP.format(number=number))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "stopped", "")


SERVER = """
import sys
sys.argv[1:] = ["--store=memory:", "--no-collector", "--port={port}"]
from dashapp.web.server import main
main()
"""


def test_web_server_starts_and_stops_without_handlers_of_the_loop(tmp_path: Path) -> None:
    port = free_port()
    code = WITHOUT_HANDLERS + SERVER.format(port=port)
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_for(lambda: process.poll() is not None or is_healthy(port))
            assert process.poll() is None, process.communicate()[1]
            process.send_signal(signal.SIGTERM)
            assert (process.wait(PATIENCE_S), process.communicate()[1]) == (0, "")
        finally:
            process.kill()


def is_healthy(port: int) -> bool:
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/healthz") as response:
        return bool(response.status == 200)
    return False
