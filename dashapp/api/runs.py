"""JSON of the training runs in a store."""

from __future__ import annotations

from typing import Any

from dashapp.model.runs import is_step, split_run_key
from dashapp.model.ticks import to_milliseconds
from dashapp.stores.base import Reader


def runs_json(store: Reader) -> dict[str, Any]:
    """All runs, the newest first, each with the names of its metrics."""
    metrics: dict[str, list[str]] = {}
    for metric in store.metrics():
        if (parts := split_run_key(metric.key)) and not is_step(parts[1]):
            metrics.setdefault(parts[0], []).append(parts[1])
    return {
        "revision": runs_revision(store),
        "runs": [
            {
                "name": run.name,
                "title": run.title,
                "state": run.state,
                "error": run.error,
                "start": to_milliseconds(run.start),
                "end": None if run.end is None else to_milliseconds(run.end),
                "config": dict(run.config),
                "metrics": metrics.get(run.name, []),
            }
            for run in reversed(store.runs())
        ],
    }


def runs_revision(store: Reader) -> int:
    """Return a number that rises when a run begins, changes or ends; 0 without runs."""
    return max((run.revision for run in store.runs()), default=0)
