"""Ticks by cursor, as the first API gave them out: the store contract is tried with these."""

from __future__ import annotations

from typing import NamedTuple

from dashapp.model.ticks import Cursor, Tick, to_milliseconds
from dashapp.stores.base import Reader


class Page(NamedTuple):
    """Ticks in order, the cursor after the last, and whether the reader must drop what it has."""

    ticks: list[Tick]
    cursor: str
    reset: bool


def last_page(store: Reader, limit: int) -> Page:
    """The newest `limit` ticks."""
    mark = store.newest()
    ticks = store.since(float("-inf"), limit)
    return Page(ticks, _cursor(mark.generation, ticks, mark.time_ms), reset=True)


def page_after(store: Reader, cursor: str, limit: int) -> Page:
    """Return the ticks since `cursor`, or the newest `limit` with `reset` if it is unknown.

    It does not if the cursor is of another generation, lies in the future, or is so old that its tick is
    gone or more than `limit` have come since.
    """
    mark = store.newest()
    position = Cursor.decode(cursor)
    if position is None or position.generation != mark.generation or position.time_ms > mark.time_ms:
        return last_page(store, limit)
    ticks = _ticks_since(store, position, limit + 1)
    if ticks is None or len(ticks) > limit:
        return last_page(store, limit)
    return Page(ticks, _cursor(mark.generation, ticks, position.time_ms), reset=False)


def _ticks_since(store: Reader, position: Cursor, limit: int) -> list[Tick] | None:
    """Return the ticks after the one at `position`; None if the store no longer has that tick."""
    ticks = store.since((position.time_ms - 1) / 1000, limit + 1)
    if position.time_ms == 0:
        return None if ticks else []
    if not ticks or to_milliseconds(ticks[0].time) != position.time_ms:
        return None
    return ticks[1:]


def cursor_start(reader: Reader) -> str:
    """Return the part of a cursor that names the reader's generation."""
    return reader.newest().encode().partition(".")[0]


def _cursor(generation: str, ticks: list[Tick], otherwise_ms: int) -> str:
    return Cursor(generation, to_milliseconds(ticks[-1].time) if ticks else otherwise_ms).encode()
