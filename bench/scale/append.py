"""CPU of dashapp per append of a host and per newest response, over Redis and redis-py.

Without pauses: waking a sleeping core is a cost of the machine, not of dashapp or the client.
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
            rows = _measure_responses(store, server.url)
            return [*_append(store, client, redis), *rows]


def _append(store: RedisStore, client: object, redis: list[psutil.Process]) -> list[Row]:
    now = int(time.time())
    text = tick(0, now, 1).encode()

    def append(number: int) -> None:
        store.append(tick(0, now - 20 * TIMES + number / 10, 0.1))
        store.drain()

    # So close together that none is old enough for compaction.
    ours, theirs = _cpu_per_call(append, redis)
    bare, redis_bare = _cpu_per_call(lambda number: client.xadd("bare", {"t": number, "d": text}), redis)  # type: ignore[attr-defined]
    compaction, redis_compaction = _compaction_cpu(store, now - 10 * TIMES, redis)
    return [
        Row(
            "append to Redis, CPU of dashapp",
            ours,
            "µs",
            300,
            f"a tick of 50 metrics, {len(text):,} characters",
        ),
        Row("for comparison, a bare XADD by redis-py", bare, "µs"),
        Row("append, CPU of Redis", theirs, "µs", note=f"a bare XADD {redis_bare:.0f} µs"),
        Row("compaction of ten minutes of a host, CPU of dashapp", 1000 * compaction, "ms"),
        Row("compaction of ten minutes of a host, CPU of Redis", 1000 * redis_compaction, "ms"),
    ]


def _compaction_cpu(store: RedisStore, start: float, redis: list[psutil.Process]) -> tuple[float, float]:
    """Return the CPU seconds of a writer's round with compaction: this process, and Redis."""
    store.writer.stop()
    rounds = []
    for number in range(6 * SPAN):
        store.append(tick(0, start + number, 1))
        ours, theirs = time.thread_time(), cpu(redis)
        store.writer.round()
        rounds.append((time.thread_time() - ours, cpu(redis) - theirs))
    # A round with compaction costs far more than one that only appends: use the three most expensive rounds.
    slowest_rounds = sorted(rounds)[-3:]
    return sum(costs[0] for costs in slowest_rounds) / 3, sum(costs[1] for costs in slowest_rounds) / 3


def _measure_responses(store: RedisStore, url: str) -> list[Row]:
    """Measure a new tick: one poll fetches it, one viewer requests it, and then a second one."""
    reader = RedisReader(RedisClient(url), name_of(0))
    reader.poll()
    api = Api(reader)
    cpu_seconds = {"poll": 0.0, "first": 0.0, "again": 0.0}
    cursor = reader.newest_cursor.encode()
    start = int(time.time()) - 40 * TIMES
    for number in range(WARM + TIMES // 3):
        if number == WARM:
            cpu_seconds = dict.fromkeys(cpu_seconds, 0.0)
        store.append(tick(0, start + number + 1, 1))
        store.drain()
        cpu_seconds["poll"] += _thread_seconds(reader.poll)
        query = f"window=100&after={cursor}"
        cpu_seconds["first"] += _thread_seconds(lambda query=query: _ask(api, query))  # type: ignore[misc]
        cpu_seconds["again"] += _thread_seconds(lambda query=query: _ask(api, query))  # type: ignore[misc]
        cursor = reader.newest_cursor.encode()
    microseconds = {name: 3e6 * seconds / TIMES for name, seconds in cpu_seconds.items()}
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


def _cpu_per_call(call: Callable[[int], object], others: list[psutil.Process]) -> tuple[float, float]:
    """Return the microseconds of CPU of one call: this process, and the others."""
    for number in range(WARM):
        call(number)
    own, their = time.process_time(), cpu(others)
    for number in range(WARM, WARM + TIMES):
        call(number)
    return 1e6 * (time.process_time() - own) / TIMES, 1e6 * (cpu(others) - their) / TIMES


def _thread_seconds(call: Callable[[], object]) -> float:
    start = time.thread_time()
    call()
    return time.thread_time() - start


def _ask(api: Api, query: str) -> None:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/ticks", "QUERY_STRING": query}

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        assert status == "200 OK", (status, query)

    for _ in api(environ | {"HTTP_ACCEPT_ENCODING": "gzip"}, start_response):
        pass
