"""A process of simulated hosts; each has the collector's own store and writer.

The writers take turns on one thread: hundreds of threads would wait for Python's lock, not for Redis.

`python -m bench.scale.crew URL FIRST COUNT STEP`: hosts from FIRST on, a tick every STEP seconds on the grid.
It prints `ready`, reads `go`, and prints its results at the end of its standard input.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import time
from threading import Event, Thread

from bench.scale.made_up import catalogue, name_of, tick
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.store import RedisStore


def main(url: str, first: int, count: int, step: float) -> None:
    logging.disable(logging.WARNING)  # otherwise every host logs an outage
    stores = [RedisStore(RedisClient(url), name_of(number)) for number in range(first, first + count)]
    for store in stores:
        store.writer.stop()
        store.describe(catalogue())
        store.writer.round()
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(_run(stores, first, step)), flush=True)
    for store in stores:
        store.close()


def _run(stores: list[RedisStore], first: int, step: float) -> dict[str, float]:
    """Append ticks until standard input ends; return their count, CPU seconds and delay."""
    ended = Event()
    Thread(target=_until_end, args=(ended,), daemon=True).start()
    turn = math.ceil(time.time() / step) + 1
    ticks, late = 0, 0.0
    began = time.process_time()
    while not ended.wait(max(0.0, turn * step - time.time())):
        for place, store in enumerate(stores):
            ticks += store.append(tick(first + place, turn * step, step))
            store.writer.round()
        late = max(late, time.time() - turn * step)
        # Half a tick later each writer sends a heartbeat, as it does on a thread of its own.
        ended.wait(max(0.0, (turn + 0.5) * step - time.time()))
        for store in stores:
            store.writer.round()
        turn += 1
    spent = time.process_time() - began
    for store in stores:
        store.writer.round()
    lost = sum(not store.drain(0) for store in stores)
    return {"ticks": ticks, "cpu": spent, "late": late, "lost": lost}


def _until_end(ended: Event) -> None:
    while os.read(0, 4096):
        pass
    ended.set()


if __name__ == "__main__":
    url, first, count, step = sys.argv[1:]
    main(url, int(first), int(count), float(step))
