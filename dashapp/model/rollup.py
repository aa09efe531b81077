"""Roll up ticks into coarser points with total, lowest, highest and weight.

A point of step S at time T represents the ticks in (T - S, T]. T is a multiple of S, so the point is complete
once a tick at or after T exists. A tick weighs as many seconds as its step, so a mean stays right if the
interval changes, and a gap weighs nothing. Points hold the total of value times weight and not the mean,
because totals add up without error; the mean is total over weight.

In points of older versions each tick weighs 1, which is the same at an interval of one second. At another
interval their means are right as well.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dashapp.model.text import parse_json
from dashapp.model.ticks import MAX_VALUE, to_milliseconds

# A sum of short decimals is a short decimal; the binary digits after these are noise, and would make up most
# of a row. Decimals would not do: small values lose all of their digits.
SIGNIFICANT_DIGITS = 15


class Aggregate(NamedTuple):
    """One metric over several ticks.

    `total` is the sum of value times weight, and `weight` the seconds of the ticks with a value.
    """

    total: float
    low: float
    high: float
    weight: float


@dataclass(frozen=True, slots=True)
class Point:
    """Several ticks as one.

    `time_ms` is their end in epoch milliseconds, `step` their length in seconds.
    """

    time_ms: int
    step: float
    values: Mapping[str, Aggregate]

    def encode(self) -> str:
        """Return one line of JSON: `[time_ms, step, {key: [total, low, high, weight]}]`."""
        return json.dumps([self.time_ms, self.step, self.values], separators=(",", ":"))

    @staticmethod
    def decode(text: object) -> Point:
        """Return the point that `encode` wrote; ValueError on anything else."""
        if not isinstance(text, str | bytes):
            raise ValueError("not a point")
        try:
            time_ms, step, values = parse_json(text)
            # Older versions stored numbers so large that their total was infinite.
            valid_rows = {key: row for key, row in values.items() if max(-row[1], row[2]) <= MAX_VALUE}
            aggregates = {key: Aggregate(*map(float, row)) for key, row in valid_rows.items()}
            return Point(operator.index(time_ms), float(step), aggregates)
        except (TypeError, AttributeError, LookupError, OverflowError, RecursionError) as error:
            raise ValueError("not a point") from error


def point_end_ms(time_ms: int, step: float) -> int:
    """Return the time of the point of `step` seconds that includes a tick at `time_ms`."""
    span = to_milliseconds(step)
    return -(-time_ms // span) * span


def combine(
    totals: Sequence[float], lows: Sequence[float], highs: Sequence[float], weights: Sequence[float]
) -> Aggregate:
    """Return points of one metric as one; the arguments are the fields of their aggregates."""
    weight = math.fsum(weights)
    # A whole number takes two characters less in each row.
    return Aggregate(
        _short(math.fsum(totals)),
        min(lows),
        max(highs),
        int(weight) if weight.is_integer() else _short(weight),
    )


def _short(number: float) -> float:
    return float(f"{number:.{SIGNIFICANT_DIGITS}g}")
