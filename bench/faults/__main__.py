"""An hour of faults, and their cost: `make soak`.

It kills, freezes and restarts real processes, steps their clock, fills their disk and damages their files, at
random from a seed. The first half has the store in a folder, the second in Redis. A reader follows meanwhile.
At the end, the store must have every tick that the reader ever received, once, and each of two addresses
every alert, once.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

from bench.faults.disk import FolderFaults, enter_namespace, small_disk
from bench.faults.exporter import WideExporter
from bench.faults.listener import Listener
from bench.faults.memory import MemorySampler
from bench.faults.observer import Observer
from bench.faults.processes import PARTS, RECOVERY_TIMEOUT_S, START_TIMEOUT_S, Processes
from bench.faults.redis import NAME, RedisFaults, is_installed
from bench.faults.stepped_clock import FOLLOWS_LONG_STEPS, SteppedClock
from bench.faults.store_contents import alert_counts, unexplained_lines
from bench.served import free_port
from bench.table import Row, markdown
from dashapp.alerts.delivery import BACKOFF_MAX_S, target_id
from dashapp.model.ticks import MAX_LEAD_S

INTERVAL_S = 0.5
# This alert fires and resolves with most of the faults.
THRESHOLD = "cpu.percent missing for 2s"
# Seconds for the last messages to arrive, once nothing fails any more.
DELIVERY_TIMEOUT_S = BACKOFF_MAX_S + 30
# Seconds between two faults, minimum and maximum.
FAULT_INTERVAL_S = (1.0, 6.0)
# Seconds of a run after which caches are full, and MB of growth from the second to the last third.
MIN_MEMORY_S, MAX_GROWTH_MB = 1200.0, 20.0
STORES = ("folder", "redis")
Store = FolderFaults | RedisFaults


class Soak:
    """dashapp over a store, and the faults that it goes through."""

    def __init__(self, store: Store, folder: Path, seed: int, stack: ExitStack) -> None:
        self._random = random.Random(seed)
        self.store = store
        self.clock = SteppedClock(folder / "clock", self._random)
        self.listeners = [stack.enter_context(closing(Listener(seed + number))) for number in range(2)]
        exporter = stack.enter_context(closing(WideExporter()))
        port = free_port()
        argv = ["--store", store.url, "--name", NAME, "--interval", str(INTERVAL_S)]
        argv += ["--threshold", THRESHOLD]
        argv += [part for source in exporter.sources() for part in ("--source", source)]
        notify = ";".join(listener.address for listener in self.listeners)
        environ = {"DASHAPP_NOTIFY": notify, **self.clock.environ()}
        self.processes = Processes(argv, environ, port, self._random, folder / "log")
        stack.callback(self.processes.stop)
        self.memory = stack.enter_context(
            closing(MemorySampler({part: partial(self.processes.running, part) for part in PARTS}))
        )
        self.observer = stack.enter_context(closing(Observer(port)))
        self.faults: Counter[str] = Counter()
        # The real time of each fault.
        self.history: list[tuple[float, str]] = []
        self.slowest = 0.0
        # The number of the last alert that the listeners must have received.
        self.last_alert = 0

    def run(self, seconds: float) -> None:
        kinds: dict[str, Callable[[], None]] = {
            **self.processes.kinds(),
            **self.store.kinds(self.processes),
            "clock set forward": lambda: self.clock.step(1),
            "clock set back": lambda: self.clock.step(-1),
        }
        names: list[str] = []
        end = time.monotonic() + seconds
        self._recover()
        while (remaining := end - time.monotonic()) > 0:
            time.sleep(min(remaining, self._random.uniform(*FAULT_INTERVAL_S)))
            # Each kind once, in another order each time.
            names = names or self._random.sample([*kinds], len(kinds))
            name = names.pop()
            self.faults[name] += 1
            self.history.append((time.time(), name))
            print(f"{remaining:5.0f} s left  {name}", file=sys.stderr, flush=True)
            kinds[name]()
            self._recover()
        self._wait_for_delivery()

    def _wait_for_delivery(self) -> None:
        """Wait until the listeners have received everything; they accept all messages from now on."""
        for listener in self.listeners:
            listener.calm = True
        targets = {target_id(listener.address) for listener in self.listeners}
        end = time.monotonic() + DELIVERY_TIMEOUT_S
        while time.monotonic() < end:
            with closing(self.store.reader()) as reader:
                changes, sent = reader.changes(), reader.deliveries()
            # Later ones may wait for the next start.
            self.last_alert = changes[-1].number if changes else 0
            if not changes or all(sent.get(target) == changes[-1].number for target in targets):
                return
            time.sleep(0.5)

    def _recover(self) -> None:
        """Wait until the reader has a tick from after the fault."""
        start = time.monotonic()
        # After a short step of the clock back, the log is ahead. After a long one, the reader has newer times
        # until its next response.
        newest, now_ms = self.observer.newest, 1000 * time.time()
        last_ms = max(now_ms, newest) if newest < now_ms + 1000 * MAX_LEAD_S else now_ms
        while not last_ms < self.observer.newest < 1000 * (time.time() + MAX_LEAD_S):
            if time.monotonic() - start > START_TIMEOUT_S:
                raise RuntimeError(
                    f"no tick after {last_ms:.0f} arrived for {START_TIMEOUT_S:g} s after {self.faults}; the "
                    f"newest is {self.observer.newest}, the last response {self.observer.last_response}; the "
                    f"log ends:\n{self.processes.last_lines()}"
                )
            time.sleep(0.02)
        self.slowest = max(self.slowest, time.monotonic() - start)


@contextmanager
def opened(kind: str, folder: Path, seed: int) -> Iterator[tuple[Store, str]]:
    """Make a store. Return it, and what is special about it."""
    chance = random.Random(seed + 1)
    if kind == "redis":
        with closing(RedisFaults(folder / "redis", chance)) as store:
            yield store, "Redis with an append-only file"
        return
    with small_disk(folder / "disk") as is_small:
        place = "a folder on a disk of 64 MB" if is_small else "a folder; no small disk is possible here"
        yield FolderFaults(folder / "disk" / "store", is_small, chance), place


def run(kind: str, seconds: float, seed: int) -> tuple[list[Row], str]:
    """Return the results, and what the store was."""
    with tempfile.TemporaryDirectory(prefix="dashapp-soak-") as name, ExitStack() as stack:
        folder = Path(name)
        store, place = stack.enter_context(opened(kind, folder, seed))
        with ExitStack() as running:
            soak = Soak(store, folder, seed, running)
            soak.run(seconds)
        with closing(store.reader()) as reader:
            deliveries = [
                alert_counts(reader, listener.lines, soak.clock.is_moved, soak.last_alert)
                for listener in soak.listeners
            ]
            for listener in soak.listeners:
                for line in unexplained_lines(reader, listener.lines):
                    print(f"{listener.address}  {line}", file=sys.stderr)
            for start, end, size in soak.clock.shifted:
                print(f"the clock was wrong by {size:+.0f} s from {start:.1f} to {end:.1f}", file=sys.stderr)
        counts = store.tick_counts()
        for time_ms in sorted(_missing(soak, counts)[2]):
            print(f"the tick {time_ms / 1000:.1f} is lost: {_faults_near(soak, time_ms)}", file=sys.stderr)
        return _rows(soak, counts, deliveries, seconds), place


def _missing(soak: Soak, counts: Counter[int]) -> tuple[set[int], set[int], set[int]]:
    """Return the shown ticks that the store lacks: unreadable ones, expired ones, and lost ones."""
    wrong = {time for time in soak.observer.shown if soak.clock.is_wrong(time)}
    missing = {time for time in soak.observer.shown - wrong if not counts[time]}
    unreadable = missing & soak.store.unreadable
    expired = {time for time in missing - unreadable if time < min(counts)}
    return unreadable, expired, missing - unreadable - expired


def _faults_near(soak: Soak, time_ms: int) -> str:
    """Return the faults around a tick, with their seconds after it."""
    faults = ((at - time_ms / 1000, name) for at, name in soak.history)
    return ", ".join(f"{name} ({age:+.1f} s)" for age, name in faults if -40 < age < 60)


def _rows(soak: Soak, counts: Counter[int], deliveries: list[list[int]], seconds: float) -> list[Row]:
    observer, interval_ms = soak.observer, round(1000 * INTERVAL_S)
    wrong = {time for time in observer.shown if soak.clock.is_wrong(time)}
    oldest = min(counts)
    unreadable, expired, lost = _missing(soak, counts)
    undelivered = sum(
        max(0, counts.count(0) - listener.counted)
        for counts, listener in zip(deliveries, soak.listeners, strict=True)
    )
    faults = ", ".join(f"{name} {count}" for name, count in soak.faults.most_common())
    due = round((max(counts) - oldest) / interval_ms) + 1
    alerts = " and ".join(str(len(each)) for each in deliveries)
    messages = " and ".join(str(listener.messages) for listener in soak.listeners)
    long_steps = "long and short steps" if FOLLOWS_LONG_STEPS else "short steps only"
    rows = [
        Row("faults", soak.faults.total(), "", None, faults),
        Row("ticks shown to a reader", len(observer.shown), "", None, f"in {observer.responses:,} responses"),
        Row("of these lost", len(lost), "", 0),
        Row("of these in damaged pages or blocks", len(unreadable), "", None),
        Row("of these deleted, because the disk is small", len(expired), "", None),
        Row("of these shown while the clock was wrong", len(wrong), "", None, long_steps),
        Row(
            "ticks not made, while the collector was dead or frozen",
            due - len(counts),
            "",
            None,
            f"of {due:,} due",
        ),
        Row("stored twice", sum(count > 1 for count in counts.values()), "", 0, f"of {len(counts):,}"),
        Row("shown twice, or out of order", len(observer.duplicates), "", 0, f"{observer.resets} resets"),
        Row("not at a multiple of the interval", sum(time % interval_ms != 0 for time in counts), "", 0),
        Row("alerts not delivered", undelivered, "", 0, f"of {alerts} to two addresses"),
        Row(
            "alerts delivered twice",
            sum(n > 1 for each in deliveries for n in each),
            "",
            0,
            f"{messages} messages",
        ),
        Row("slowest recovery, until the next tick is shown", soak.slowest, "s", RECOVERY_TIMEOUT_S),
        Row("requests without a response", observer.failures, "", None, "while the server was away"),
    ]
    for part in PARTS:
        first, second, last = soak.memory.peaks_mb(part)
        peak_at, peak = soak.memory.peak(part)
        print(
            f"{part} had {peak / 1e6:.0f} MB at {peak_at:.0f}: {_faults_near(soak, round(1000 * peak_at))}",
            file=sys.stderr,
        )
        name = part.removeprefix("dashapp.")
        target = MAX_GROWTH_MB if seconds >= MIN_MEMORY_S else None
        note = f"peaks of each third: {first:.0f}, {second:.0f}, {last:.0f} MB"
        rows.append(Row(f"growth of the {name}'s memory", last - second, "MB", target, note))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="for all stores together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=STORES, action="append")
    args = parser.parse_args()
    enter_namespace()
    stores = [kind for kind in args.store or STORES if kind == "folder" or is_installed()]
    all_ok = True
    for kind in stores:
        seconds = args.seconds / len(stores)
        rows, place = run(kind, seconds, args.seed)
        print(f"{seconds / 60:g} minutes, seed {args.seed}, {place}:\n\n{markdown(rows)}\n", flush=True)
        all_ok = all_ok and not any(row.ok is False for row in rows)
    if "redis" not in stores and not args.store:
        print("redis-server is not installed: Redis was not tested")
    print("All targets are met." if all_ok else "A target is missed: see NO.")
    return 0 if all_ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
