"""The size of a history: which level gives up its oldest block first.

Each level has a share. A level that needs less leaves the rest to the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

# The shares of ticks, minutes and hours, and of the same levels of the top processes, if there are any.
SHARES = (0.5, 0.3, 0.2, 0.05, 0.03, 0.02)


class SizedStorage(Protocol):
    """The part of a BlockStorage that this module uses."""

    def size(self) -> int: ...
    def drop_oldest(self) -> bool: ...


def drop_oldest_block(storages: Sequence[SizedStorage], aside: SizedStorage | None) -> bool:
    """Drop a block of the level that is most above its share; False if no level has one.

    Points that are set aside go first, because no page shows them.
    """
    if aside is not None and aside.drop_oldest():
        return True
    levels = zip(storages, SHARES, strict=False)
    ordered = sorted(levels, key=lambda level: level[0].size() / level[1], reverse=True)
    return any(storage.drop_oldest() for storage, _share in ordered)


class BlockSizeLimit:
    """Limits the bytes that the storages themselves report."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    def enforce(self, storages: Sequence[SizedStorage], aside: SizedStorage | None) -> None:
        all_storages = [*storages, *([aside] if aside else [])]
        while sum(storage.size() for storage in all_storages) > self._max_bytes:
            if not drop_oldest_block(storages, aside):
                break
