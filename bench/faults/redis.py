"""A store in a Redis of its own, with an append-only file, and the faults of that Redis."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import redis

from bench.faults.processes import Processes
from bench.faults.store_contents import tick_counts
from bench.served import free_port
from dashapp.stores.history.archive_reader import decode_block
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.keys import LEVELS, Keys
from dashapp.stores.redis.reader import RedisReader

NAME = "soak"
START_TIMEOUT_S = 30.0


def is_installed() -> bool:
    return shutil.which("redis-server") is not None


class RedisFaults:
    """The store of one host. `unreadable` has the times of the ticks in overwritten blocks."""

    def __init__(self, folder: Path, random: Random) -> None:
        self.unreadable: set[int] = set()
        self._folder = folder
        self._random = random
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._keys = Keys(NAME)
        folder.mkdir(parents=True)
        self._server = self._start()

    def kinds(self, processes: Processes) -> dict[str, Callable[[], None]]:
        return {
            "Redis killed": self._restart,
            "Redis frozen": self._freeze,
            "Redis full": self._fill,
            "connections killed": self._disconnect,
            "block damaged": self._damage_block,
            "row damaged": self._damage_row,
        }

    def reader(self) -> RedisReader:
        reader = RedisReader(RedisClient(self.url), NAME)
        for _time in range(3):
            reader.poll()
        return reader

    def tick_counts(self) -> Counter[int]:
        with closing(self._client()) as client:
            entries = client.xrange(self._keys.ticks)
        rows = [fields.get(b"d", b"").decode(errors="replace") for _id, fields in entries]
        return tick_counts(rows, self.reader())

    def close(self) -> None:
        self._server.send_signal(signal.SIGCONT)
        self._server.kill()
        self._server.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        """Start Redis. Its file has each write before the response."""
        argv = ["redis-server", "--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        argv += ["--save", "", "--appendonly", "yes"]
        devnull = subprocess.DEVNULL
        server = subprocess.Popen(argv, stdin=devnull, stdout=devnull, stderr=devnull)
        end = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < end:
            with suppress(redis.RedisError), closing(self._client()) as client:
                client.ping()
                return server
            time.sleep(0.05)
        server.kill()
        raise RuntimeError(f"Redis did not start in {START_TIMEOUT_S:g} s")

    def _client(self) -> Any:
        return redis.Redis(host="127.0.0.1", port=self._port, socket_timeout=10)

    def _restart(self) -> None:
        self._server.kill()
        self._server.wait()
        time.sleep(self._random.uniform(0.0, 5.0))
        self._server = self._start()

    def _freeze(self) -> None:
        self._server.send_signal(signal.SIGSTOP)
        time.sleep(self._random.uniform(0.5, 6.0))
        self._server.send_signal(signal.SIGCONT)

    def _fill(self) -> None:
        with closing(self._client()) as client:
            client.config_set("maxmemory", client.info("memory")["used_memory"])
            time.sleep(self._random.uniform(2.0, 12.0))
            client.config_set("maxmemory", 0)

    def _disconnect(self) -> None:
        with closing(self._client()) as client:
            client.client_kill_filter(_type="normal", skipme=True)

    def _damage_block(self) -> None:
        """Overwrite a block, as another program could."""
        level = self._random.choice(LEVELS)
        key = self._keys.of(f"{level}.blocks")
        with closing(self._client()) as client:
            ends = sorted(client.hkeys(key))
            if not ends:
                return
            end = self._random.choice(ends)
            block = client.hget(key, end)
            with suppress(ValueError):
                if level == "seconds":
                    self.unreadable |= {int(time_ms) for time_ms in decode_block(block).t}
            client.hset(key, end, block[: len(block) // 2] + self._random.randbytes(len(block) // 2))

    def _damage_row(self) -> None:
        """Add half a row with a wrong time to a level, as another program could."""
        with closing(self._client()) as client:
            key = self._keys.of(f"{self._random.choice(LEVELS[1:])}.rows")
            client.zadd(key, {"[17000": round(1000 * time.time()) + 10**9})
