"""Another program wrote the generation of a host in Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from redis_server import RedisServer, needs_redis, redis_at
from redis_store import opened, stored, write

from dashapp.model.ticks import Cursor
from dashapp.query.frames import live_frame
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.keys import Keys
from dashapp.stores.redis.reader import RedisReader

pytestmark = needs_redis

# An event of a stream has the generation in a line of its own.
TEXTS = [b"x\n\ndata:{}", b"\xff\xfe", b"0" * 17, b"0123456789ABCDEF", b"<b>"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_at(tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.mark.parametrize("text", TEXTS)
def test_reader_and_writer_continue_with_any_generation(server: RedisServer, text: bytes) -> None:
    with closing(server.client()) as client:
        client.flushall()
        with closing(opened(server)) as store:
            write(store, 1, 2)
            client.set(Keys("a").generation, text)
            write(store, 3)
            reader = RedisReader(RedisClient(server.url), "a")
            reader.poll()
            frame = live_frame(reader, 100)
            cursor = Cursor.decode(frame.cursor)
            assert cursor == reader.newest_cursor
            assert cursor.time_ms == 3000
            write(store, 4)
            reader.poll()
            later = live_frame(reader, 100, frame.cursor)
            assert (later.t.tolist(), later.reset) == ([4000], False)
            assert not store.lost_ticks()
    assert stored(server) == [1, 2, 3, 4]
