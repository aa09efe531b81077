"""Health: whether there is anything new in a store, in few words. Knows no question."""

from __future__ import annotations

from dashapp.http.responses import json
from dashapp.model.ticks import stale_after
from dashapp.stores.base import Reader


def health(store: Reader, interval: float, now: float) -> tuple[bool, bytes]:
    """Whether it is stale at `now`, and what is said of it. `interval`: seconds between ticks before the
    first."""
    newest = store.newest().time_ms
    ticks = store.since(float("-inf"), 1)
    step = ticks[-1].step if ticks else interval
    age = max(0.0, now - newest / 1000) if newest else None
    stale = age is None or age > stale_after(step)
    return stale, json({"status": "stale" if stale else "ok", "age": None if age is None else round(age, 3)})
