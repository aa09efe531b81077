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
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.hosts import RedisHosts, parse_hosts
from dashapp.stores.redis.keys import LIST_HOSTS_SCRIPT, REGISTRY_KEY
from dashapp.stores.redis.store import HOST_LIST_METRICS
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
    said = {}
    for number in range(size):
        values = tick(number, now // 1000, 1).values
        text = registry_entry(now, 1, {key: values[key] for key in HOST_LIST_METRICS})
        said[name_of(number)] = f"{now} {text}"
    client.hset(REGISTRY_KEY, mapping=said)
    theirs, began = cpu([redis]), time.process_time()
    for _ in range(READS):
        _clock, found = client.execute_command("EVAL", LIST_HOSTS_SCRIPT, 1, REGISTRY_KEY)
        parse_hosts(found)
    ours, theirs = (time.process_time() - began) / READS, (cpu([redis]) - theirs) / READS
    hosts = RedisHosts(RedisClient(url), "none")
    hosts.hosts()
    began = time.process_time()
    for _ in range(5):
        answer = build_response("200 OK", encode_json(hosts_json(hosts)))
    listed = (time.process_time() - began) / 5
    hosts.close()
    sent = sum(map(len, found)) / 1000
    small = len(answer.gzip_body or answer.body) / 1000
    which = f"{size:,} hosts"
    return [
        Row(f"registry of {which}, read, CPU of Redis", 1000 * theirs, "ms", note=f"{sent:,.0f} kB"),
        Row(
            f"registry of {which}, read, CPU of dashapp",
            1000 * ours,
            "ms",
            note="once per second and web process",
        ),
        Row(
            f"list of {which}, per response, CPU of dashapp",
            1000 * listed,
            "ms",
            note=f"{small:,.0f} kB on the wire",
        ),
    ]
