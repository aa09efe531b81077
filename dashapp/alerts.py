"""Alerts: where a threshold stands, as an answer says it. Knows no store and no HTTP."""

from __future__ import annotations

from typing import Any

from dashapp.model import milliseconds
from dashapp.thresholds import State


def alert(state: State) -> dict[str, Any]:
    threshold = state.threshold
    return {
        "text": threshold.text,
        "metric": threshold.metric,
        "op": threshold.op,
        "limit": threshold.limit,
        "for": threshold.seconds,
        "state": "broken" if state.broken else "ok",
        "since": since(state),
    }


def since(state: State) -> int | None:
    return None if state.since is None else milliseconds(state.since)
