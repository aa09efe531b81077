"""dashapp over a store, and the faults of its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil

from bench.served import ROOT, Served
from dashapp.process.supervisor import RESTART_BACKOFF_S

# Seconds in which ticks must come again: a process that dies often restarts only after a delay.
RECOVERY_TIMEOUT_S = RESTART_BACKOFF_S[-1] + 10
# Seconds for a start, which takes less than one on an idle machine.
START_TIMEOUT_S = 180.0
PARTS = ("dashapp.collector", "dashapp.web")


class Processes:
    """The supervisor and its children, on `port`."""

    def __init__(
        self, argv: Sequence[str], environ: Mapping[str, str], port: int, random: Random, log: Path
    ) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("DASHAPP_") and k != "PORT"}
        self._argv = [sys.executable, "-m", "dashapp", "--port", str(port), *argv]
        self._environ = {**inherited, **environ}
        self._port = port
        self._random = random
        self._log = log
        self._served: Served | None = None
        self.start()

    def kinds(self) -> dict[str, Callable[[], None]]:
        return {
            "collector killed": lambda: self.kill("dashapp.collector"),
            "collector terminated": lambda: self._signal("dashapp.collector", signal.SIGTERM),
            "collector frozen": lambda: self._freeze("dashapp.collector", 6.0),
            "web killed": lambda: self.kill("dashapp.web"),
            "web frozen": lambda: self._freeze("dashapp.web", 4.0),
            "all terminated and restarted": lambda: self._restart(signal.SIGTERM),
            "all killed and restarted": lambda: self._restart(signal.SIGKILL),
        }

    def start(self) -> None:
        """Start dashapp. Several attempts may be needed: a previous server may still hold the port."""
        end = time.monotonic() + START_TIMEOUT_S
        while True:
            devnull = subprocess.DEVNULL
            with self._log.open("ab") as log:
                process = subprocess.Popen(
                    self._argv, cwd=ROOT, env=self._environ, stdin=devnull, stdout=log, stderr=log
                )
            served = Served(process, self._port)
            with suppress(RuntimeError, psutil.Error):
                # A worker of a killed server still responds for a moment, and does not belong to this server.
                while process.poll() is None and not served.web():
                    time.sleep(0.02)
                served.wait("/healthz", START_TIMEOUT_S)
                if process.poll() is None:
                    self._served = served
                    return
            process.kill()
            process.wait()
            if time.monotonic() > end:
                raise RuntimeError(
                    f"dashapp did not start again in {START_TIMEOUT_S:g} s:\n{self.last_lines()}"
                )

    def last_lines(self) -> str:
        """Return the end of the log, which is in a folder that the soak removes."""
        return self._log.read_text(errors="replace")[-4000:]

    def stop(self, signal_number: signal.Signals = signal.SIGTERM) -> None:
        if self._served is None or self._served.process.poll() is not None:
            return  # it did not start again, which another error reports
        process, self._served = self._served.process, None
        family = [*psutil.Process(process.pid).children(recursive=True)]
        process.send_signal(signal_number)
        process.wait(60)
        remaining = psutil.wait_procs(family, 60)[1]
        if remaining:
            raise RuntimeError(f"{len(remaining)} processes outlived their parent")

    def part(self, module: str) -> list[psutil.Process]:
        """Return the processes that run `module`; the newest may just be starting."""
        end = time.monotonic() + RECOVERY_TIMEOUT_S
        while time.monotonic() < end:
            if processes := self.running(module):
                return processes
            time.sleep(0.05)
        raise RuntimeError(f"{module} did not start again in {RECOVERY_TIMEOUT_S:g} s")

    def running(self, module: str) -> list[psutil.Process]:
        """Return the processes that run `module` now."""
        served = self._served
        with suppress(psutil.Error):
            return [] if served is None else served.part(module)
        return []

    def kill(self, module: str) -> None:
        self._signal(module, signal.SIGKILL)

    def _signal(self, module: str, signal_number: signal.Signals) -> None:
        with suppress(psutil.NoSuchProcess):
            self.part(module)[0].send_signal(signal_number)

    def _freeze(self, module: str, max_seconds: float) -> None:
        processes = self.part(module)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        time.sleep(self._random.uniform(0.5, max_seconds))
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _restart(self, signal_number: signal.Signals) -> None:
        self.stop(signal_number)
        self.start()
