"""A server with many hosts; one has stopped and one has a wrong clock.

Their values are simulated, or those of a recording. Their histories are in this process; the page and the
API are real.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from threading import Event, Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from bench.served import load
from dashapp.config.settings import Settings
from dashapp.model.ticks import Metric, Tick, to_milliseconds
from dashapp.stores.hosts import Host, HostStore
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

METRICS = (
    Metric("cpu.percent", "CPU", "%", "cpu", 0, 100),
    Metric("memory.percent", "Memory", "%", "memory", 0, 100),
)
COUNT, PAST = 100, 300
STOPPED, AHEAD = 2, 4
REPLAY_OFFSET_S = 29


# Returns the values of a host, by its number and the time in seconds.
Values = Callable[[int, int], Mapping[str, float]]


def simulated(number: int, time_s: int) -> Mapping[str, float]:
    return {
        metric.key: load(time_s + 37 * number + 500 * position) for position, metric in enumerate(METRICS)
    }


def replay(recording: Sequence[Mapping[str, float]]) -> Values:
    """Return values of a recording, one for each second; each host replays another moment of it."""
    return lambda number, time_s: recording[(time_s + REPLAY_OFFSET_S * number) % len(recording)]


class Many(HostStore):
    """Hosts with the interface of dashapp.stores.hosts.HostStore."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._stores = {f"web-{number:03}": MemoryStore() for number in range(1, COUNT + 1)}
        self._arrival_times: dict[str, int] = {}
        now = int(time.time())
        self._next = now - PAST
        while self._next < now - 60:
            self._feed(include_stopped=True)
        self.catch_up()

    def catch_up(self) -> None:
        while self._next <= time.time():
            self._feed()

    def _feed(self, include_stopped: bool = False) -> None:
        time_s, self._next = self._next, self._next + 1
        for number, (name, store) in enumerate(self._stores.items()):
            if number != STOPPED or include_stopped:
                store.describe(METRICS)
                store.append(Tick(time_s + 300 * (number == AHEAD), 1.0, self._values(number, time_s)))
                self._arrival_times[name] = to_milliseconds(time_s)

    def hosts(self) -> list[Host]:
        return [self._host(name, store) for name, store in self._stores.items()]

    def _host(self, name: str, store: MemoryStore) -> Host:
        (newest,) = store.since(float("-inf"), 1)
        return Host(name, store.newest().time_ms, self._arrival_times[name], 1.0, newest.values)

    def now_ms(self) -> int:
        return to_milliseconds(time.time())

    def reader(self, name: str) -> MemoryStore | None:
        return self._stores.get(name)

    def notices(self) -> list[str]:
        return []


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@contextmanager
def many(values: Values = simulated) -> Iterator[str]:
    """Serve the hosts; yield the URL of their list."""
    hosts, stopping = Many(values), Event()

    def feed() -> None:
        while not stopping.wait(1 - time.time() % 1):
            hosts.catch_up()

    app = create_app(MemoryStore(), Settings(store="memory:"), None, hosts, "web-001")
    server = make_server("127.0.0.1", 0, app, _Threads, _Quiet)
    threads = [Thread(target=feed), Thread(target=server.serve_forever)]
    for thread in threads:
        thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join()
