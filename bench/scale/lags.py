"""How late ticks come: by Redis' own clock those of every host, and as a reader of many hosts has them."""

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

# Seconds between two looks at what a reader has.
LOOK = 0.005


class Watcher:
    """Looks at `watched` hosts through a RedisHosts, as a web process does, in a thread of its own."""

    def __init__(self, url: str, watched: Sequence[str]) -> None:
        self.seconds: list[float] = []
        self.hosts = RedisHosts(RedisClient(url), watched[0])
        self._watched = watched
        self._readers: list[RedisReader] = []
        self._ending = Event()
        self._thread = Thread(target=self._run)

    def start(self) -> None:
        """Once all that is watched has been read for the first time."""
        self._readers = [reader for name in self._watched if (reader := self.hosts.reader(name)) is not None]
        with ThreadPoolExecutor(len(self._readers)) as pool:
            # At once: who asks for one host after the other waits for a poll each time.
            list(pool.map(lambda reader: reader.newest(), self._readers))
        # One that is not there yet holds up whoever asks for it, and here one thread asks for all.
        while not all(reader.loaded for reader in self._readers):
            time.sleep(LOOK)
        self._thread.start()

    def end(self) -> None:
        self._ending.set()
        self._thread.join()
        self.hosts.close()

    def _run(self) -> None:
        # What is there when it begins to look came before.
        seen = [reader.newest().time_ms for reader in self._readers]
        while not self._ending.wait(LOOK):
            for place, reader in enumerate(self._readers):
                newest = reader.newest().time_ms
                if newest > seen[place]:
                    self.seconds.append(time.time() - newest / 1000)
                    seen[place] = newest


def in_redis(client: Any, hosts: int, since: float) -> list[float]:
    """Seconds from each tick's time to its arrival, of all that arrived since then."""
    found = []
    for number in range(hosts):
        for entry, fields in client.xrange(Keys(name_of(number)).ticks, min=int(1000 * since)):
            found.append((int(entry.partition(b"-")[0]) - int(fields[b"t"])) / 1000)
    return found


def share(seconds: Sequence[float], part: float) -> float:
    """The value that `part` of all are not above."""
    return sorted(seconds)[min(len(seconds) - 1, int(part * len(seconds)))]
