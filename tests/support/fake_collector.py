"""A machine that the tests make up: four cores, a tick at each time of the grid, every value different."""

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
    """No two near ticks have the same values, so that a point drawn for another is seen."""
    count = round(time / step)
    return Tick(time, step, {m.key: (count * (7 + place) % 1000) / 10 for place, m in enumerate(METRICS)})


def grid(step: float, since: float, until: float) -> list[float]:
    """The times of the grid that lie after `since` and not after `until`."""
    # A time in whole milliseconds may lie a hair before its place.
    return [count * step for count in range(int(since / step + 0.01) + 1, int(until / step + 0.01) + 1)]


class Feeder:
    """Fills a store: the past at once, and on from there in a thread while it is `running`."""

    def __init__(self, store: MemoryStore, step: float) -> None:
        self.store = store
        self.step = step
        self._stopping: Event | None = None
        self._thread: Thread | None = None
        store.describe(METRICS)

    @property
    def newest(self) -> float:
        """Seconds UTC; 0 where nothing was ever fed since the store's last clearing."""
        return self.store.newest().time_ms / 1000

    def backfill(self, count: int, age: float = 0.0) -> None:
        """`count` ticks, the newest of which is `age` seconds old."""
        until = time.time() - age
        for moment in grid(self.step, until - count * self.step, until)[-count:]:
            self.store.append(tick(moment, self.step))

    def catch_up(self) -> None:
        """Every tick that is due since the newest; none is left out where the machine is busy."""
        now = time.time()
        for moment in grid(self.step, self.newest or now - self.step, now):
            self.store.append(tick(moment, self.step))

    def start(self, *, gapless: bool = False) -> None:
        """On from now: a pause before this is a gap, or filled where it is to be `gapless`."""
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
