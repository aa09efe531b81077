"""Buckets of histograms: their differences, their sums, and percentiles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from dashapp.sources.external.prometheus_rates import QUANTILES, quantile

# The most that one histogram has. The default of OpenTelemetry is 160.
MAX_BUCKETS = 1024
# Scales that the definition of exponential histograms allows.
MIN_SCALE, MAX_SCALE = -10, 20
Cumulative = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class ExplicitBuckets:
    """`counts` has one number for each upper bound, and one for all above."""

    bounds: tuple[float, ...]
    counts: tuple[float, ...]

    def encode(self) -> list[Any]:
        return [self.bounds, self.counts]

    def combine(self, other: Buckets, sign: int) -> Buckets | None:
        """Return the counts plus `sign` times those of `other`; None if that is no histogram."""
        if not isinstance(other, ExplicitBuckets) or other.bounds != self.bounds:
            return None
        counts = tuple(own + sign * count for own, count in zip(self.counts, other.counts, strict=True))
        return ExplicitBuckets(self.bounds, counts) if min(counts) >= 0 else None

    def cumulative(self) -> Cumulative:
        return list(zip((*self.bounds, math.inf), accumulate(self.counts), strict=True))


@dataclass(frozen=True)
class ExponentialBuckets:
    """Bucket `index` has the values above base**index, up to base**(index + 1).

    The base is 2**(2**-scale).     See https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram.
    """

    scale: int
    zero: float
    positive: Mapping[int, float]
    negative: Mapping[int, float]

    def encode(self) -> list[Any]:
        return [self.scale, self.zero, *map(_flatten, (self.positive, self.negative))]

    def combine(self, other: Buckets, sign: int) -> Buckets | None:
        """Return the counts plus `sign` times those of `other`, in the coarser of both scales."""
        if not isinstance(other, ExponentialBuckets):
            return None
        scale = min(self.scale, other.scale)
        sums = []
        for own, more in ((self.positive, other.positive), (self.negative, other.negative)):
            counts = _rescale(own, self.scale - scale)
            for index, count in _rescale(more, other.scale - scale).items():
                counts[index] = counts.get(index, 0) + sign * count
            sums.append(counts)
        zero = self.zero + sign * other.zero
        if zero < 0 or any(count < 0 for counts in sums for count in counts.values()):
            return None
        return ExponentialBuckets(scale, zero, *sums)

    def cumulative(self) -> Cumulative:
        """Return both bounds of each bucket, because there can be empty ones between two."""
        steps: list[tuple[float, float, float]] = [
            (-self._bound(index + 1), -self._bound(index), self.negative[index])
            for index in sorted(self.negative, reverse=True)
        ]
        steps.append((0.0, 0.0, self.zero))
        steps += [
            (self._bound(index), self._bound(index + 1), self.positive[index])
            for index in sorted(self.positive)
        ]
        result, count = [], 0.0
        for low, high, more in steps:
            if more:
                result += [(low, count), (high, count + more)]
                count += more
        return result

    def _bound(self, index: int) -> float:
        try:
            return float(2.0 ** math.ldexp(index, -self.scale))
        except OverflowError:
            return math.inf


Buckets = ExplicitBuckets | ExponentialBuckets


def percentiles(buckets: Buckets | None) -> list[float | None]:
    """Return p50, p95 and p99; None for those that are not certain."""
    cumulative = [] if buckets is None else buckets.cumulative()
    if not cumulative or cumulative[-1][1] <= 0:
        return [None for _ in QUANTILES]
    values = (quantile(share, cumulative) for share in QUANTILES)
    return [value if value is not None and math.isfinite(value) else None for value in values]


def _flatten(counts: Mapping[int, float]) -> list[float]:
    return [number for index in sorted(counts) for number in (index, counts[index])]


def _rescale(counts: Mapping[int, float], steps: int) -> dict[int, float]:
    """Merge 2**steps neighbours into one bucket."""
    merged: dict[int, float] = {}
    for index, count in counts.items():
        merged[index >> steps] = merged.get(index >> steps, 0) + count
    return merged


def decode_buckets(fields: Any) -> Buckets:
    """Return what `encode` wrote; ValueError or TypeError for anything else."""
    if len(fields) == 2:
        bounds, counts = (tuple(map(float, numbers)) for numbers in fields)
        is_valid = len(counts) == len(bounds) + 1 and all(low < high for low, high in pairwise(bounds))
        buckets: Buckets = ExplicitBuckets(bounds, counts)
    else:
        scale, zero, *sides = fields
        positive, negative = (
            {int(index): float(count) for index, count in zip(side[::2], side[1::2], strict=True)}
            for side in sides
        )
        counts = (float(zero), *positive.values(), *negative.values())
        is_valid = MIN_SCALE <= int(scale) <= MAX_SCALE
        is_valid = is_valid and all(abs(index) < 1 << 32 for index in (*positive, *negative))
        buckets = ExponentialBuckets(int(scale), float(zero), positive, negative)
    if not (is_valid and len(counts) <= MAX_BUCKETS and all(0 <= count < math.inf for count in counts)):
        raise ValueError("not the buckets of a histogram")
    return buckets
