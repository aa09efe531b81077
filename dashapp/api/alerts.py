"""Alerts: where thresholds stand and what became of them, as an answer says it. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from dashapp.model.thresholds import MISSING, Change, State
from dashapp.model.ticks import BadRequestError, milliseconds
from dashapp.stores.base import MOST_CHANGES, Reader

# Changes in an answer where nobody says how many.
USUAL = 100


def listed(store: Reader, query: str, there: Collection[str] | None) -> dict[str, Any]:
    """All thresholds, and as many of their changes as `query` asks for. BadRequestError where it asks for
    anything else. `there`: the metrics that have a value now; None where nothing comes from the collector."""
    limit = _limit(query)
    return {
        "thresholds": [_alert(state, there) for state in store.thresholds()],
        "log": _entries(store.changes(), store.sent(), limit),
    }


def broken(states: Iterable[State]) -> list[dict[str, Any]]:
    """Those that are, in short: it goes with each answer."""
    return [
        {"metric": each.threshold.metric, "text": each.threshold.text, "since": _since(each)}
        for each in states
        if each.broken
    ]


def _alert(state: State, there: Collection[str] | None) -> dict[str, Any]:
    threshold = state.threshold
    return {
        "text": threshold.text,
        "metric": threshold.metric,
        "op": threshold.op,
        "limit": None if threshold.op == MISSING else threshold.limit,
        "for": threshold.seconds,
        "state": "broken" if state.broken else "ok" if _known(state, there) else "unknown",
        "since": _since(state),
    }


def _known(state: State, there: Collection[str] | None) -> bool:
    if there is None:
        return False
    return state.threshold.op == MISSING or state.threshold.metric in there


def _since(state: State) -> int | None:
    return None if state.since is None else milliseconds(state.since)


def _entries(changes: Sequence[Change], sent: Mapping[str, int], limit: int) -> list[dict[str, Any]]:
    """The newest `limit` of `changes`, newest first. `sent`: what each address was told of."""
    told = min(sent.values(), default=None)
    return [
        {
            "number": each.number,
            "text": each.threshold.text,
            "metric": each.threshold.metric,
            "state": "broken" if each.broken else "ok",
            "time": milliseconds(each.time),
            "value": each.value,
            "sent": None if told is None else each.number <= told,
        }
        for each in reversed(changes[-limit:])
    ]


def _limit(query: str) -> int:
    """How many changes a query asks for. BadRequestError where it asks for anything else."""
    given = parse_qsl(query, keep_blank_values=True)
    if not given:
        return USUAL
    (name, text), *more = given
    if name != "limit" or more:
        raise BadRequestError("expected limit, and nothing else")
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= MOST_CHANGES):
        raise BadRequestError(f"limit is {text[:40]!r}; expected a whole number from 1 to {MOST_CHANGES}")
    return int(text)
