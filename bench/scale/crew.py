"""A process of made-up hosts: each has the collector's own store, writer and thread; only what it measures is made up.

`python -m bench.scale.crew URL FIRST COUNT STEP PAST BEGIN`: hosts FIRST and up, a tick every STEP seconds on the
grid, a span of PAST ticks that ends at the time END before that. Told by lines: it says `ready`, hears by how much the hosts' clocks are
ahead, and at the end of its standard input says what it did.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import time
from collections.abc import Sequence
from threading import Event, Thread

from bench.scale.made_up import KINDS, catalogue, name_of, tick
from dashapp.model import milliseconds
from dashapp.stores.redis_keys import Keys
from dashapp.stores.redis_link import Link
from dashapp.stores.redis_store import RedisStore

# Seconds to let go of what waits, at the end.
DRAIN = 60.0


def main(url: str, first: int, count: int, step: float, past: int, end: float) -> None:
    logging.disable(logging.WARNING)  # an outage is told a hundred times otherwise
    # Threads that wait for Python's lock wake up that often: with as many of them, it would be all they do.
    sys.setswitchinterval(0.05)
    stores = [RedisStore(Link(url), name_of(number)) for number in range(first, first + count)]
    for store in stores:
        store.describe(catalogue())
    if past:
        _write_past(url, range(first, first + count), step, past, end)
    print("ready", flush=True)
    ahead = float(sys.stdin.readline())
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


def _write_past(url: str, hosts: Sequence[int], step: float, past: int, end: float) -> None:
    """As the writer would have: in bulk, for it is not what is measured."""
    times = [end - back * step for back in range(past - 1, -1, -1)]
    client = Link(url, DRAIN).client
    for kind in range(KINDS):
        texts = [(milliseconds(time), tick(kind, time, step).encode()) for time in times]
        for number in hosts:
            if number % KINDS == kind:
                pipe = client.pipeline(transaction=False)
                for time_ms, text in texts:
                    pipe.xadd(Keys(name_of(number)).ticks, {"t": time_ms, "d": text})
                pipe.execute()


def _until_end(ended: Event) -> None:
    while os.read(0, 4096):
        pass
    ended.set()


if __name__ == "__main__":
    url, first, count, step, past, end = sys.argv[1:]
    main(url, int(first), int(count), float(step), int(past), float(end))
