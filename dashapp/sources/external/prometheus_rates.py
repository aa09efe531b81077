"""Rates of an exporter's counters, and percentiles of its histograms, between two readings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dashapp.sources.external.prometheus_names import QUANTILE, SeriesIdentity
from dashapp.sources.external.prometheus_text import BUCKET, GAUGE, Series
from dashapp.sources.rates import CounterRates

QUANTILES = (0.5, 0.95, 0.99)


class SeriesRates:
    """Rates of counters; a counter with a time of its own has the rate between two such times."""

    def __init__(self) -> None:
        self._rates: CounterRates[SeriesIdentity] = CounterRates()
        self._timed: dict[SeriesIdentity, _TimedCounter] = {}

    def per_second(self, counters: Iterable[Series], read_at: float) -> dict[SeriesIdentity, float]:
        """Return the rates; `read_at` is the time of the request by a clock that never goes back."""
        untimed: dict[SeriesIdentity, float] = {}
        timed: dict[SeriesIdentity, _TimedCounter] = {}
        for series in counters:
            identity = (series.name, series.labels)
            if series.time is None:
                untimed[identity] = series.value
            else:
                timed[identity] = _next_counter(self._timed.get(identity), series.value, series.time)
        self._timed = timed
        rates = {identity: counter.rate for identity, counter in timed.items() if counter.rate is not None}
        return self._rates.per_second(untimed, read_at) | rates


class _TimedCounter(NamedTuple):
    value: float
    time: float
    rate: float | None


def _next_counter(old: _TimedCounter | None, value: float, time: float) -> _TimedCounter:
    """Return the new state; until the exporter reads its counter again, the rate is the same."""
    if old is None or time < old.time:
        return _TimedCounter(value, time, None)
    if time == old.time:
        return old
    rate = (value - old.value) / (time - old.time) if value >= old.value else None
    return _TimedCounter(value, time, rate)


class Percentiles:
    """Percentiles of the observations since the last reading, from the buckets of histograms.

    `beyond` names the first histogram with a percentile above its largest bucket, whose value is unknown.
    """

    def __init__(self) -> None:
        self.beyond = ""
        self._last: dict[SeriesIdentity, dict[float, float]] = {}

    def read(self, buckets: Iterable[Series]) -> list[Series]:
        """Return a series for each percentile of each histogram with new observations.

        A gauge histogram has the percentiles of its present content.
        """
        self.beyond = ""
        counts: dict[SeriesIdentity, dict[float, float]] = {}
        kinds: dict[SeriesIdentity, str] = {}
        for series in buckets:
            labels = tuple(pair for pair in series.labels if pair[0] != "le")
            try:
                bound = float(dict(series.labels)["le"])
            except (KeyError, ValueError):
                continue
            counts.setdefault((series.name, labels), {})[bound] = series.value
            kinds[series.name, labels] = series.kind
        results = []
        for identity, now in counts.items():
            previous = self._last.get(identity) if kinds[identity] == BUCKET else dict.fromkeys(now, 0.0)
            results += self._percentiles(identity, _increases(now, previous))
        self._last = counts
        return results

    def _percentiles(
        self, identity: SeriesIdentity, cumulative: Sequence[tuple[float, float]]
    ) -> list[Series]:
        results = []
        for share in QUANTILES if cumulative else ():
            value = quantile(share, cumulative)
            if value is None:
                self.beyond = self.beyond or identity[0]
            elif math.isfinite(value):
                labels = tuple(sorted([*identity[1], (QUANTILE, f"{share:g}")]))
                results.append(Series(identity[0], labels, value, GAUGE))
        return results


def _increases(
    now: Mapping[float, float], previous: Mapping[float, float] | None
) -> list[tuple[float, float]]:
    """Return the upper bounds and the observations up to each, or nothing if not certain.

    That is so for new buckets, after a reset, without the last bucket and without observations.
    """
    if previous is None or previous.keys() != now.keys() or math.inf not in now:
        return []
    increases = [(bound, now[bound] - previous[bound]) for bound in sorted(now)]
    counts = [count for _, count in increases]
    return increases if counts[0] >= 0 and counts == sorted(counts) and counts[-1] > 0 else []


def quantile(share: float, cumulative: Sequence[tuple[float, float]]) -> float | None:
    """Interpolate a quantile within its bucket, as histogram_quantile() of Prometheus does.

    Return None if it is above the largest finite bound. https://prometheus.io/docs/practices/histograms/

    >>> quantile(0.5, [(1.0, 10), (2.0, 20), (float("inf"), 20)])
    1.0
    >>> quantile(0.75, [(1.0, 10), (2.0, 20), (float("inf"), 20)])
    1.5
    """
    rank = share * cumulative[-1][1]
    lower_bound = lower_count = 0.0
    for index, (bound, count) in enumerate(cumulative):
        if count >= rank and count > lower_count:
            if math.isinf(bound):
                return None
            if index == 0 and bound <= 0:
                return bound
            return lower_bound + (bound - lower_bound) * (rank - lower_count) / (count - lower_count)
        lower_bound, lower_count = bound, count
    return None
