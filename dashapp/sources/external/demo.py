"""Two exchange rates that nobody trades: random walks to look at where there is nothing else to show.

A walk is a function of its seed and the time, so that a restart goes on where the clock is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dashapp.model.ticks import Metric
from dashapp.sources.external.walk import walk

# Half a per cent a day, as the great currencies move.
DEVIATION = 0.005 / math.sqrt(86_400)
EXPECTED = "expected demo, or demo:SEED with a whole number"


class Rate(NamedTuple):
    metric: Metric
    middle: float


RATES = (
    Rate(Metric("demo.eurusd", "EUR/USD (demo)", "", "demo"), 1.09),
    Rate(Metric("demo.gbpusd", "GBP/USD (demo)", "", "demo"), 1.27),
)


class DemoSource:
    """`wall`: seconds UTC."""

    name = "demo"

    def __init__(self, seed: int = 1, wall: Callable[[], float] = time.time) -> None:
        self._seed = seed
        self._wall = wall

    def read(self) -> Mapping[Metric, float]:
        now = self._wall()
        return {
            rate.metric: round(
                rate.middle * math.exp(walk(f"{self._seed} {rate.metric.key}", now, DEVIATION)), 5
            )
            for rate in RATES
        }


def make(rest: str, interval: float, **options: Any) -> DemoSource:
    try:
        seed = int(options.pop("seed", rest or 1))
    except (TypeError, ValueError):
        raise ValueError(EXPECTED) from None
    if options:
        raise ValueError(EXPECTED)
    return DemoSource(seed)
