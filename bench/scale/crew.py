"""A process of made-up hosts: each has the collector's own store, writer and thread; only what it measures is made up.

`python -m bench.scale.crew URL FIRST COUNT STEP PAST AHEAD`: hosts FIRST and up, a tick every STEP seconds on the
grid, PAST ticks before the first, their clocks AHEAD seconds ahead. Told by lines: it says `ready`, hears `go`,
and at the end of its standard input says what it did.
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
from dashapp.stores.redis_link import Link
from dashapp.stores.redis_store import RedisStore

# Seconds to let go of what waits, at the end.
DRAIN = 60.0


def main(url: str, first: int, count: int, step: float, past: int, ahead: float) -> None:
    logging.disable(logging.WARNING)  # an outage is told a hundred times otherwise
    stores = [RedisStore(Link(url), name_of(number)) for number in range(first, first + count)]
    for store in stores:
        store.describe(catalogue())
    now = math.floor((time.time() + ahead) / step) * step
    for place, store in enumerate(stores):
        for back in range(past, 0, -1):
            store.append(tick(first + place, now - back * step, step))
        # One after the other, so that the past of all is not held twice.
        store.drain(DRAIN)
    for store in stores:
        store.drain(DRAIN)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(_run(stores, first, step, ahead)), flush=True)
    for store in stores:
        store.close()


def _run(stores: list[RedisStore], first: int, step: float, ahead: float) -> dict[str, float]:
    """Ticks until standard input ends; how many, the CPU seconds of all that, and the longest that one came late."""
    ended = Event()
    Thread(target=_until_end, args=(ended,), daemon=True).start()
    turn = math.ceil(time.time() / step) + 1
    ticks, late = 0, 0.0
    began = time.process_time()
    while not ended.wait(max(0.0, turn * step - time.time())):
        for place, store in enumerate(stores):
            ticks += store.append(tick(first + place, turn * step + ahead, step))
        late = max(late, time.time() - turn * step)
        turn += 1
    spent = time.process_time() - began
    lost = sum(not store.drain(DRAIN) for store in stores)
    return {"ticks": ticks, "cpu": spent, "late": late, "lost": lost}


def _until_end(ended: Event) -> None:
    while os.read(0, 4096):
        pass
    ended.set()


if __name__ == "__main__":
    url, first, count, step, past, ahead = sys.argv[1:]
    main(url, int(first), int(count), float(step), int(past), float(ahead))
