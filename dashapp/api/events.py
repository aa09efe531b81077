"""GET /api/events: marks of people, observations of the collector, and alerts."""

from __future__ import annotations

import math
from typing import Any

from dashapp.alerts.message import describe_change
from dashapp.api.params import query_fields
from dashapp.model.text import quote_value
from dashapp.model.ticks import MAX_EPOCH_MS, BadRequestError, to_milliseconds
from dashapp.stores.base import Reader

ALERT = "alert"


def events_json(store: Reader, query: str) -> list[dict[str, Any]]:
    """The events in the range of `query`, from start to end inclusive; or BadRequestError."""
    start, end = _parse_range(query)
    rows = [(event.time_ms, event.text, event.kind) for event in store.events().events]
    rows += [(to_milliseconds(change.time), describe_change(change), ALERT) for change in store.changes()]
    return [
        {"t": time_ms, "text": text, "kind": kind}
        for time_ms, text, kind in sorted(rows, key=lambda row: row[0])
        if start <= time_ms <= end
    ]


def _parse_range(query: str) -> tuple[float, float]:
    """The `from` and `to` of a query in epoch milliseconds; everything without them."""
    ends: dict[str, float] = {}
    for name, text in query_fields(query):
        if name not in ("from", "to"):
            raise BadRequestError(f"{quote_value(name)} is not a parameter; expected from and to")
        if name in ends:
            raise BadRequestError(f"{name} is set twice; expected it once")
        ends[name] = _parse_time(name, text)
    start, end = ends.get("from", 0.0), ends.get("to", math.inf)
    if start > end:
        raise BadRequestError("from must not be later than to")
    return start, end


def _parse_time(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MAX_EPOCH_MS:
        raise BadRequestError(f"{name} is {quote_value(text)}; expected epoch milliseconds")
    return value
