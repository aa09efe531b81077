"""1,000 hosts of 50 metrics at one tick per second into one Redis: CPU, memory, delay.

All tick on the same second, as collectors do. The measured time has no compaction: a thousand hosts have a
thousand cores for it, and here there are two (append.py measures its cost per host).
"""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil

from bench.cost import cpu
from bench.scale.fleet import Fleet, fleet
from bench.scale.lags import Watcher, in_redis, share
from bench.scale.made_up import METRICS, name_of
from bench.table import Row
from dashapp.stores.redis.keys import Keys

HOSTS, WATCHED = 1000, 100
SECONDS = 40


def run() -> list[Row]:
    from redis_server import redis_at

    with tempfile.TemporaryDirectory(prefix="dashapp-bench-") as folder, redis_at(Path(folder)) as server:
        assert server.popen is not None
        redis = psutil.Process(server.popen.pid)
        with closing(server.client()) as client, fleet(server.url, HOSTS) as hosts:
            return _measure(server.url, client, redis, hosts)


def _measure(url: str, client: Any, redis: psutil.Process, hosts: Fleet) -> list[Row]:
    hosts.go()
    time.sleep(3)  # until all of them tick
    watcher = Watcher(url, [name_of(number) for number in range(WATCHED)])
    watcher.start()
    time.sleep(2)
    watcher.seconds.clear()
    since, before = time.time(), cpu([redis])
    sent = client.info("stats")["total_net_input_bytes"]
    busiest = _busiest(redis, SECONDS)
    cpu_share = (cpu([redis]) - before) / (time.time() - since)
    received = (client.info("stats")["total_net_input_bytes"] - sent) / (time.time() - since)
    watcher.end()
    hosts.end()
    arrived = in_redis(client, HOSTS, since)
    streams = [Keys(name_of(number)).ticks for number in range(WATCHED)]
    memory = sum(client.memory_usage(key, samples=0) for key in streams)
    tick_bytes = memory / sum(client.xlen(key) for key in streams)
    label = f"{HOSTS:,} hosts of {METRICS} metrics at 1 Hz"
    return [
        Row(f"{label}: Redis", 100 * cpu_share, "% of a core", 100, f"busiest second {100 * busiest:.0f} %"),
        Row(
            "delay until a web process has a tick, p99",
            share(watcher.seconds, 0.99),
            "s",
            1,
            _spread(watcher.seconds),
        ),
        Row("delay until Redis has a tick, p99", share(arrived, 0.99), "s", note=_spread(arrived)),
        Row("hosts with lost ticks", hosts.lost, "hosts", 0, f"{hosts.ticks:,} ticks arrived"),
        Row(
            "CPU of a host per append",
            1e6 * hosts.cpu / hosts.ticks,
            "µs",
            note="heartbeats included",
        ),
        Row("bytes to Redis per host", received / HOSTS / 1000, "kB per second"),
        Row("memory of Redis per tick of 50 metrics", tick_bytes, "bytes"),
    ]


def _busiest(redis: psutil.Process, seconds: float) -> float:
    """Measure for `seconds`; return the CPU share of the busiest second."""
    end = time.monotonic() + seconds
    peak, before, last_time = 0.0, cpu([redis]), time.monotonic()
    while time.monotonic() < end:
        time.sleep(1.0)
        now = time.monotonic()
        cpu_seconds = cpu([redis])
        peak = max(peak, (cpu_seconds - before) / (now - last_time))
        before, last_time = cpu_seconds, now
    return peak


def _spread(seconds: list[float]) -> str:
    return f"median {share(seconds, 0.5):.2f} s, longest {max(seconds):.2f} s, {len(seconds):,} ticks"
