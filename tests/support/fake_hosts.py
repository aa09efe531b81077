"""A store of many fake hosts: each has a history in memory and a clock, and can stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Event, Thread

from fake_collector import grid

from dashapp.model.ticks import Metric, Tick, to_milliseconds
from dashapp.stores.base import Reader
from dashapp.stores.hosts import Host, HostStore
from dashapp.stores.memory import MemoryStore

METRICS = [
    Metric("cpu.percent", "CPU", "%", "cpu", 0, 100),
    Metric("memory.percent", "Memory", "%", "memory", 0, 100),
    Metric("network.received", "Received", "B/s", "network", 0),
    Metric("network.sent", "Sent", "B/s", "network", 0),
    *(Metric(f"cpu.core{number}.percent", f"Core {number}", "%", "cores", 0, 100) for number in range(6)),
]


NOW = 1_795_218_000.0


class Clock:
    """A clock that stands still until a test sets `now`."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Machine:
    """A fake host; its clock is `skew` seconds ahead of the store's."""

    def __init__(self, number: int, step: float, skew: float) -> None:
        self.number, self.step, self.skew = number, step, skew
        self.store = MemoryStore()
        self.store.describe(METRICS)
        self.arrived_ms = 0
        self.running = True

    def tick(self, at: float) -> Tick:
        """Return the tick at `at` by its own clock; each host has different values."""
        count = round(at / self.step)
        values = {m.key: ((count * (7 + p) + 131 * self.number) % 1000) / 10 for p, m in enumerate(METRICS)}
        return Tick(at, self.step, values)

    def append(self, at: float, arrived: float) -> None:
        """Append a tick; `at` is by its own clock, `arrived` by the store's."""
        self.store.append(self.tick(at))
        self.arrived_ms = to_milliseconds(arrived)


class Fleet(HostStore):
    """A fake `dashapp.stores.hosts.HostStore`; `clock` is its own, in seconds UTC."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.machines: dict[str, Machine] = {}
        self.said: list[str] = []
        self._stopping = Event()
        self._thread: Thread | None = None

    def add(self, name: str, past: int = 0, step: float = 1.0, skew: float = 0.0) -> Machine:
        """Add a host with `past` ticks, the newest of which has just arrived."""
        machine = Machine(len(self.machines), step, skew)
        now = self.clock()
        if past:
            for at in grid(step, now + skew - past * step, now + skew):
                machine.append(at, now)
        self.machines = dict(sorted({**self.machines, name: machine}.items()))
        return machine

    def forget(self, name: str) -> None:
        self.machines = {other: machine for other, machine in self.machines.items() if other != name}

    def come(self, names: Iterable[str] | None = None) -> None:
        """Append every tick that is due by each host's clock, as arriving now."""
        now = self.clock()
        for name, machine in list(self.machines.items()):
            if machine.running and (names is None or name in names):
                newest = machine.store.newest().time_ms / 1000
                ahead = now + machine.skew
                for at in grid(machine.step, newest or ahead - machine.step, ahead):
                    machine.append(at, now)

    def start(self) -> None:
        def run() -> None:
            while not self._stopping.wait(1 - time.time() % 1):
                self.come()

        self._thread = Thread(target=run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join()

    def hosts(self) -> list[Host]:
        return [self._host(name, machine) for name, machine in self.machines.items()]

    def now_ms(self) -> int:
        return to_milliseconds(self.clock())

    def reader(self, name: str) -> Reader | None:
        machine = self.machines.get(name)
        return machine.store if machine else None

    def notices(self) -> list[str]:
        return self.said

    def _host(self, name: str, machine: Machine) -> Host:
        newest = machine.store.since(float("-inf"), 1)
        shown = ("cpu.percent", "memory.percent")
        values = {key: newest[-1].values[key] for key in shown} if newest else {}
        return Host(name, machine.store.newest().time_ms, machine.arrived_ms, machine.step, values)
