"""Messages of sources, as the reasons of the alerts on their metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashapp.model.text import printable
from dashapp.model.thresholds import AlertChange
from dashapp.sources.base import Source

MAX_REASON_CHARS = 200


def alert_reasons(changes: Sequence[AlertChange], sources: Sequence[Source]) -> Mapping[int, str]:
    """Return why alerts fire, by the number of the change, in the words of the source.

    Only sources with a name of their own count: their metrics begin with it.
    """
    reasons: dict[int, str] = {}
    for change in changes:
        if not change.firing:
            continue
        for source in sources:
            name = getattr(source, "unique_name", "")
            if name and change.threshold.metric.startswith(f"{name}."):
                reasons[change.number] = printable(getattr(source, "status_message", "")[:MAX_REASON_CHARS])
    return {number: reason for number, reason in reasons.items() if reason}
