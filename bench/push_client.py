"""Cost of dashapp in a program that pushes values: its import, its calls, and its end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from statistics import median

from bench.served import ROOT
from bench.table import Row

ROUNDS = 5
CALLS = 1000
# Both print CPU seconds. No server listens on port 9.
NO_SERVER = "http://127.0.0.1:9"
IMPORT = """
import time
start = time.process_time()
import dashapp
dashapp.push
print(time.process_time() - start)
"""
PUSH = f"""
import time
import dashapp
dashapp.push("warm", 1)
start = time.process_time()
for number in range({CALLS}):
    dashapp.push(f"value.{{number % 100}}", number)
print(time.process_time() - start)
"""
# Prints a line as its last statement; dashapp then waits for the response to the value.
END = 'import dashapp; dashapp.push("value", 1); print("end", flush=True)'


def run() -> list[Row]:
    return [
        Row("CPU of import dashapp and of its push", _cpu_ms(IMPORT), "ms", 100),
        Row(f"CPU of {CALLS:,} calls of push", _cpu_ms(PUSH), "ms", 50),
        Row("end of a program if the server hangs", _end_seconds(), "s", 4, f"slowest of {ROUNDS}"),
    ]


def _cpu_ms(program: str) -> float:
    times = []
    for _ in range(ROUNDS):
        with _start(program, NO_SERVER) as process:
            times.append(1000 * float(process.communicate(timeout=60)[0]))
    return median(times)


def _end_seconds() -> float:
    slowest = 0.0
    # It accepts connections and never responds.
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        for _ in range(ROUNDS):
            with _start(END, f"http://127.0.0.1:{server.getsockname()[1]}") as process:
                assert process.stdout is not None
                process.stdout.readline()
                start = time.monotonic()
                process.wait(60)
                slowest = max(slowest, time.monotonic() - start)
    return slowest


def _start(program: str, url: str) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "DASHAPP_URL": url, "DASHAPP_PUSH_TOKEN": "4f9c2e7ab15d8036"}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
