"""The response of /api/top: the processes that used the most CPU or memory, at any time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashapp.api.params import parse_parameters, parse_range, parse_time
from dashapp.model.ticks import BadRequestError, BusyError, to_milliseconds
from dashapp.model.top import CPU, MEMORY, Ranking, TopRecord
from dashapp.query.top import newest_record, record_at, record_between
from dashapp.stores.base import Reader

PARAMETERS = ("at", "from", "to")
NO_RECORD = "No processes were recorded at that time."
UNREADABLE = "the store cannot be read now; retry in 1 second"
SEVERAL_HOSTS = "A comparison of hosts has no processes; see the page of one host."


@dataclass(frozen=True, slots=True)
class TopQuery:
    """A moment or a range, in epoch milliseconds; neither is set for now."""

    at: int | None = None
    time_range: tuple[int, int] | None = None


class TopEndpoint:
    """The recorded processes of `store`; `error`: why they are not shown, empty if they are."""

    def __init__(self, store: Reader, error: str, max_window: float) -> None:
        self._store = store
        self._error = error
        self._max_window = max_window

    @property
    def is_shown(self) -> bool:
        return not self._error

    def json(self, query: str, now: float) -> dict[str, Any]:
        """Return the response; BadRequestError or BusyError if there is none. `now`: epoch seconds."""
        if self._error:
            raise BadRequestError(self._error)
        failed_reads = self._store.failed_reads
        response = top_json(self._store, parse_top_query(query, self._max_window, now), now)
        if self._store.failed_reads != failed_reads:
            # The page requests a moment once, and would say that nothing was recorded.
            raise BusyError(UNREADABLE)
        return response


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
