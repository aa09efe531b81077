"""dashapp as a user starts it: real processes, with a port and a store of their own."""

from __future__ import annotations

import http.client
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from dashapp.model.ticks import Tick
from dashapp.sources.system.cpu import TOTAL_METRIC, core_metric
from dashapp.stores.disk.store import DiskStore

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Served:
    """A running `python -m dashapp`."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def part(self, module: str) -> list[psutil.Process]:
        """Return the processes below this one that run `module`, granian's workers included."""
        process = psutil.Process(self.process.pid)
        processes = []
        for candidate in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # it has ended, or is a zombie
                if module in candidate.cmdline():
                    processes.append(candidate)
        return processes

    def web(self) -> list[psutil.Process]:
        return self.part("dashapp.web")

    def collector(self) -> list[psutil.Process]:
        return self.part("dashapp.collector")

    def status(self, path: str) -> int:
        """Return the status of one GET; 0 if nothing responds."""
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
                connection.request("GET", path)
                return connection.getresponse().status
        except OSError:
            return 0

    def wait(self, path: str, timeout: float = TIMEOUT_S) -> None:
        """Wait until `path` responds with 200. Raise RuntimeError after so many seconds."""
        deadline = time.monotonic() + timeout
        while self.status(path) != 200:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"dashapp did not respond to {path} in {timeout:g} s")
            time.sleep(0.01)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dashapp-bench-") as name:
        yield Path(name) / "store"


@contextmanager
def launched(argv: Sequence[str], port: int, **variables: str) -> Iterator[Served]:
    """Run a process with dashapp's code; terminate it at the end of the block."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("DASHAPP_") and k != "PORT"}
    environ |= variables
    process = subprocess.Popen(
        [sys.executable, *argv],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield Served(process, port)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def serving(store: Path, *flags: str) -> Iterator[Served]:
    """Run dashapp over `store`; yield once it is ready: it responds, and has a tick."""
    port = free_port()
    with launched(command(store, port, *flags), port) as served:
        served.wait("/readyz")
        yield served


def command(store: Path, port: int, *flags: str) -> list[str]:
    return ["-m", "dashapp", "--store", str(store), "--port", str(port), *flags]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fill(store: Path, seconds: int) -> None:
    """Fill the past: one tick per second up to now, of a load that changes with each tick."""
    metrics = [TOTAL_METRIC, *(core_metric(number) for number in range(os.cpu_count() or 1))]
    now = int(time.time())
    with closing(DiskStore(store, keep=seconds + 1000)) as disk:
        disk.describe(metrics)
        for time_s in range(now - seconds + 1, now + 1):
            values = {metric.key: load(time_s + position) for position, metric in enumerate(metrics)}
            disk.append(Tick(float(time_s), 1.0, values))


def load(time_s: float) -> float:
    """Return a percentage that moves like a machine's: slow waves, a quick one, and spikes."""
    wave = 35 + 20 * math.sin(time_s / 41) + 12 * math.sin(time_s / 7.3) + 8 * math.sin(time_s * 1.7)
    return round(min(100.0, max(0.0, wave + (25 if int(time_s) % 37 == 0 else 0))), 1)
