"""Time of dashapp to recover from a fault, and the longest wait for a response meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from statistics import median, quantiles
from urllib.request import urlopen

import psutil

from bench.served import ROOT, Served, folder, serving
from bench.table import Row

ROUNDS = 3
INTERVAL = "0.2"
LOCKED_S = 3.0
VIEWERS, REQUESTS = 100, 5


def run() -> list[Row]:
    return [
        _median("from killed collector to its next tick", _collector_killed, 3),
        _median("from killed web server to its next response", _web_killed, 5),
        _median("from deleted store folder to its next row", _folder_deleted, 5),
        _median("from killed first collector to the second one's row", _takeover, 3),
        _median("from SIGTERM to the end, with requests in flight", _terminated, 5),
        Row("slowest response with a locked store", _locked(), "s", 1),
        Row(f"{VIEWERS} viewers at once, p95 of a response", _crowd(), "ms", 100),
    ]


def _median(what: str, measure: Callable[[], float], target: float) -> Row:
    times = [measure() for _ in range(ROUNDS)]
    return Row(what, median(times), "s", target, f"median of {ROUNDS}, slowest {max(times):.2f} s")


def _until(true: Callable[[], object], limit: float = 30.0) -> float:
    """Return the seconds until `true()` is true."""
    start = time.monotonic()
    while not true():
        if time.monotonic() - start > limit:
            raise RuntimeError(f"did not recover within {limit:g} s")
        time.sleep(0.005)
    return time.monotonic() - start


def _newest(served: Served) -> float:
    """Return the time of the newest tick in milliseconds; 0 without a response."""
    with suppress(OSError, ValueError), urlopen(f"{served.url}api/ticks?window=10", timeout=5) as response:
        return float(max(json.load(response)["t"], default=0))
    return 0.0


def _rows_after(store: Path, moment: float) -> bool:
    with suppress(sqlite3.Error):
        uri = f"file:{store / 'cache.db'}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=1)) as connection:
            row = connection.execute("SELECT value FROM Cache ORDER BY key DESC LIMIT 1").fetchone()
            return bool(row) and isinstance(row[0], str) and json.loads(row[0])[0] > moment
    return False


def _kill(process: psutil.Process) -> float:
    process.kill()
    return time.time()


def _collector_killed() -> float:
    with folder() as store, serving(store, "--interval", INTERVAL) as served:
        killed = _kill(served.collector()[0])
        return _until(lambda: _newest(served) > 1000 * killed)


def _web_killed() -> float:
    with folder() as store, serving(store, "--interval", INTERVAL) as served:
        old = served.web()
        start = time.monotonic()
        _kill(old[0])
        # Its workers may respond a moment longer.
        psutil.wait_procs(old, timeout=30)
        _until(lambda: served.status("/healthz") == 200)
        return time.monotonic() - start


def _folder_deleted() -> float:
    with folder() as store, serving(store, "--interval", INTERVAL):
        deleted = time.time()
        shutil.rmtree(store, ignore_errors=True)
        return _until(lambda: _rows_after(store, deleted))


def _takeover() -> float:
    argv = [sys.executable, "collector.py", "--interval", INTERVAL, "--store"]
    with folder() as store:
        options = {"cwd": ROOT, "stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen([*argv, str(store)], **options) as first:  # type: ignore[call-overload]
            _until(lambda: _rows_after(store, 0))
            with subprocess.Popen([*argv, str(store)], **options) as second:  # type: ignore[call-overload]
                time.sleep(2)  # it has started, and is on standby
                first.kill()
                killed = time.time()
                duration = _until(lambda: _rows_after(store, killed))
                second.terminate()
    return duration


def _terminated() -> float:
    with folder() as store, serving(store, "--interval", INTERVAL) as served, ThreadPoolExecutor(4) as pool:
        for number in range(4):
            pool.submit(served.status, f"/api/ticks?window=70{number}")
        start = time.monotonic()
        os.kill(served.process.pid, signal.SIGTERM)
        served.process.wait(30)
        return time.monotonic() - start


def _locked() -> float:
    slowest = 0.0
    with folder() as store, serving(store, "--interval", INTERVAL) as served:
        database = store / "cache.db"
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            end = time.monotonic() + LOCKED_S
            while time.monotonic() < end:
                for path in ("/api/ticks?window=7200", "/", "/healthz"):
                    start = time.monotonic()
                    if served.status(path) != 200:
                        raise RuntimeError(f"no response to {path} while the store was locked")
                    slowest = max(slowest, time.monotonic() - start)
            connection.execute("ROLLBACK")
    return slowest


def _crowd() -> float:
    def viewer(served: Served) -> list[float]:
        times = []
        for _ in range(REQUESTS):
            start = time.monotonic()
            if served.status("/api/ticks?window=100") != 200:
                raise RuntimeError("a viewer got no response")
            times.append(1000 * (time.monotonic() - start))
            time.sleep(max(0.0, 1 - times[-1] / 1000))
        return times

    with folder() as store, serving(store) as served, ThreadPoolExecutor(VIEWERS) as pool:
        results = pool.map(viewer, [served] * VIEWERS)
        durations = [milliseconds for result in results for milliseconds in result]
    return quantiles(durations, n=20, method="inclusive")[-1]
