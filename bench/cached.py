"""2,000 viewers through nginx's cache, and their requests that reach the server."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bench import crowd
from bench.cost import cpu
from bench.served import ROOT, fill, folder, serving
from bench.table import Row

VIEWERS = 2000
SECONDS = 10


def run() -> list[Row]:
    # The configuration from the documentation, as the tests serve it.
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from nginx import proxied
    from tools import nginx

    if nginx() is None:
        return []
    with folder() as store:
        fill(store, 200)
        with (
            serving(store, "--public") as served,
            proxied(served.port, Path(store).parent / "nginx") as front,
        ):
            web = served.web()
            before = front.asked("/api/ticks")
            start = time.monotonic()
            count, cpu_seconds = crowd.once_a_second(
                front.port, VIEWERS, SECONDS, lambda: cpu(web), metrics="", rhythm=crowd.LIKE_THE_PAGE
            )
            duration = time.monotonic() - start
            after = front.asked("/api/ticks")
    if count.failures or count.responses < 0.98 * VIEWERS * SECONDS:
        raise RuntimeError(f"{count.responses} responses, {count.failures} failed: the result is not valid")
    hits = after["HIT"] + after["UPDATING"] - before["HIT"] - before["UPDATING"]
    misses = after.total() - before.total() - hits
    what = f"through nginx's cache, {VIEWERS:,} viewers"
    return [
        Row(f"requests per second that reach the server, {what}", misses / duration, "", 3),
        Row(f"server CPU, {what}", 1000 * cpu_seconds / SECONDS, "ms per second"),
        Row(f"responses with a new tick, {what}", 100 * count.points / count.responses, "%"),
    ]
