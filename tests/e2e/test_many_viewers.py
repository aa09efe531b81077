"""Fault 28: a hundred viewers at once get responses, and leak nothing on the server."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from processes import Dashapp, dashapp
from waiting import wait_for

VIEWERS = 100
ROUNDS = 3
# Allocator overhead of a hundred connections; histories of a hundred viewers would need far more.
ROOM = 16_000_000


async def viewer(port: int, all_here: asyncio.Barrier) -> None:
    """Send requests as a page does, each at the same instant as all other viewers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    cursor = ""
    try:
        for _ in range(ROUNDS):
            await all_here.wait()
            question = f"GET /api/ticks?window=100&after={cursor} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n"
            writer.write(question.encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            body = await reader.readexactly(int(head.partition("content-length:")[2].split()[0]))
            assert head.startswith("http/1.1 200"), head
            cursor = json.loads(body)["cursor"]
    finally:
        writer.close()


def all_at_once(port: int) -> None:
    async def crowd() -> None:
        all_here = asyncio.Barrier(VIEWERS)
        async with asyncio.TaskGroup() as group:
            for _ in range(VIEWERS):
                group.create_task(viewer(port, all_here))

    # Another test's browser may have left an event loop in this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, crowd()).result()


def resources(app: Dashapp) -> tuple[int, int, int]:
    """Return connections, threads and bytes of memory of all processes that serve."""
    web = app.child("web")
    serving = [web, *web.children(recursive=True)]
    return (
        sum(len(each.net_connections("tcp")) for each in serving),
        sum(each.num_threads() for each in serving),
        sum(each.memory_info().rss for each in serving),
    )


def test_28_hundred_viewers_get_responses_and_leak_no_resources(tmp_path: Path) -> None:
    with dashapp(tmp_path) as app:
        app.serving().moves()
        connections = resources(app)[0]
        # The first crowd makes the server allocate memory that it keeps.
        all_at_once(app.port)
        _, threads, memory = resources(app)
        all_at_once(app.port)

        def nothing_is_left() -> bool:
            now = resources(app)
            return now[0] <= connections and now[1] <= threads and now[2] < memory + ROOM

        wait_for(nothing_is_left, every=0.1)
