"""Four tutorials and dashapp compared: server CPU per update, bytes to the first chart.

The cost of a server without viewers is subtracted, so sampling counts for neither side. bench/originals has
the tutorials, rewritten with their own libraries. A page that is the same for everyone is measured behind
nginx's cache too, and nginx's cost then counts as dashapp's. For comparison, the last rows measure empty
applications on dashapp's server, polled as often.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import psutil

from bench import crowd, sockets
from bench.cost import cpu
from bench.page import Traffic, browser, opened, until
from bench.served import ROOT, Served, folder, free_port, launched
from bench.table import Row

# A cache pays off with many viewers.
VIEWERS, CROWD = 50, 500
SECONDS, IDLE = 12.0, 6.0
DRAWN = """[document, ...[...document.querySelectorAll("iframe")].map((frame) => frame.contentDocument)]
  .some((each) => each?.querySelector(".js-plotly-plot path.js-line, .js-plotly-plot .point"))"""
BOKEH = "Boolean(window.Bokeh?.documents.length)"
DRAWN_FLAG = "window.drawn === true"
POLLED = "/data"


# Takes the number of viewers, the port and a function that reads CPU seconds. Returns the updates that the
# viewers received, and the increase of the CPU seconds.
Watch = Callable[[int, int, Callable[[], float]], tuple[int, float]]


@dataclass(frozen=True)
class Pair:
    """A tutorial, and dashapp's version of it.

    `args`: the arguments of Python before the port; `path` and `metrics`: the requests of a viewer.
    `original`: the module of the original, with its `page`; `update_path`: the URL of its updates, each of
    which contains `marker`. `cache_flags`: flags that make dashapp's responses public; None if the
    application decides about access.
    """

    name: str
    args: tuple[str, ...]
    path: str
    metrics: str
    original: str
    page: str
    update_path: str
    marker: bytes
    cache_flags: tuple[str, ...] | None = None


TICKS = "/api/ticks?window"
MACHINE_ARGS = ("-m", "dashapp", "--port")
DEMO_ARGS = ("-m", "dashapp", "--source", "none", "--source", "demo", "--port")
CACHE_FLAGS = ("--public", "--host", "127.0.0.1")
AJAX, STOCKS = ("-m", "bench.ours", "flask_ajax"), ("-m", "bench.ours", "stocks")
SOCKETIO = "/socket.io/?EIO=4&transport=websocket"
RATES = "demo.eurusd,demo.gbpusd"
PAIRS = (
    Pair(
        "CPU stream",
        MACHINE_ARGS,
        f"{TICKS}=100",
        "cpu.percent",
        "cpu_stream",
        "",
        SOCKETIO,
        b"42",
        CACHE_FLAGS,
    ),
    Pair("two series", DEMO_ARGS, f"{TICKS}=100", RATES, "pushed", "", "/two", b"{", CACHE_FLAGS),
    Pair("Flask by AJAX", AJAX, f"/monitor{TICKS}=60", "newest", "bokeh_ajax", "", POLLED, b'"x"'),
    Pair(
        "prices", STOCKS, f"/_dashapp{TICKS}=900", "quotes.AAPL", "pushed", "prices", "/price?AAPL", b"{", ()
    ),
)


def run() -> list[Row]:
    rows = [row for pair in PAIRS for row in _compare(pair)]
    return [
        *rows,
        _measure_empty_app("an empty application"),
        _measure_empty_app("an empty Flask route", "flask"),
    ]


def _measure_empty_app(what: str, *args: str) -> Row:
    port = free_port()
    with launched(["-m", "bench.bare_server", str(port), *args], port) as bare:
        bare.wait("/")
        cost = _cost(_family(bare), port, partial(_watch_dashapp, PAIRS[0]), VIEWERS)
    note = f"server CPU per response; {VIEWERS} viewers"
    return Row(f"for comparison, {what} on dashapp's server, polled as often", cost, "µs", note=note)


def _compare(pair: Pair) -> list[Row]:
    watch_dashapp, watch_original = partial(_watch_dashapp, pair), partial(_watch_original, pair)
    with _ours(pair) as served:
        mine = _cost(_family(served), served.port, watch_dashapp, VIEWERS)
        my_bytes = _bytes(served.url, DRAWN)
    cached = _cached(pair)
    what = f"{pair.name}, dashapp to the original"
    port = free_port()
    with launched(["-m", f"bench.originals.{pair.original}", str(port)], port) as served:
        served.wait("/")
        family = _family(served)
        rows = [
            _row(
                f"{what}, server CPU per update", mine, _cost(family, port, watch_original, VIEWERS), VIEWERS
            )
        ]
        if cached is not None:
            rows.append(
                _row(
                    f"{what}, behind nginx's cache", cached, _cost(family, port, watch_original, CROWD), CROWD
                )
            )
        their_bytes = _bytes(served.url + pair.page, BOKEH if pair.update_path == POLLED else DRAWN_FLAG)
    sizes = f"{my_bytes / 1000:.0f} to {their_bytes / 1000:.0f} kB"
    return [*rows, Row(f"{what}, bytes to the first chart", my_bytes / their_bytes, "", 1.0, sizes)]


def _row(what: str, mine: float, other: float, viewers: int) -> Row:
    return Row(what, mine / other, "", 1.0, f"{mine:.0f} to {other:.0f} µs of server CPU; {viewers} viewers")


def _cached(pair: Pair) -> float | None:
    """Return the cost of dashapp and nginx behind its cache; None if there is no cache."""
    # The configuration from the documentation, as the tests serve it.
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from nginx import proxied
    from tools import nginx

    if nginx() is None or pair.cache_flags is None:
        return None
    with (
        _ours(pair, *pair.cache_flags) as served,
        folder() as directory,
        proxied(served.port, directory, counted=False) as front,
    ):
        master = psutil.Process(front.pid)
        family = [*_family(served), master, *master.children()]
        return _cost(family, front.port, partial(_watch_dashapp, pair), CROWD)


@contextmanager
def _ours(pair: Pair, *flags: str) -> Iterator[Served]:
    port = free_port()
    argv = [*pair.args, str(port), *flags]
    with folder() as store, launched(argv, port, DASHAPP_STORE=str(store), EVERY="1") as served:
        served.wait("/")
        # The server rejects a metric until it exists.
        served.wait(f"{pair.path}&metrics={pair.metrics}")
        time.sleep(3)
        yield served


def _family(served: Served) -> list[psutil.Process]:
    """Return all processes that serve. Sampling costs the same for any number of viewers."""
    process = psutil.Process(served.process.pid)
    processes = [process, *process.children(recursive=True)]
    return [process for process in processes if "dashapp.collector" not in process.cmdline()]


def _cost(family: list[psutil.Process], port: int, watch: Watch, viewers: int) -> float:
    """Return microseconds of CPU per update, above the cost of a server without viewers."""

    def mark() -> float:
        return cpu(family)

    before = mark()
    time.sleep(IDLE)
    idle = (mark() - before) / IDLE
    updates, cpu_seconds = watch(viewers, port, mark)
    if updates < 0.9 * viewers * SECONDS:
        raise RuntimeError(
            f"{updates} updates for {viewers} viewers in {SECONDS:g} s: the result is not valid"
        )
    return 1e6 * (cpu_seconds - idle * SECONDS) / updates


def _watch_dashapp(pair: Pair, viewers: int, port: int, mark: Callable[[], float]) -> tuple[int, float]:
    count, cpu_seconds = crowd.once_a_second(
        port, viewers, SECONDS, mark, metrics=pair.metrics, rhythm=crowd.LIKE_THE_PAGE, path=pair.path
    )
    if count.failures:
        raise RuntimeError(f"{count.failures} of {count.responses} responses failed: the result is not valid")
    return count.responses, cpu_seconds


def _watch_original(pair: Pair, viewers: int, port: int, mark: Callable[[], float]) -> tuple[int, float]:
    is_polled = pair.update_path == POLLED
    return asyncio.run(
        sockets.watched(port, pair.update_path, viewers, SECONDS, mark, pair.marker, is_polled)
    )


def _bytes(url: str, drawn: str) -> float:
    with browser() as running, opened(running) as (_, page, cdp):
        traffic = Traffic(cdp)
        page.goto(url)
        until(page, drawn)
        page.wait_for_timeout(300)
        return traffic.bytes
