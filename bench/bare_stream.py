"""`python -m bench.bare_stream PORT`: an empty application that streams on granian.

One task for each connection waits for the tick, and sends the same bytes as all others.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

# As long as an event with one chart and one tick.
EVENT = b"id:%016d\ndata:%s\n\n"
DATA = b"x" * 150


class Ticks:
    """The tick of each second. Its own task begins with the first connection."""

    def __init__(self) -> None:
        self._next: asyncio.Future[bytes] | None = None

    def next(self) -> asyncio.Future[bytes]:
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._next = loop.create_future()
            loop.call_later(1 - time.time() % 1, self._end)
        return self._next

    def _end(self) -> None:
        ended, self._next = self._next, None
        if ended is not None:
            ended.set_result(EVENT % (time.time_ns() // 1000, DATA))


def build() -> Any:
    ticks = Ticks()

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        kind = b"text/event-stream" if scope["path"] != "/" else b"text/plain"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        if scope["path"] == "/":
            await send({"type": "http.response.body", "body": b""})
            return
        while True:
            body = await asyncio.shield(ticks.next())
            await send({"type": "http.response.body", "body": body, "more_body": True})

    return app


if __name__ == "__main__":
    Granian(
        "bench.bare_stream:build",
        factory=True,
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.ASGINL,
        workers=1,
        backpressure=4096,
        websockets=False,
        log_level=LogLevels.error,
    ).serve()
