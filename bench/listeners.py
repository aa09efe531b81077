"""Viewers without a browser that listen to server-sent events in one asyncio loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from bench.crowd import ONE_CHART

# The headers of Chromium's EventSource, so that the server has as much to parse.
REQUEST = (
    "GET {path} HTTP/1.1\r\n"
    "Host: 127.0.0.1:{port}\r\n"
    "Connection: keep-alive\r\n"
    'sec-ch-ua-platform: "Linux"\r\n'
    "Cache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/150.0.0.0 Safari/537.36\r\n"
    'sec-ch-ua: "Chromium";v="150", "Not.A/Brand";v="24"\r\n'
    "Accept: text/event-stream\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Referer: http://127.0.0.1:{port}/\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n\r\n"
)
ONE_CHART_PATH = f"/api/stream?window=100&metrics={ONE_CHART}"
# Connections that open at a time, and seconds until all have their first ticks.
OPENING, WARM_S = 100, 3.0


@dataclass
class Heard:
    """Events and bytes since the last `clear`, and how many viewers lost their stream.

    `spreads`: for each tick, the seconds from the first viewer that received it to the last.
    """

    events: int = 0
    received: int = 0
    closed: int = 0
    arrivals: dict[bytes, tuple[float, float]] = field(default_factory=dict)

    def clear(self) -> None:
        self.events = self.received = 0
        self.arrivals = {}

    def spreads(self) -> list[float]:
        return [last - first for first, last in self.arrivals.values()]

    def delays(self, clock_offset: float) -> list[float]:
        """Return for each tick the seconds from its time until the last viewer has it.

        `clock_offset`: epoch seconds minus those of `arrivals`. For streams of one chart.
        """
        return [
            last + clock_offset - int(name.rpartition(b".")[2]) / 1000
            for name, (_, last) in self.arrivals.items()
        ]


class _Listener(asyncio.Protocol):
    def __init__(self, request: bytes, heard: Heard, now: Callable[[], float]) -> None:
        self._request = request
        self._heard = heard
        self._now = now
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        heard = self._heard
        heard.received += len(data)
        start = data.find(b"id:")
        if start >= 0:
            heard.events += data.count(b"\nid:") or 1
            name, now = data[start : data.find(b"\n", start)], self._now()
            heard.arrivals[name] = (heard.arrivals.get(name, (now, now))[0], now)

    def connection_lost(self, _error: Exception | None) -> None:
        self._heard.closed += 1


def listen(
    port: int,
    viewers: int,
    seconds: float,
    mark: Callable[[], float],
    path: str = ONE_CHART_PATH,
    cookie: str = "",
) -> tuple[Heard, float]:
    """Let `viewers` listen for `seconds`; return what they heard and the increase of `mark()`."""
    return asyncio.run(_listen(port, viewers, seconds, mark, path, cookie))


async def _listen(
    port: int, viewers: int, seconds: float, mark: Callable[[], float], path: str, cookie: str
) -> tuple[Heard, float]:
    loop = asyncio.get_running_loop()
    heard = Heard()
    text = REQUEST.format(path=path, port=port)
    request = (text[:-2] + (f"Cookie: {cookie}\r\n\r\n" if cookie else "\r\n")).encode()
    listener = partial(_Listener, request, heard, loop.time)
    crowd: list[_Listener] = []
    for start in range(0, viewers, OPENING):
        opened = await asyncio.gather(
            *(
                loop.create_connection(listener, "127.0.0.1", port)
                for _ in range(min(OPENING, viewers - start))
            )
        )
        crowd += [viewer for _, viewer in opened]
    await asyncio.sleep(WARM_S)
    # Between two ticks, so that each counts for all viewers or for none.
    await asyncio.sleep(1.6 - time.time() % 1)
    heard.clear()
    before = mark()
    await asyncio.sleep(seconds)
    increase = mark() - before
    result = replace(heard)
    for viewer in crowd:
        if viewer.transport is not None:
            viewer.transport.close()
    return result, increase
