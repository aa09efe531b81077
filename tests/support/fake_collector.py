"""A fake machine: four cores, a tick at each time of the grid, and different values in each."""

from __future__ import annotations

import time
from threading import Event, Thread

from dashapp.model.ticks import Metric, Tick
from dashapp.stores.memory import MemoryStore

CORES = 4
METRICS = [
    Metric("cpu.percent", "CPU", "%", "cpu", 0, 100),
    *(Metric(f"cpu.core{number}.percent", f"Core {number}", "%", "cores", 0, 100) for number in range(CORES)),
]


def tick(time: float, step: float) -> Tick:
    """Return a tick; near ticks have different values, so that a test detects a wrong point."""
    count = round(time / step)
    return Tick(time, step, {m.key: (count * (7 + place) % 1000) / 10 for place, m in enumerate(METRICS)})


def grid(step: float, since: float, until: float) -> list[float]:
    """Return the times of the grid after `since` and up to `until`."""
    # A time in whole milliseconds may be slightly before its grid time.
    return [count * step for count in range(int(since / step + 0.01) + 1, int(until / step + 0.01) + 1)]


class Feeder:
    """Fills a store: with past ticks at once, and with new ones in a thread until `stop`."""

    def __init__(self, store: MemoryStore, step: float) -> None:
        self.store = store
        self.step = step
        self._stopping: Event | None = None
        self._thread: Thread | None = None
        store.describe(METRICS)

    @property
    def newest(self) -> float:
        """Time of the newest tick in seconds UTC, 0 if the store is empty."""
        return self.store.newest().time_ms / 1000

    def backfill(self, count: int, age: float = 0.0) -> None:
        """Append `count` ticks; the newest is `age` seconds old."""
        until = time.time() - age
        for moment in grid(self.step, until - count * self.step, until)[-count:]:
            self.store.append(tick(moment, self.step))

    def catch_up(self) -> None:
        """Append every tick that is due since the newest, even if the machine is busy."""
        now = time.time()
        for moment in grid(self.step, self.newest or now - self.step, now):
            self.store.append(tick(moment, self.step))

    def start(self, *, gapless: bool = False) -> None:
        """Append ticks from now on; a pause before this call is a gap unless `gapless` is set."""
        if gapless:
            self.catch_up()
        else:
            self.backfill(1)
        stopping = self._stopping = Event()

        def run() -> None:
            while not stopping.wait(self.step - time.time() % self.step):
                self.catch_up()

        self._thread = Thread(target=run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._stopping and self._thread:
            self._stopping.set()
            self._thread.join()
            self._stopping = None
