"""The response of /api/top: the processes that used the most CPU or memory, at any time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashapp.api.params import parse_parameters, parse_range, parse_time
from dashapp.model.ticks import BadRequestError, to_milliseconds
from dashapp.model.top import CPU, MEMORY, Ranking, TopRecord
from dashapp.query.top import newest_record, record_at, record_between
from dashapp.stores.base import Reader

PARAMETERS = ("at", "from", "to")
NO_RECORD = "No processes were recorded at that time."
SEVERAL_HOSTS = "A comparison of hosts has no processes; see the page of one host."


@dataclass(frozen=True, slots=True)
class TopQuery:
    """A moment or a range, in epoch milliseconds; neither is set for now."""

    at: int | None = None
    time_range: tuple[int, int] | None = None


def parse_top_query(query: str, max_window: float, now: float) -> TopQuery:
    """Parse a query string; BadRequestError if it is invalid. `now`: epoch seconds."""
    values = parse_parameters(query, PARAMETERS)
    if "at" in values:
        if len(values) > 1:
            raise BadRequestError("at cannot be combined with from and to")
        return TopQuery(at=parse_time("at", values["at"]))
    if values:
        return TopQuery(time_range=parse_range(values, max_window, now * 1000))
    return TopQuery()


def top_json(store: Reader, query: TopQuery, now: float) -> dict[str, Any]:
    """Return the rankings with their time and its length in seconds; empty without a record."""
    levels = store.top_levels()
    now_ms = to_milliseconds(now)
    if query.time_range is not None:
        record, requested = record_between(levels, *query.time_range), query.time_range[1]
    elif query.at is not None:
        record, requested = record_at(levels, query.at), query.at
    else:
        record, requested = newest_record(levels, now_ms), now_ms
    if record is None:
        reason = NO_RECORD if levels else SEVERAL_HOSTS
        return {"t": requested, "span": 0, CPU: [], MEMORY: [], "unknown": None, "message": reason}
    rankings = {kind: ranking_json(kind, record.rankings.get(kind, ())) for kind in _kinds(record)}
    return {"t": record.time_ms, "span": record.step, **rankings, "unknown": record.unknown}


def ranking_json(kind: str, ranking: Ranking) -> list[dict[str, Any]]:
    """Return a ranking, the highest first, in percent of the machine or in bytes."""
    unit = "percent" if kind == CPU else "bytes"
    return [{"name": name, unit: value, "count": count} for name, value, count in ranking]


def _kinds(record: TopRecord) -> Sequence[str]:
    return [*dict.fromkeys((CPU, MEMORY, *record.rankings))]
