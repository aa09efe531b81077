"""2,000 streams while others disturb the server: when the last of them has a tick.

One client does not read its stream, one cuts its connection again and again, one downloads 14 days as CSV,
and one signs in each second.
"""

from __future__ import annotations

import http.client
import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from threading import Event, Thread

from bench.behind_login import PASSWORD, sign_in
from bench.listeners import ONE_CHART_PATH, REQUEST, listen
from bench.served import command, fill, folder, free_port, launched, load
from bench.streams import ALL_CHARTS, raise_limit
from bench.table import Row
from dashapp.model.ticks import Tick, to_milliseconds
from dashapp.sources.system.cpu import TOTAL_METRIC
from dashapp.stores.disk.space import DiskSpace
from dashapp.stores.history.archive import DAY, Retention
from dashapp.stores.history.span import TICK_PARTS, Span

VIEWERS, SECONDS = 2000, 15
DAYS, SPAN = 14, 600
CSV = f"/api/csv?metrics={TOTAL_METRIC.key}&window={DAYS * DAY}"
PAUSE_S = {"cut": 0.1, "sign_in": 1.0}


def run() -> list[Row]:
    raise_limit()
    with folder() as store:
        _fill_days(store)
        fill(store, 200)
        port = free_port()
        with launched(command(store, port), port, DASHAPP_PASSWORD=PASSWORD) as served, ExitStack() as stack:
            served.wait("/healthz")
            cookie = sign_in(port)
            counts = {"csv": 0, "cut": 0, "sign_in": 0}
            disturbing = Event()
            stack.callback(disturbing.set)
            stalled = stack.enter_context(closing(_open_stream(port, cookie, ALL_CHARTS)))
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for work in (_download, _cut, _sign_in_again):
                Thread(target=work, args=(port, cookie, counts, disturbing), daemon=True).start()
            heard, _ = listen(port, VIEWERS, SECONDS, lambda: 0.0, ONE_CHART_PATH, cookie)
            disturbing.set()
            offset = time.time() - time.monotonic()
    if heard.closed or heard.events < 0.98 * VIEWERS * SECONDS or not all(counts.values()):
        raise RuntimeError(f"{heard.events} events, {heard.closed} closed, {counts}: the result is not valid")
    note = f"{counts['csv'] / 1e6:.0f} MB of CSV, {counts['cut']} cut streams, {counts['sign_in']} logins"
    delays = sorted(1000 * delay for delay in heard.delays(offset))
    what = "from a tick until the last of 2,000 viewers has it, while others disturb the server"
    return [
        Row(f"{what}, median", delays[len(delays) // 2], "ms", note=note),
        Row(f"{what}, slowest", delays[-1], "ms", 200),
    ]


def _fill_days(store: Path) -> None:
    """Fill the archive with a tick of each second of DAYS."""
    store.mkdir(exist_ok=True)
    archive = DiskSpace(store, Retention()).open_archive()
    end = int(time.time()) // SPAN * SPAN - 1200
    for begin in range(end - DAYS * DAY, end, SPAN):
        span = Span(TICK_PARTS)
        for at in range(1, SPAN + 1):
            span.add_tick(Tick(begin + at, 1.0, {TOTAL_METRIC.key: load(at)}))
        for _cost in archive.append_span(span, to_milliseconds(begin + SPAN)):
            pass
    archive.close()


def _open_stream(port: int, cookie: str, path: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    request = REQUEST.format(path=path, port=port)[:-2] + f"Cookie: {cookie}\r\n\r\n"
    connection.sendall(request.encode())
    return connection


def _download(port: int, cookie: str, counts: dict[str, int], stop: Event) -> None:
    """Download the CSV file again and again, and count its bytes."""
    while not stop.is_set():
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request("GET", CSV, headers={"Cookie": cookie})
            response = connection.getresponse()
            while not stop.is_set() and (part := response.read(1 << 16)):
                counts["csv"] += len(part)


def _cut(port: int, cookie: str, counts: dict[str, int], stop: Event) -> None:
    """Open a stream, and cut its connection after the first bytes."""

    def cut() -> None:
        with _open_stream(port, cookie, ALL_CHARTS) as connection:
            connection.recv(100)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))

    _repeat(cut, "cut", counts, stop)


def _sign_in_again(port: int, _cookie: str, counts: dict[str, int], stop: Event) -> None:
    _repeat(lambda: sign_in(port), "sign_in", counts, stop)


def _repeat(action: Callable[[], object], name: str, counts: dict[str, int], stop: Event) -> None:
    while not stop.wait(PAUSE_S[name]):
        with suppress(OSError):
            action()
            counts[name] += 1
