"""Demo source: two artificial exchange rates, which are random walks over time.

A walk is a function of its seed and the time, so that it continues after a restart. It uses Lévy's
construction of Brownian motion. The middle of an interval is the mean of its ends plus a random step; the
same holds for each half. https://en.wikipedia.org/wiki/Wiener_process#Construction_of_Brownian_motion
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from dashapp.model.ticks import Metric

# Each span of two years is 0 at both ends. The finest step is an eighth of a second.
WALK_SPAN_S = float(1 << 26)
WALK_LEVELS = 29


def random_walk(seed: str, time: float, deviation: float) -> float:
    """Return the position of the walk at `time` in epoch seconds.

    `deviation` is its standard deviation after one second.

    >>> at = 1_800_000_000
    >>> random_walk("a", at, 1.0) == random_walk("a", at + 0.1, 1.0) != random_walk("b", at, 1.0)
    True
    """
    span, offset = divmod(time, WALK_SPAN_S)
    low, high, left, right = 0.0, WALK_SPAN_S, 0.0, 0.0
    path = 1
    for _ in range(WALK_LEVELS):
        middle = (low + high) / 2
        step = math.sqrt(high - low) / 2 * deviation
        value = (left + right) / 2 + step * _normal(f"{seed} {span:.0f} {path}")
        if offset < middle:
            high, right, path = middle, value, 2 * path
        else:
            low, left, path = middle, value, 2 * path + 1
    return left


def _normal(name: str) -> float:
    """Return a normally distributed number that depends only on `name` (Box-Muller)."""
    digest = blake2b(name.encode(), digest_size=16).digest()
    first, second = (int.from_bytes(half, "big") for half in (digest[:8], digest[8:]))
    radius = math.sqrt(-2 * math.log((first + 1) / 2**64))
    return radius * math.cos(2 * math.pi * second / 2**64)


# Half a percent per day, as for major currencies.
DEVIATION_PER_SQRT_S = 0.005 / math.sqrt(86_400)
EXPECTED = "expected demo, or demo:SEED with a whole number"


class Rate(NamedTuple):
    metric: Metric
    middle: float


RATES = (
    Rate(Metric("demo.eurusd", "EUR/USD (demo)", "", "demo"), 1.09),
    Rate(Metric("demo.gbpusd", "GBP/USD (demo)", "", "demo"), 1.27),
)


class DemoSource:
    """Returns the rates at the time that `wall` returns, in seconds UTC."""

    name = "demo"

    def __init__(self, seed: int = 1, wall: Callable[[], float] = time.time) -> None:
        self._seed = seed
        self._wall = wall

    def read(self) -> Mapping[Metric, float]:
        now = self._wall()
        return {
            rate.metric: round(
                rate.middle
                * math.exp(random_walk(f"{self._seed} {rate.metric.key}", now, DEVIATION_PER_SQRT_S)),
                5,
            )
            for rate in RATES
        }


def make_source(rest: str, interval: float, **options: Any) -> DemoSource:
    try:
        seed = int(options.pop("seed", rest or 1))
    except (TypeError, ValueError):
        raise ValueError(EXPECTED) from None
    if options:
        raise ValueError(EXPECTED)
    return DemoSource(seed)
