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
    end = Event()
    Thread(target=_wait_for_end, args=(end,), daemon=True).start()
    tick_number = math.ceil(time.time() / step) + 1
    ticks, max_delay = 0, 0.0
    cpu_start = time.process_time()
    while not end.wait(max(0.0, tick_number * step - time.time())):
        for position, store in enumerate(stores):
            ticks += store.append(tick(first + position, tick_number * step, step))
            store.writer.round()
        max_delay = max(max_delay, time.time() - tick_number * step)
        # Half a tick later each writer sends a heartbeat, as it does on a thread of its own.
        end.wait(max(0.0, (tick_number + 0.5) * step - time.time()))
        for store in stores:
            store.writer.round()
        tick_number += 1
    cpu_seconds = time.process_time() - cpu_start
    for store in stores:
        store.writer.round()
    hosts_with_losses = sum(not store.drain(0) for store in stores)
    return {"ticks": ticks, "cpu": cpu_seconds, "late": max_delay, "lost": hosts_with_losses}


def _wait_for_end(end: Event) -> None:
    while os.read(0, 4096):
        pass
    end.set()


if __name__ == "__main__":
    url, first, count, step = sys.argv[1:]
    main(url, int(first), int(count), float(step))
