"""Cost of the running collector: CPU and memory."""

from __future__ import annotations

import time

from bench.cost import cpu, memory
from bench.served import fill, folder, serving
from bench.table import Row

SECONDS = 20.0


def run() -> list[Row]:
    with folder() as store:
        # A full store: the Deque then drops a row for each new one.
        fill(store, 7200)
        with serving(store) as served:
            collector = served.collector()
            time.sleep(2)
            before, start = cpu(collector), time.monotonic()
            time.sleep(SECONDS)
            share = (cpu(collector) - before) / (time.monotonic() - start)
            used = memory(collector)
    return [
        Row("collector CPU", 100 * share, "% of a core", 1.5),
        Row("collector memory", used.rss, "MB", 40, f"RSS; {used.uss:.1f} MB USS"),
    ]
