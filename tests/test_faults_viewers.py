"""Fault 28: a hundred viewers at once. None waits, and none leaves anything behind on the server."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from processes import Dashapp, dashapp
from waiting import wait_for

VIEWERS = 100
ROUNDS = 5
SLOWEST = 0.1
# What an allocator keeps of a hundred connections at once; a hundred viewers' histories would be far more.
ROOM = 16_000_000


async def viewer(port: int, delay: float) -> list[float]:
    """The seconds that each of a viewer's questions took: one a second, as a page asks."""
    await asyncio.sleep(delay)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took, cursor = [], ""
    try:
        for _ in range(ROUNDS):
            begun = time.monotonic()
            question = f"GET /api/ticks?window=100&after={cursor} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n"
            writer.write(question.encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            body = await reader.readexactly(int(head.partition("content-length:")[2].split()[0]))
            took.append(time.monotonic() - begun)
            assert head.startswith("http/1.1 200"), head
            cursor = json.loads(body)["cursor"]
            await asyncio.sleep(max(0.0, 1 - took[-1]))
    finally:
        writer.close()
    return took


def all_at_once(port: int) -> float:
    """The 95th of a hundred of what all their questions took."""

    async def crowd() -> list[list[float]]:
        return await asyncio.gather(*(viewer(port, number / VIEWERS) for number in range(VIEWERS)))

    # Another test's browser may have left a loop in this thread.
    with ThreadPoolExecutor(1) as thread:
        took = sorted(each for one in thread.submit(asyncio.run, crowd()).result() for each in one)
    assert len(took) == VIEWERS * ROUNDS
    return took[int(0.95 * len(took))]


def resources(app: Dashapp) -> tuple[int, int, int]:
    """Connections, threads and bytes of memory of all that serves."""
    web = app.child("web")
    serving = [web, *web.children(recursive=True)]
    return (
        sum(len(each.net_connections("tcp")) for each in serving),
        sum(each.num_threads() for each in serving),
        sum(each.memory_info().rss for each in serving),
    )


def test_28_a_hundred_viewers_wait_for_nothing_and_leave_nothing(tmp_path: Path) -> None:
    with dashapp(tmp_path) as app:
        app.serving().moves()
        # The first crowd has the server allocate what it keeps.
        all_at_once(app.port)
        connections, threads, memory = resources(app)
        # A round that another process of this machine got in the way of says nothing of ours.
        assert min(all_at_once(app.port) for _ in range(2)) < SLOWEST
        wait_for(lambda: resources(app)[0] <= connections)
        after = resources(app)
        assert after[1] <= threads
        assert after[2] < memory + ROOM
