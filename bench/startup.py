"""Time from the command to the first response: the median of three starts, empty store."""

from __future__ import annotations

import time
from statistics import median

from bench.served import command, folder, free_port, launched
from bench.table import Row


def run() -> list[Row]:
    times = [_start() for _ in range(3)]
    return [
        Row("start to the first response (/healthz)", median(first for first, _, _ in times), "s", 2.5),
        Row("start to the first page", median(page for _, page, _ in times), "s", 2.5),
        Row("start to the first tick", median(tick for _, _, tick in times), "s"),
    ]


def _start() -> tuple[float, float, float]:
    """Return the seconds to the first response, to the first page and to the first tick."""
    with folder() as store:
        port = free_port()
        start = time.monotonic()
        with launched(command(store, port), port) as served:
            served.wait("/healthz")
            first = time.monotonic() - start
            served.wait("/")
            page = time.monotonic() - start
            served.wait("/readyz")
            return first, page, time.monotonic() - start
