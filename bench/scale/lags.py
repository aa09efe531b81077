"""Delay of ticks: of every host by Redis' own clock, and at a reader of many hosts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

from bench.scale.made_up import name_of
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.hosts import RedisHosts
from dashapp.stores.redis.keys import Keys
from dashapp.stores.redis.reader import RedisReader

# Seconds between two checks of a reader.
CHECK_INTERVAL_S = 0.005


class Watcher:
    """Reads the hosts `names` through a RedisHosts, as a web process does, in its own thread."""

    def __init__(self, url: str, names: Sequence[str]) -> None:
        self.seconds: list[float] = []
        self.hosts = RedisHosts(RedisClient(url), names[0])
        self._names = names
        self._readers: list[RedisReader] = []
        self._stop = Event()
        self._thread = Thread(target=self._run)

    def start(self) -> None:
        """Start once every watched host has been read for the first time."""
        self._readers = [reader for name in self._names if (reader := self.hosts.reader(name)) is not None]
        with ThreadPoolExecutor(len(self._readers)) as pool:
            # All at once: one host after the other would wait for a poll each time.
            list(pool.map(lambda reader: reader.newest(), self._readers))
        # A reader that is not loaded blocks its caller, and here one thread calls all of them.
        while not all(reader.loaded for reader in self._readers):
            time.sleep(CHECK_INTERVAL_S)
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()
        self.hosts.close()

    def _run(self) -> None:
        # Ticks from before the start do not count.
        newest_times = [reader.newest().time_ms for reader in self._readers]
        while not self._stop.wait(CHECK_INTERVAL_S):
            for position, reader in enumerate(self._readers):
                newest = reader.newest().time_ms
                if newest > newest_times[position]:
                    self.seconds.append(time.time() - newest / 1000)
                    newest_times[position] = newest


def in_redis(client: Any, hosts: int, since: float) -> list[float]:
    """Return the seconds from each tick's time to its arrival, for arrivals since `since`."""
    delays = []
    for number in range(hosts):
        for entry, fields in client.xrange(Keys(name_of(number)).ticks, min=int(1000 * since)):
            delays.append((int(entry.partition(b"-")[0]) - int(fields[b"t"])) / 1000)
    return delays


def share(seconds: Sequence[float], part: float) -> float:
    """Return the quantile of `part`: the value that this share of all does not exceed."""
    return sorted(seconds)[min(len(seconds) - 1, int(part * len(seconds)))]
