"""Sources: one file each. A source has one method, and may raise, be slow or leave a metric out.

One that has something to say while it goes on, such as where its input ended, says it by an attribute `said`:
a sentence for the page, empty while there is none. A SourceError is such a sentence instead of values.
One that knows how its panels are drawn says it by `looks`, a kind by a panel's name.
One that draws whole curves gives the newest by `curves`, a model.Curves by a panel's name.
One that knows what was before it began tells it by `past(until, limit)`, where `limit` is a count of ticks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from dashapp.model.ticks import Metric

# What was before: seconds UTC, rising, and the values then.
Backfill = Sequence[tuple[float, Mapping[Metric, float]]]


class Source(Protocol):
    def read(self) -> Mapping[Metric, float]:
        """Every metric's value now."""
