"""Event streams for the threads of a test server: an event loop that all of them share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from functools import cache
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from dashapp.http.streams import EventStream, OpenStreams, StreamBody, event_message

POLL_S = 0.02
ACCESS_CHECK_S = 0.2

Result = TypeVar("Result")


def events(body: StreamBody) -> Generator[tuple[float, bytes] | None, None, None]:
    """Yield each event with its time (monotonic clock), and None while there is none."""
    messages: SimpleQueue[tuple[float, Any]] = SimpleQueue()

    def send(message: Any) -> Any:
        messages.put((time.monotonic(), message))

    def start() -> EventStream:
        stream = EventStream(send, _loop(), body.access)
        stream.deliver(event_message(body.first))
        _open_streams().add(stream)
        body.start(stream)
        return stream

    def stop() -> None:
        stream.is_closed = True
        _open_streams().discard(stream)
        body.close()

    stream = _in_loop(start)
    try:
        while True:
            try:
                at, message = messages.get(timeout=POLL_S)
            except Empty:
                yield None
                continue
            if not message["more_body"]:
                return
            yield at, message["body"]
    finally:
        _in_loop(stop)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, daemon=True).start()
    return loop


@cache
def _open_streams() -> OpenStreams:
    return OpenStreams(ACCESS_CHECK_S)


def _in_loop(function: Callable[[], Result]) -> Result:
    async def call() -> Result:
        return function()

    return asyncio.run_coroutine_threadsafe(call(), _loop()).result()
