"""A source read less often than once a tick: its values stand until it is read again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from dashapp.model.ticks import Metric
from dashapp.sources.base import Source


class Seldom:
    """Reads `source` every `every` seconds in the caller's thread; after a failure at the next call."""

    def __init__(self, source: Source, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = type(source).__name__
        self._source = source
        self._every = every
        self._clock = clock
        self._due = float("-inf")
        self._values: Mapping[Metric, float] = {}

    def read(self) -> Mapping[Metric, float]:
        now = self._clock()
        if now >= self._due:
            self._values = self._source.read()
            self._due = now + self._every
        return self._values
