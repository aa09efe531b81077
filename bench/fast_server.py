"""`python -m bench.fast_server PORT`: the whole application over a store with fast ticks.

For the soak: the page, the API and the ticks are real. The ticks are a second apart, but arrive sooner.
"""

from __future__ import annotations

import sys
import time
from threading import Thread

from bench.one_worker import serve
from bench.served import load
from dashapp.config.settings import Settings
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import Tick
from dashapp.sources.system.cpu import TOTAL_METRIC, core_metric
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

TICKS_A_SECOND = 100
# The ticks are so far in the past that the next one is always due: the page never waits.
AGO = 86_400


def build() -> WSGIApp:
    store = MemoryStore()
    Thread(target=_append, args=(store,), daemon=True).start()
    return create_app(store, Settings())


def _append(store: MemoryStore) -> None:
    metrics = [TOTAL_METRIC, core_metric(0), core_metric(1)]
    store.describe(metrics)
    first, start = int(time.time()) - AGO, time.monotonic()
    number = 0
    while True:
        values = {metric.key: load(number + position) for position, metric in enumerate(metrics)}
        store.append(Tick(float(first + number), 1.0, values))
        number += 1
        time.sleep(max(0.0, start + number / TICKS_A_SECOND - time.monotonic()))


if __name__ == "__main__":
    serve("bench.fast_server:build", int(sys.argv[1]), threads=2)
