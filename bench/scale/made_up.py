"""A simulated host: fifty metrics with the names and the noise of a real machine."""

from __future__ import annotations

from functools import cache
from random import Random

from bench.two_years import values
from dashapp.model.ticks import Metric, Tick
from dashapp.stores.redis.keys import HOST_LIST_METRICS

METRICS = 50
# Names as long as a machine's, including those of the host list.
KEYS = [
    *HOST_LIST_METRICS,
    *(f"cpu.core{number}.percent" for number in range(METRICS - len(HOST_LIST_METRICS))),
]
KINDS = 12
SPAN = 600


def name_of(number: int) -> str:
    return f"bench-{number}"


def catalogue() -> list[Metric]:
    return [Metric(key, key, "", key.partition(".")[0]) for key in KEYS]


@cache
def rows(kind: int) -> list[dict[str, float]]:
    return [dict(zip(KEYS, row, strict=True)) for row in values(Random(kind), SPAN)]


def tick(number: int, time: float, step: float) -> Tick:
    """Return the tick of host `number` at `time`, the same for all hosts of its kind."""
    return Tick(time, step, rows(number % KINDS)[round(time / step) % SPAN])
