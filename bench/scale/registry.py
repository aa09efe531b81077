"""The registry of hosts as it grows: one hash, read whole once a second by every web process.

Made-up entries, written as the writer writes them; what reads them is ours.
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
from dashapp.api.serializers import host_list
from dashapp.http.responses import json, packed
from dashapp.stores.redis.client import Link
from dashapp.stores.redis.hosts import RedisHosts, hosts_of
from dashapp.stores.redis.keys import REGISTERED, REGISTRY
from dashapp.stores.redis.store import HEADLINES
from dashapp.stores.redis.writer import said_of

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
        text = said_of(now, 1, {key: values[key] for key in HEADLINES})
        said[name_of(number)] = f"{now} {text}"
    client.hset(REGISTRY, mapping=said)
    theirs, began = cpu([redis]), time.process_time()
    for _ in range(READS):
        _clock, found = client.execute_command("EVAL", REGISTERED, 1, REGISTRY)
        hosts_of(found)
    ours, theirs = (time.process_time() - began) / READS, (cpu([redis]) - theirs) / READS
    hosts = RedisHosts(Link(url), "none")
    hosts.hosts()
    began = time.process_time()
    for _ in range(5):
        answer = packed("200 OK", json(host_list(hosts)))
    listed = (time.process_time() - began) / 5
    hosts.close()
    sent = sum(map(len, found)) / 1000
    small = len(answer.packed or answer.body) / 1000
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
