"""The registry of hosts as it grows: one hash that every web process reads once a second.

The entries are simulated, in the writer's format; dashapp's own code reads them.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil

from bench.cost import cpu
from bench.scale.made_up import name_of, tick
from bench.table import Row
from dashapp.api.serializers import hosts_json
from dashapp.http.responses import build_response, encode_json
from dashapp.stores.redis.bounded import MAX_HOST_BYTES, MAX_HOSTS, MAX_REGISTRY_BYTES
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.hosts import RedisHosts, parse_hosts
from dashapp.stores.redis.keys import HOST_LIST_METRICS, LIST_HOSTS_SCRIPT, REGISTRY_KEY
from dashapp.stores.redis.writer import registry_entry

SIZES = (100, 1000, 10_000)
READS = 40


def run() -> list[Row]:
    from redis_server import redis_at

    rows = []
    with tempfile.TemporaryDirectory(prefix="dashapp-bench-") as folder, redis_at(Path(folder)) as server:
        assert server.popen is not None
        redis = psutil.Process(server.popen.pid)
        with closing(server.client()) as client:
            for size in SIZES:
                rows += _measure(server.url, client, redis, size)
    return rows


def _measure(url: str, client: Any, redis: psutil.Process, size: int) -> list[Row]:
    now = int(time.time() * 1000)
    entries = {}
    for number in range(size):
        values = tick(number, now // 1000, 1).values
        text = registry_entry(now, 1, {key: values[key] for key in HOST_LIST_METRICS})
        entries[name_of(number)] = f"{now} {text}"
    client.hset(REGISTRY_KEY, mapping=entries)
    redis_seconds, start = cpu([redis]), time.process_time()
    for _ in range(READS):
        limits = (MAX_HOST_BYTES, MAX_REGISTRY_BYTES, MAX_HOSTS)
        _clock, listing, _dropped = client.execute_command(
            "EVAL", LIST_HOSTS_SCRIPT, 1, REGISTRY_KEY, *limits
        )
        parse_hosts(listing)
    our_seconds, redis_seconds = (time.process_time() - start) / READS, (cpu([redis]) - redis_seconds) / READS
    hosts = RedisHosts(RedisClient(url), "none")
    hosts.hosts()
    start = time.process_time()
    for _ in range(5):
        response = build_response("200 OK", encode_json(hosts_json(hosts)))
    list_seconds = (time.process_time() - start) / 5
    hosts.close()
    sent_kb = sum(map(len, listing)) / 1000
    response_kb = len(response.gzip_body or response.body) / 1000
    label = f"{size:,} hosts"
    return [
        Row(
            f"registry of {label}, read, CPU of Redis", 1000 * redis_seconds, "ms", note=f"{sent_kb:,.0f} kB"
        ),
        Row(
            f"registry of {label}, read, CPU of dashapp",
            1000 * our_seconds,
            "ms",
            note="once per second and web process",
        ),
        Row(
            f"list of {label}, per response, CPU of dashapp",
            1000 * list_seconds,
            "ms",
            note=f"{response_kb:,.0f} kB on the wire",
        ),
    ]
