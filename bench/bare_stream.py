"""`python -m bench.bare_stream PORT`: dashapp's web server with an empty application.

At /api/stream one task for each connection waits for the tick, and sends the same bytes as all others. Every
other path has a response for those that poll. The cost is that of the kernel and the server, without
dashapp's code.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels

# As long as an event with one chart and one tick.
EVENT = b"id:%016d\ndata:%s\n\n"
DATA = b"x" * 150
# As long as a response with one chart and one tick; the crowd parses it like one.
BODY = b'{"cursor":"ASNFZ4mrze8.1","t":[1]}'.ljust(150)
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]


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
        if scope["path"] != "/api/stream":
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body", "body": BODY})
            return
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
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
        loop=Loops.asyncio,
        http=HTTPModes.http1,
        workers=1,
        backpressure=4096,
        websockets=False,
        log_level=LogLevels.error,
    ).serve()
