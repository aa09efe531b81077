"""The levels of a host in Redis, ready to be read into columns."""

from __future__ import annotations

from dashapp.stores.level_reader import LevelReader
from dashapp.stores.long_memory import ALL
from dashapp.stores.redis_keys import Keys
from dashapp.stores.redis_link import Link
from dashapp.stores.redis_shelf import RedisShelfReader


def open_levels(link: Link, keys: Keys) -> tuple[LevelReader, ...]:
    """Sealed ticks, minutes and hours, finest first."""
    return tuple(
        LevelReader(RedisShelfReader(link, keys, name, round(span * 1000)), step, span)
        for name, step, span in ALL
    )
