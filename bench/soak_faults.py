"""An hour of faults, and their cost: `python -m bench.soak_faults [--seconds S] [--seed N]`.

It kills, freezes and restarts real processes, fills their disk and locks their database, at random from a
seed. A reader follows meanwhile. At the end, the store must have every tick that the reader ever received,
once.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import psutil

from bench.kept import kept, told
from bench.listener import Listener
from bench.observer import Observer
from bench.served import ROOT, Served, folder, free_port
from bench.table import Row, markdown
from dashapp.process.supervisor import RESTART_BACKOFF_S
from dashapp.stores.disk.reader import DiskReader

INTERVAL = 0.2
# This alert fires and resolves with most of the faults.
THRESHOLD = "cpu.percent missing for 1s"
# Seconds for the last messages to arrive, once nothing fails any more.
LAST_WORDS = 120.0
# Seconds between two faults, minimum and maximum.
PAUSE = (1.0, 6.0)
# Seconds in which ticks must come again: a process that dies often restarts only after a delay.
RECOVERY = RESTART_BACKOFF_S[-1] + 10


class Soak:
    """dashapp over a store directory, and the faults that it goes through."""

    def __init__(self, store: Path, seed: int) -> None:
        self._store = store
        self._random = random.Random(seed)
        self._port = free_port()
        self.listener = Listener(seed)
        self._served = self._start()
        self.observer = Observer(self._port)
        self.faults: Counter[str] = Counter()
        self.slowest = 0.0

    def run(self, seconds: float) -> None:
        kinds: dict[str, Callable[[], None]] = {
            "collector killed": lambda: self._signal("dashapp.collector", signal.SIGKILL),
            "collector told to end": lambda: self._signal("dashapp.collector", signal.SIGTERM),
            "collector frozen": lambda: self._freeze("dashapp.collector", 6.0),
            "web killed": lambda: self._signal("dashapp.web", signal.SIGKILL),
            "web frozen": lambda: self._freeze("dashapp.web", 4.0),
            "disk full": self._fill_disk,
            "disk full, collector killed": lambda: self._fill_disk(killed=True),
            "database locked": self._lock,
            "all told to end and started": lambda: self._restart(signal.SIGTERM),
            "all killed and started": lambda: self._restart(signal.SIGKILL),
        }
        end = time.monotonic() + seconds
        self._recover()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, self._random.uniform(*PAUSE)))
            name = self._random.choice(list(kinds))
            self.faults[name] += 1
            print(f"{left:5.0f} s left  {name}", file=sys.stderr, flush=True)
            kinds[name]()
            self._recover()
        self._hear()

    def close(self) -> None:
        self._end(signal.SIGTERM)
        self.observer.close()
        self.listener.close()

    def _start(self) -> Served:
        """Start dashapp. Several attempts may be needed: a previous server may still hold the port."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("DASHAPP_") and k != "PORT"}
        environ["DASHAPP_NOTIFY"] = self.listener.address
        argv = [sys.executable, "-m", "dashapp", "--store", str(self._store), "--port", str(self._port)]
        argv += ["--interval", str(INTERVAL), "--threshold", THRESHOLD]
        end = time.monotonic() + RECOVERY
        while True:
            quiet = subprocess.DEVNULL
            process = subprocess.Popen(argv, cwd=ROOT, env=environ, stdin=quiet, stdout=quiet, stderr=quiet)
            served = Served(process, self._port)
            with suppress(RuntimeError, psutil.Error):
                # A worker of a killed server still responds for a moment, and does not belong to this server.
                while process.poll() is None and not served.web():
                    time.sleep(0.02)
                served.wait("/healthz")
                if process.poll() is None:
                    return served
            process.kill()
            process.wait()
            if time.monotonic() > end:
                raise RuntimeError(f"dashapp did not start again in {RECOVERY:g} s")

    def _end(self, number: signal.Signals) -> None:
        process = self._served.process
        if process.poll() is not None:
            return  # it did not start again, which another error reports
        family = [*psutil.Process(process.pid).children(recursive=True)]
        process.send_signal(number)
        process.wait(15)
        left = psutil.wait_procs(family, 10)[1]
        if left:
            raise RuntimeError(f"{len(left)} processes outlived the one that started them")

    def _restart(self, number: signal.Signals) -> None:
        self._end(number)
        self._served = self._start()

    def _part(self, module: str) -> list[psutil.Process]:
        """Return the processes that run `module`; the newest may just be starting."""
        end = time.monotonic() + RECOVERY
        while time.monotonic() < end:
            with suppress(psutil.Error):
                if found := self._served.part(module):
                    return found
            time.sleep(0.05)
        raise RuntimeError(f"{module} did not start again in {RECOVERY:g} s")

    def _signal(self, module: str, number: signal.Signals) -> None:
        with suppress(psutil.NoSuchProcess):
            self._part(module)[0].send_signal(number)

    def _freeze(self, module: str, longest: float) -> None:
        processes = self._part(module)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        time.sleep(self._random.uniform(0.5, longest))
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _fill_disk(self, killed: bool = False) -> None:
        """Limit the collector's files, so that its kernel fails a write as a full disk would."""
        process = self._part("dashapp.collector")[0]
        unlimited = resource.RLIM_INFINITY
        try:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, unlimited))
            time.sleep(self._random.uniform(2.0, 12.0))
            if killed:
                process.kill()
            else:
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        except (ProcessLookupError, psutil.NoSuchProcess):
            return  # it had died just before

    def _lock(self) -> None:
        """Hold a write transaction, as another program could."""
        connection = sqlite3.connect(self._store / "cache.db", isolation_level=None, timeout=5)
        with closing(connection), suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(self._random.uniform(0.5, 5.0))
            connection.execute("ROLLBACK")

    def _hear(self) -> None:
        """Wait until the listener has received everything; it accepts all messages from now on."""
        self.listener.calm = True
        end = time.monotonic() + LAST_WORDS
        with closing(DiskReader(self._store)) as reader:
            while time.monotonic() < end:
                changes, sent = reader.changes(), reader.deliveries()
                if not changes or changes[-1].number in sent.values():
                    return
                time.sleep(0.1)

    def _recover(self) -> None:
        """Wait until the reader has a tick from after the fault."""
        start = time.monotonic()
        over = 1000 * time.time()
        while self.observer.newest <= over:
            if time.monotonic() - start > RECOVERY:
                raise RuntimeError(f"no tick came for {RECOVERY:g} s after {self.faults}")
            time.sleep(0.02)
        self.slowest = max(self.slowest, time.monotonic() - start)


def run(seconds: float, seed: int) -> list[Row]:
    with folder() as store:
        soak = Soak(store, seed)
        try:
            soak.run(seconds)
        finally:
            soak.close()
        observer, found, heard = soak.observer, kept(store), told(store, soak.listener.heard)
    unheard = max(0, heard.count(0) - soak.listener.counted)
    lost = [time for time in observer.shown if not found[time]]
    doubled = [time for time, count in found.items() if count > 1]
    every = soak.faults.most_common()
    due = round((max(found) - min(found)) / (1000 * INTERVAL)) + 1
    return [
        Row("faults", soak.faults.total(), "", None, ", ".join(f"{name} {count}" for name, count in every)),
        Row("ticks shown to a reader", len(observer.shown), "", None, f"in {observer.answers:,} answers"),
        Row("of these lost", len(lost), "", 0),
        Row(
            "ticks not made, while the collector was dead or frozen",
            due - len(found),
            "",
            None,
            f"of {due:,} due",
        ),
        Row("stored twice", len(doubled), "", 0, f"of {len(found):,}"),
        Row("shown twice, or out of order", len(observer.twice), "", 0, f"{observer.resets} resets"),
        Row(
            "not at a multiple of the interval",
            sum(time % round(1000 * INTERVAL) != 0 for time in found),
            "",
            0,
        ),
        Row("alerts not delivered", unheard, "", 0, f"of {len(heard)}"),
        Row(
            "alerts delivered twice",
            sum(count > 1 for count in heard),
            "",
            None,
            f"{soak.listener.messages} messages",
        ),
        Row("slowest recovery, until the next tick is shown", soak.slowest, "s", RECOVERY),
        Row("requests without a response", observer.failures, "", None, "while the server was away"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak_faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rows = run(given.seconds, given.seed)
    print(f"{given.seconds / 60:g} minutes, seed {given.seed}:\n\n{markdown(rows)}")
    return 1 if any(row.ok is False for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
