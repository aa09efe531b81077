"""Redis failover: a replica that is slightly behind takes over role and address."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from redis_server import needs_redis, redis_at
from redis_store import drain
from waiting import wait_for

from dashapp.model.ticks import Tick
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.keys import Keys
from dashapp.stores.redis.store import RedisStore

pytestmark = needs_redis


def test_19_failover_to_replica_neither_loses_nor_repeats_ticks(tmp_path: Path) -> None:
    ticks = Keys("a").ticks
    with (
        redis_at(tmp_path / "first") as first,
        redis_at(tmp_path / "second") as second,
        closing(second.client()) as replica,
        closing(RedisStore(RedisClient(first.url), "a")) as store,
    ):
        replica.replicaof("127.0.0.1", first.port)
        for time in range(1, 6):
            store.append(Tick(time, 1, {"cpu": 1.0}))
        drain(store)
        wait_for(lambda: replica.xlen(ticks) == 5)
        second.freeze()
        store.append(Tick(6, 1, {"cpu": 1.0}))
        drain(store)
        first.kill()
        second.thaw()
        replica.replicaof("NO", "ONE")
        replica.config_set("port", first.port)
        second.port = first.port
        store.append(Tick(7, 1, {"cpu": 1.0}))
        drain(store)
        with closing(second.client()) as promoted:
            kept = [int(fields[b"t"]) for _id, fields in promoted.xrange(ticks)]
        assert kept == [1000, 2000, 3000, 4000, 5000, 6000, 7000]
