"""The reader of archived blocks in Redis, used by several threads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, SupportsIndex

import pytest

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
