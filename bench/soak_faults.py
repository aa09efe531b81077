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

from bench.listener import Listener
from bench.observer import Observer
from bench.served import ROOT, Served, folder, free_port
from bench.store_contents import alert_counts, tick_counts
from bench.table import Row, markdown
from dashapp.process.supervisor import RESTART_BACKOFF_S
from dashapp.stores.disk.reader import DiskReader

INTERVAL = 0.2
# This alert fires and resolves with most of the faults.
THRESHOLD = "cpu.percent missing for 1s"
# Seconds for the last messages to arrive, once nothing fails any more.
DELIVERY_TIMEOUT_S = 120.0
# Seconds between two faults, minimum and maximum.
FAULT_INTERVAL_S = (1.0, 6.0)
# Seconds in which ticks must come again: a process that dies often restarts only after a delay.
RECOVERY_TIMEOUT_S = RESTART_BACKOFF_S[-1] + 10


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
            "collector terminated": lambda: self._signal("dashapp.collector", signal.SIGTERM),
            "collector frozen": lambda: self._freeze("dashapp.collector", 6.0),
            "web killed": lambda: self._signal("dashapp.web", signal.SIGKILL),
            "web frozen": lambda: self._freeze("dashapp.web", 4.0),
            "disk full": self._fill_disk,
            "disk full, collector killed": lambda: self._fill_disk(killed=True),
            "database locked": self._lock,
            "all terminated and restarted": lambda: self._restart(signal.SIGTERM),
            "all killed and restarted": lambda: self._restart(signal.SIGKILL),
        }
        end = time.monotonic() + seconds
        self._recover()
        while (remaining := end - time.monotonic()) > 0:
            time.sleep(min(remaining, self._random.uniform(*FAULT_INTERVAL_S)))
            name = self._random.choice(list(kinds))
            self.faults[name] += 1
            print(f"{remaining:5.0f} s left  {name}", file=sys.stderr, flush=True)
            kinds[name]()
            self._recover()
        self._wait_for_delivery()

    def close(self) -> None:
        self._stop(signal.SIGTERM)
        self.observer.close()
        self.listener.close()

    def _start(self) -> Served:
        """Start dashapp. Several attempts may be needed: a previous server may still hold the port."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("DASHAPP_") and k != "PORT"}
        environ["DASHAPP_NOTIFY"] = self.listener.address
        argv = [sys.executable, "-m", "dashapp", "--store", str(self._store), "--port", str(self._port)]
        argv += ["--interval", str(INTERVAL), "--threshold", THRESHOLD]
        end = time.monotonic() + RECOVERY_TIMEOUT_S
        while True:
            devnull = subprocess.DEVNULL
            process = subprocess.Popen(
                argv, cwd=ROOT, env=environ, stdin=devnull, stdout=devnull, stderr=devnull
            )
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
                raise RuntimeError(f"dashapp did not start again in {RECOVERY_TIMEOUT_S:g} s")

    def _stop(self, signal_number: signal.Signals) -> None:
        process = self._served.process
        if process.poll() is not None:
            return  # it did not start again, which another error reports
        family = [*psutil.Process(process.pid).children(recursive=True)]
        process.send_signal(signal_number)
        process.wait(15)
        remaining = psutil.wait_procs(family, 10)[1]
        if remaining:
            raise RuntimeError(f"{len(remaining)} processes outlived their parent")

    def _restart(self, signal_number: signal.Signals) -> None:
        self._stop(signal_number)
        self._served = self._start()

    def _part(self, module: str) -> list[psutil.Process]:
        """Return the processes that run `module`; the newest may just be starting."""
        end = time.monotonic() + RECOVERY_TIMEOUT_S
        while time.monotonic() < end:
            with suppress(psutil.Error):
                if processes := self._served.part(module):
                    return processes
            time.sleep(0.05)
        raise RuntimeError(f"{module} did not start again in {RECOVERY_TIMEOUT_S:g} s")

    def _signal(self, module: str, signal_number: signal.Signals) -> None:
        with suppress(psutil.NoSuchProcess):
            self._part(module)[0].send_signal(signal_number)

    def _freeze(self, module: str, max_seconds: float) -> None:
        processes = self._part(module)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        time.sleep(self._random.uniform(0.5, max_seconds))
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

    def _wait_for_delivery(self) -> None:
        """Wait until the listener has received everything; it accepts all messages from now on."""
        self.listener.calm = True
        end = time.monotonic() + DELIVERY_TIMEOUT_S
        with closing(DiskReader(self._store)) as reader:
            while time.monotonic() < end:
                changes, sent = reader.changes(), reader.deliveries()
                if not changes or changes[-1].number in sent.values():
                    return
                time.sleep(0.1)

    def _recover(self) -> None:
        """Wait until the reader has a tick from after the fault."""
        start = time.monotonic()
        fault_time_ms = 1000 * time.time()
        while self.observer.newest <= fault_time_ms:
            if time.monotonic() - start > RECOVERY_TIMEOUT_S:
                raise RuntimeError(f"no tick arrived for {RECOVERY_TIMEOUT_S:g} s after {self.faults}")
            time.sleep(0.02)
        self.slowest = max(self.slowest, time.monotonic() - start)


def run(seconds: float, seed: int) -> list[Row]:
    with folder() as store:
        soak = Soak(store, seed)
        try:
            soak.run(seconds)
        finally:
            soak.close()
        observer, counts, deliveries = (
            soak.observer,
            tick_counts(store),
            alert_counts(store, soak.listener.lines),
        )
    undelivered = max(0, deliveries.count(0) - soak.listener.counted)
    lost_ticks = [time for time in observer.shown if not counts[time]]
    duplicates = [time for time, count in counts.items() if count > 1]
    faults = soak.faults.most_common()
    due_ticks = round((max(counts) - min(counts)) / (1000 * INTERVAL)) + 1
    return [
        Row("faults", soak.faults.total(), "", None, ", ".join(f"{name} {count}" for name, count in faults)),
        Row("ticks shown to a reader", len(observer.shown), "", None, f"in {observer.responses:,} responses"),
        Row("of these lost", len(lost_ticks), "", 0),
        Row(
            "ticks not made, while the collector was dead or frozen",
            due_ticks - len(counts),
            "",
            None,
            f"of {due_ticks:,} due",
        ),
        Row("stored twice", len(duplicates), "", 0, f"of {len(counts):,}"),
        Row("shown twice, or out of order", len(observer.duplicates), "", 0, f"{observer.resets} resets"),
        Row(
            "not at a multiple of the interval",
            sum(time % round(1000 * INTERVAL) != 0 for time in counts),
            "",
            0,
        ),
        Row("alerts not delivered", undelivered, "", 0, f"of {len(deliveries)}"),
        Row(
            "alerts delivered twice",
            sum(count > 1 for count in deliveries),
            "",
            None,
            f"{soak.listener.messages} messages",
        ),
        Row("slowest recovery, until the next tick is shown", soak.slowest, "s", RECOVERY_TIMEOUT_S),
        Row("requests without a response", observer.failures, "", None, "while the server was away"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak_faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rows = run(args.seconds, args.seed)
    print(f"{args.seconds / 60:g} minutes, seed {args.seed}:\n\n{markdown(rows)}")
    return 1 if any(row.ok is False for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
