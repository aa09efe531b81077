"""The levels of a host in Redis, ready to be read into columns."""

from __future__ import annotations

from dashapp.stores.archive import ALL
from dashapp.stores.archive_reader import LevelReader
from dashapp.stores.redis.archive import RedisShelfReader
from dashapp.stores.redis.client import Link
from dashapp.stores.redis.keys import Keys


def open_levels(link: Link, keys: Keys) -> tuple[LevelReader, ...]:
    """Sealed ticks, minutes and hours, finest first."""
    return tuple(
        LevelReader(RedisShelfReader(link, keys, name, round(span * 1000)), step, span)
        for name, step, span in ALL
    )
