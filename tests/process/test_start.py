"""Processes that a thread starts while the process around it forks."""

from __future__ import annotations

import subprocess
import sys

from processes import ROOT
from waiting import PATIENCE_S

SERVER = """
import os, signal, sys, threading, time
from dashapp.process.start import start_process

def start():
    for _ in range(40):
        start_process(["true"]).wait()

threads = [threading.Thread(target=start) for _ in range(2)]
for thread in threads:
    thread.start()
workers = []
while any(thread.is_alive() for thread in threads) and len(workers) < 300:
    worker = os.fork()
    if worker == 0:
        time.sleep(600)
        os._exit(0)
    workers.append(worker)
    time.sleep(0.002)
for thread in threads:
    thread.join(50)
print("hangs" if any(thread.is_alive() for thread in threads) else "done", len(workers), flush=True)
for worker in workers:
    os.kill(worker, signal.SIGKILL)
os._exit(0)
"""


def test_start_process_returns_when_worker_is_forked_meanwhile() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SERVER],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    word, workers = done.stdout.split()
    assert word == "done", done.stderr
    assert int(workers) > 10
