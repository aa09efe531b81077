"""The reader of archived blocks in Redis, used by several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, SupportsIndex

import pytest
from redis_server import RedisServer, needs_redis, redis_at

from dashapp.stores.redis import bounded
from dashapp.stores.redis.archive import BlockEnd, RedisBlockReader
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.keys import Keys


class ReplacedList(list[BlockEnd]):
    """As soon as this list is read, another thread replaces it: the oldest block expired."""

    reader: RedisBlockReader

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        self.reader._ends_cache = list.__getitem__(self, slice(1, None))
        return super().__getitem__(index)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisBlockReader]:
    monkeypatch.setattr(RedisBlockReader, "_refresh_ends", lambda self: None)
    client = RedisClient("redis://127.0.0.1:1")
    yield RedisBlockReader(client, Keys("a"), "minutes", 10)
    client.close()


def test_blocks_are_complete_when_list_is_replaced_meanwhile(reader: RedisBlockReader) -> None:
    ends = [(end - 10, end, 1) for end in range(10, 100, 10)]
    for _, end, _ in ends:
        reader._blocks[end] = str(end).encode()
    before = ReplacedList(ends)
    before.reader = reader
    reader._ends_cache = before
    assert list(reader.blocks(50, 80)) == [b"60", b"70", b"80", b"90"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_at(tmp_path_factory.mktemp("redis")) as server:
        yield server


class ReadingClient(RedisClient):
    """Calls `after_read` after each command."""

    after_read: Callable[[Any], None]

    @property
    def connection(self) -> Any:
        redis = super().connection
        client = self

        class Connection:
            def eval(self, *arguments: Any) -> Any:
                reply = redis.eval(*arguments)
                client.after_read(redis)
                return reply

        return Connection()


@needs_redis
def test_rows_are_complete_when_first_ones_move_into_block_meanwhile(server: RedisServer) -> None:
    client = ReadingClient(server.url)
    reader = RedisBlockReader(client, Keys("moving"), "minutes", 1000)
    rows = Keys("moving").of("minutes.rows")
    with server.client() as redis:
        redis.zadd(rows, {str(time): time for time in range(1, 201)})
    client.after_read = lambda redis: redis.zremrangebyrank(rows, 0, 59)
    assert list(reader.rows(0, 200)) == [str(time).encode() for time in range(1, 201)]
    client.close()


@needs_redis
def test_rows_are_complete_when_they_exceed_one_reply(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a row that no store of ours writes is left out."""
    monkeypatch.setattr(bounded, "MAX_TEXT_BYTES", 150)
    monkeypatch.setattr(bounded, "MAX_REPLY_BYTES", 320)
    client = RedisClient(server.url)
    reader = RedisBlockReader(client, Keys("wide"), "minutes", 1000)
    ours = [f"{time:0100}" for time in range(1, 100)]
    with server.client() as redis:
        redis.zadd(Keys("wide").of("minutes.rows"), {row: int(row) for row in ours} | {f"{50:0200}": 50.5})
        redis.zadd(Keys("wide").of("minutes.rows"), {f"{101:0200}": 0.5})
    assert list(reader.rows(0, 200)) == [row.encode() for row in ours]
    client.close()
