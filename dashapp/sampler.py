"""The sampler: reads every source at one instant, and appends one tick to the store.

A source that fails costs its own metrics and nobody else's. Knows no clock, process or signal.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from dashapp.model import Metric, Tick, finite
from dashapp.sources import Source
from dashapp.stores import Store

log = logging.getLogger("dashapp")


class Sampler:
    """Reads `sources` into `store`; `step` is the seconds between ticks."""

    def __init__(self, sources: Sequence[Source], store: Store, step: float) -> None:
        self._sources = sources
        self._store = store
        self._step = step
        self._known: dict[str, Metric] = {metric.key: metric for metric in store.metrics()}
        self._described: dict[str, Metric] = {}
        self._failing: set[int] = set()

    def tick(self, time: float) -> Tick | None:
        """The tick of `time`, kept; None where no source gave a value."""
        read: dict[Metric, float] = {}
        for number, source in enumerate(self._sources):
            try:
                read.update({metric: value for metric, value in source.read().items() if metric.key})
                self._failing.discard(number)
            except Exception as error:
                # A source is somebody else's code: whatever it raises, the others keep their second.
                if number not in self._failing:
                    self._failing.add(number)
                    log.warning("%s gives nothing: %r", type(source).__name__, error)
        values = finite({metric.key: value for metric, value in read.items()})
        if not values:
            return None
        tick = Tick(time, self._step, values)
        fresh = {metric.key: metric for metric in read if metric.key in values}
        if any(self._described.get(key) != metric for key, metric in fresh.items()):
            self._described.update(fresh)
            self._store.describe((self._known | self._described).values())
        self._store.append(tick)
        return tick
