"""Appending for one host, and the newest response, over Redis: CPU of dashapp, next to the bare client.

Back to back: what a sleeping core costs to wake is the machine's, and neither ours nor the client's.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil

from bench.cost import cpu
from bench.scale.made_up import catalogue, name_of, tick
from bench.table import Row
from dashapp.api.endpoints import Api
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.reader import RedisReader
from dashapp.stores.redis.store import RedisStore

WARM, TIMES, SPAN = 200, 3000, 600


def run() -> list[Row]:
    from redis_server import redis_at

    with tempfile.TemporaryDirectory(prefix="dashapp-bench-") as folder, redis_at(Path(folder)) as server:
        assert server.popen is not None
        redis = [psutil.Process(server.popen.pid)]
        with (
            closing(RedisStore(RedisClient(server.url), name_of(0))) as store,
            closing(server.client()) as client,
        ):
            store.describe(catalogue())
            rows = _answer(store, server.url)
            return [*_append(store, client, redis), *rows]


def _append(store: RedisStore, client: object, redis: list[psutil.Process]) -> list[Row]:
    now = int(time.time())
    text = tick(0, now, 1).encode()

    def append(number: int) -> None:
        store.append(tick(0, now - 20 * TIMES + number / 10, 0.1))
        store.drain()

    # So close together that none is old enough to be sealed.
    ours, theirs = _each(append, redis)
    bare, taken = _each(lambda number: client.xadd("bare", {"t": number, "d": text}), redis)  # type: ignore[attr-defined]
    sealing, their_sealing = _sealing(store, now - 10 * TIMES, redis)
    return [
        Row(
            "append to Redis, CPU of dashapp",
            ours,
            "µs",
            300,
            f"a tick of 50 metrics, {len(text):,} characters",
        ),
        Row("for comparison, a bare XADD by redis-py", bare, "µs"),
        Row("append, CPU of Redis", theirs, "µs", note=f"a bare XADD {taken:.0f} µs"),
        Row("compaction of ten minutes of a host, CPU of dashapp", 1000 * sealing, "ms"),
        Row("compaction of ten minutes of a host, CPU of Redis", 1000 * their_sealing, "ms"),
    ]


def _sealing(store: RedisStore, began: float, redis: list[psutil.Process]) -> tuple[float, float]:
    """CPU seconds of a round of the writer that seals: of this process, and of Redis."""
    store.writer.stop()
    rounds = []
    for number in range(6 * SPAN):
        store.append(tick(0, began + number, 1))
        ours, theirs = time.thread_time(), cpu(redis)
        store.writer.round()
        rounds.append((time.thread_time() - ours, cpu(redis) - theirs))
    # It is far dearer than a round that only appends: the three dearest of those there must be.
    dearest = sorted(rounds)[-3:]
    return sum(each[0] for each in dearest) / 3, sum(each[1] for each in dearest) / 3


def _answer(store: RedisStore, url: str) -> list[Row]:
    """A tick comes, one poll brings it, one viewer asks for it, and then a second one."""
    reader = RedisReader(RedisClient(url), name_of(0))
    reader.poll()
    api = Api(reader)
    spent = {"poll": 0.0, "first": 0.0, "again": 0.0}
    cursor = reader.newest_cursor.encode()
    began = int(time.time()) - 40 * TIMES
    for number in range(WARM + TIMES // 3):
        if number == WARM:
            spent = dict.fromkeys(spent, 0.0)
        store.append(tick(0, began + number + 1, 1))
        store.drain()
        spent["poll"] += _thread(reader.poll)
        ask = f"window=100&after={cursor}"
        spent["first"] += _thread(lambda ask=ask: _ask(api, ask))  # type: ignore[misc]
        spent["again"] += _thread(lambda ask=ask: _ask(api, ask))  # type: ignore[misc]
        cursor = reader.newest_cursor.encode()
    microseconds = {name: 3e6 * each / TIMES for name, each in spent.items()}
    return [
        Row("newest response from Redis, CPU of dashapp", microseconds["first"], "µs", 100, "once per tick"),
        Row("the same for the next viewer", microseconds["again"], "µs"),
        Row(
            "a poll that returns a tick, CPU of dashapp",
            microseconds["poll"],
            "µs",
            note="for any number of viewers",
        ),
    ]


def _each(do: Callable[[int], object], others: list[psutil.Process]) -> tuple[float, float]:
    """Microseconds of CPU of one: of this process, and of others."""
    for number in range(WARM):
        do(number)
    own, their = time.process_time(), cpu(others)
    for number in range(WARM, WARM + TIMES):
        do(number)
    return 1e6 * (time.process_time() - own) / TIMES, 1e6 * (cpu(others) - their) / TIMES


def _thread(do: Callable[[], object]) -> float:
    began = time.thread_time()
    do()
    return time.thread_time() - began


def _ask(api: Api, query: str) -> None:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/ticks", "QUERY_STRING": query}

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        assert status == "200 OK", (status, query)

    for _ in api(environ | {"HTTP_ACCEPT_ENCODING": "gzip"}, start):
        pass
