"""Hundreds of simulated hosts, in a few processes that end with their parent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from bench.served import ROOT

# A real host has a process of its own; here so many share one that two cores have time left for Redis.
HOSTS_PER_PROCESS = 500


@dataclass
class Fleet:
    popens: list[subprocess.Popen[str]]
    # After `end`: the ticks that were appended, the CPU seconds for them, and the hosts that have unsent
    # ticks.
    ticks: int = 0
    cpu: float = 0.0
    lost: int = 0
    late: float = 0.0
    processes: list[psutil.Process] = field(default_factory=list)

    def go(self) -> None:
        for popen in self.popens:
            assert popen.stdin is not None
            popen.stdin.write("go\n")
            popen.stdin.flush()

    def end(self) -> None:
        """Stop the ticks, and wait until Redis has all of them."""
        for popen in self.popens:
            assert popen.stdin is not None
            popen.stdin.close()
        for popen in self.popens:
            assert popen.stdout is not None
            results = json.loads(popen.stdout.readline())
            self.ticks += results["ticks"]
            self.cpu += results["cpu"]
            self.lost += results["lost"]
            self.late = max(self.late, results["late"])


@contextmanager
def fleet(url: str, hosts: int, step: float = 1.0) -> Iterator[Fleet]:
    """Start `hosts`; yield once they are ready and wait for `go`."""
    popens = []
    try:
        for first in range(0, hosts, HOSTS_PER_PROCESS):
            numbers = (first, min(HOSTS_PER_PROCESS, hosts - first), step)
            argv = [sys.executable, "-m", "bench.scale.crew", url, *map(str, numbers)]
            pipe = subprocess.PIPE
            popens.append(subprocess.Popen(argv, cwd=ROOT, stdin=pipe, stdout=pipe, text=True))
        for popen in popens:
            assert popen.stdout is not None
            if popen.stdout.readline() != "ready\n":
                raise RuntimeError("the simulated hosts did not start")
        yield Fleet(popens, processes=[psutil.Process(popen.pid) for popen in popens])
    finally:
        for popen in popens:
            popen.kill()
            popen.wait(10)
