"""The state of one series: its last point, and the values of this tick.

A point that is not newer than the last one is a repetition, for example of a request without a response.
"""

from __future__ import annotations

from typing import Protocol

from dashapp.sources.external.ingest.histograms import Buckets, percentiles
from dashapp.sources.external.ingest.records import COUNTER, GAUGE, HISTOGRAM, Point

Values = tuple[float | None, ...]
# A point that is older than the last one by so many seconds is no repetition: the clock was set back. Web
# processes accept 2 minutes of delay and 1 of lead, and full minutes, which are rounded down.
MAX_REPETITION_AGE_S = 240.0


def _is_newer(time: float, last: float) -> bool:
    return time > last or time < last - MAX_REPETITION_AGE_S


class Stream(Protocol):
    """Gets the points of a tick in order of time."""

    def apply(self, point: Point) -> bool:
        """Take a point; return whether it is new."""

    def take_values(self) -> Values:
        """Return the values of this tick, None for a gap, and begin the next one."""


class GaugeStream:
    def __init__(self) -> None:
        self._time = float("-inf")
        self._value: float | None = None

    def apply(self, point: Point) -> bool:
        # Of two values for one time, the later one counts, unless a tick already has the first.
        is_new = _is_newer(point.time, self._time) or (point.time == self._time and self._value is not None)
        if is_new:
            self._time, self._value = point.time, point.value
        return is_new

    def take_values(self) -> Values:
        value, self._value = self._value, None
        return (value,)


class _Increase:
    """The increase of a counter during this tick, and the seconds that it covers."""

    def __init__(self) -> None:
        self.count = self.seconds = 0.0

    @property
    def rate(self) -> float | None:
        return self.count / self.seconds if self.seconds > 0 else None


class CounterStream:
    """A counter: its rate per second between two points, by their own times.

    A new counter, and one that went back or restarted, has no rate at that point.
    """

    def __init__(self) -> None:
        self._last: Point | None = None
        self._increase = _Increase()

    def apply(self, point: Point) -> bool:
        is_new = self.is_new(point)
        if is_new:
            self.add(point)
        return is_new

    def is_new(self, point: Point) -> bool:
        return self._last is None or _is_newer(point.time, self._last.time)

    def add(self, point: Point) -> tuple[bool, Point | None]:
        """Take a new point. Return whether it adds to this tick, and the point to subtract, if any."""
        last, self._last = self._last, point
        if last is not None and point.time < last.time:
            # The time between both is not certain.
            last = None
        if point.is_delta:
            start = max(point.start, last.time) if last is not None else point.start
            if not 0 < start < point.time:
                return False, None
            self._increment(point.value, point.time - start)
            return True, None
        is_continued = (
            last is not None and not last.is_delta and point.start == last.start and point.value >= last.value
        )
        if last is None or not is_continued:
            return False, None
        self._increment(point.value - last.value, point.time - last.time)
        return True, last

    def _increment(self, count: float, seconds: float) -> None:
        self._increase.count += count
        self._increase.seconds += seconds

    def take_values(self) -> Values:
        increase, self._increase = self._increase, _Increase()
        return (increase.rate,)


class HistogramStream:
    """A histogram: observations per second, their mean, and percentiles, all of this tick."""

    def __init__(self) -> None:
        self._counter = CounterStream()
        self._count = 0.0
        self._total: float | None = 0.0
        self._buckets: Buckets | None = None
        self._has_buckets = True

    def apply(self, point: Point) -> bool:
        is_new = self._counter.is_new(point)
        if is_new:
            self._add(point)
        return is_new

    def _add(self, point: Point) -> None:
        is_added, last = self._counter.add(point)
        if not is_added:
            return
        total, buckets, count = point.total, point.buckets, point.value
        if last is not None:
            count -= last.value
            total = None if total is None or last.total is None else total - last.total
            buckets = None if buckets is None or last.buckets is None else buckets.combine(last.buckets, -1)
        self._count += count
        self._total = None if self._total is None or total is None else self._total + total
        if buckets is not None and self._buckets is not None:
            buckets = buckets.combine(self._buckets, 1)
        self._has_buckets = self._has_buckets and buckets is not None
        self._buckets = buckets

    def take_values(self) -> Values:
        mean = None if self._total is None or not self._count else self._total / self._count
        shares = percentiles(self._buckets if self._has_buckets else None)
        self._count, self._total, self._buckets, self._has_buckets = 0.0, 0.0, None, True
        return (*self._counter.take_values(), mean, *shares)


STREAMS: dict[str, type[Stream]] = {GAUGE: GaugeStream, COUNTER: CounterStream, HISTOGRAM: HistogramStream}
