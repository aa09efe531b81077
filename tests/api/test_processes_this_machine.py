"""The process table of this machine: real processes, no command line or environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from processes import dashapp
from waiting import wait_for

from dashapp.api.process_table import KERNEL_NAME_LENGTH, ProcessTable, Row

BURN = "import sys\nprint('on', flush=True)\nwhile True: pass"


@contextmanager
def child(*argv: str, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, **more)
    try:
        assert process.stdout is not None
        with closing(process.stdout) as said:
            assert said.readline()
            yield process
    finally:
        process.kill()
        process.wait()


def test_process_table_shows_cpu_of_busy_child() -> None:
    """Compare with the CPU time of the kernel: on a busy machine it is less than a whole core."""
    with child(sys.executable, "-c", BURN) as process:
        watched = psutil.Process(process.pid)

        def row_of_child() -> Row | None:
            table = ProcessTable()
            before, start = watched.cpu_times().user, time.monotonic()
            found = table.newest()
            took = time.monotonic() - start
            got = 100 * (watched.cpu_times().user - before) / took
            assert found is not None
            row = next(row for row in found.rows if row.pid == process.pid)
            assert row.cpu is not None
            # The kernel counts hundredths of a second, and the reader may be delayed between two readings.
            return row if abs(row.cpu - got) < max(0.2 * got, 2 / took) and got > 10 else None

        row = wait_for(row_of_child)
        assert row is not None
        assert (row.memory or 0) > 1e6
        assert row.threads == 1


def test_process_table_contains_own_process() -> None:
    begun = time.time()
    found = ProcessTable().newest()
    ended = time.time()
    assert found is not None
    (row,) = [row for row in found.rows if row.pid == os.getpid()]
    assert row.memory == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)
    assert 1000 * begun - 100 <= found.time <= 1000 * ended + 100


# A name as long as the kernel keeps, so that psutil completes it; and a title that begins like it.
TITLED = """
import ctypes, sys
ctypes.CDLL(None).prctl(15, b"abcdefghijklmno", 0, 0, 0)
print("on", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl")
def test_process_table_omits_command_line_and_environment(tmp_path: Path) -> None:
    env = {**os.environ, "TOKEN": "canary-in-the-environment"}
    argv = ["abcdefghijklmno --password=canary-in-the-title", "-c", TITLED, "canary-argument"]
    with (
        dashapp(tmp_path, env=env) as app,
        child(*argv, executable=sys.executable, env=env, cwd=tmp_path, stdin=subprocess.PIPE) as process,
    ):
        assert process.stdin is not None
        app.serving()

        def found() -> dict[str, Any] | None:
            status, body = app.get("/api/ticks?window=10&processes=1")
            assert status == 200
            assert b"canary" not in body
            assert str(tmp_path).encode() not in body
            answer: dict[str, Any] = json.loads(body)["processes"]
            return answer if process.pid in answer["pid"] else None

        columns = wait_for(found)
        assert columns is not None
        assert set(columns) == {"pid", "name", "cpu", "memory", "threads", "time"}
        assert columns["name"][columns["pid"].index(process.pid)] == "abcdefghijklmno"
        assert max(map(len, columns["name"])) <= KERNEL_NAME_LENGTH
        assert b"canary" not in app.get("/")[1] + app.get("/_dash-layout")[1]
        process.stdin.close()
