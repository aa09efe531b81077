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
            count, spent = crowd.once_a_second(
                front.port, VIEWERS, SECONDS, lambda: cpu(web), metrics="", rhythm=crowd.LIKE_THE_PAGE
            )
            took = time.monotonic() - start
            asked = front.asked("/api/ticks")
    if count.failures or count.answers < 0.98 * VIEWERS * SECONDS:
        raise RuntimeError(f"{count.answers} answers, {count.failures} failed: no figure to go by")
    kept = asked["HIT"] + asked["UPDATING"] - before["HIT"] - before["UPDATING"]
    reached = asked.total() - before.total() - kept
    what = f"through nginx's cache, {VIEWERS:,} viewers"
    return [
        Row(f"requests per second that reach the server, {what}", reached / took, "", 3),
        Row(f"server CPU, {what}", 1000 * spent / SECONDS, "ms per second"),
        Row(f"responses with a new tick, {what}", 100 * count.points / count.answers, "%"),
    ]
