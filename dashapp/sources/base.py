"""The source protocol: one method, `read`, which may raise, be slow or omit a metric.

A source can also have:

`status_message`: a sentence for the page, for example that the input has ended; empty if there is none.
A source without values raises SourceError with such a sentence instead.
It quotes the first input that the source did not understand; `rejection.FirstRejection` makes the sentence.
`is_optional`: whether it may have no numbers for ever. The page names any other source without a number.
`reading_count`: the number of readings so far, if the source is not read at every call of `read`.
`panel_kinds`: the kind of chart by panel name.
`curves`: if the source draws whole curves, the newest as a model.ticks.Curves by panel name.
`unique_name`: a name that no other source may have.
`reserved_chars`: characters of each tick that no other source may use.
`backfill(until, limit)`: if the source has history, at most `limit` ticks of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from dashapp.model.ticks import Metric

# History of a source: rising times in seconds UTC, each with its values.
Backfill = Sequence[tuple[float, Mapping[Metric, float]]]


class Source(Protocol):
    def read(self) -> Mapping[Metric, float]:
        """Return the current value of every metric."""
