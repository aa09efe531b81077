"""The outlook of metrics: their trends and usual ranges, once an hour in a thread.

No tick waits for it: to read the history of a week takes longer than a tick may.
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from threading import Condition, Thread

from dashapp.model.quantities import format_limit, format_quantity
from dashapp.model.statistics.forecast import HOUR_S, MAX_AGE_S, WEEK_S, Trend, rising_trend
from dashapp.model.statistics.times import describe_forecast, whole_hour
from dashapp.model.statistics.usual import UsualRange, hours_like, usual_range, with_margin
from dashapp.model.thresholds import REACHES_OP, UNUSUAL_OP, Threshold
from dashapp.process.threads import start_thread
from dashapp.stores.base import Store
from dashapp.stores.history.mean_levels import hourly_means

# Seconds before a failed read is repeated, and between the metrics of many rules, so that ticks go on.
RETRY_S, PAUSE_S = 60.0, 0.01


class Outlook:
    """An outlook without any knowledge; see StoreOutlook."""

    def reaches(self, threshold: Threshold, now: float, seconds: float) -> bool | None:
        """Return whether the trend reaches the limit in so many seconds; None if unknown."""
        return None

    def usual_range(self, metric: str, time: float) -> UsualRange | None:
        """Return the range outside of which the mean of the minute that ends at `time` is unusual."""
        return None

    def describe(self, threshold: Threshold, now: float, value: float | None) -> str:
        """Return the end of a sentence about an alert, such as "reaches 95 % in 2 days (1 to 3)"."""
        return ""


NO_OUTLOOK = Outlook()


@dataclass(frozen=True, slots=True)
class _Result:
    """The outlook of an hour.

    `hour`: the end of the newest hour of the trends. `start`, `end`: the hour of the usual ranges.
    """

    hour: float
    start: float = 0.0
    end: float = 0.0
    trends: Mapping[str, Trend | None] = field(default_factory=dict)
    ranges: Mapping[str, UsualRange | None] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)


class StoreOutlook(Outlook):
    """The outlook of the metrics that rules need, from the history in a store.

    `zone`: of the hours of usual ranges; None for that of the machine.
    """

    def __init__(self, store: Store, zone: tzinfo | None = None) -> None:
        self._store = store
        self._zone = zone
        self._condition = Condition()
        self._keys: Mapping[str, frozenset[str]] = {}
        self._request: float | None = None
        self._result = _Result(float("-inf"))
        self._retry_time = float("-inf")
        self._thread: Thread | None = None
        self._is_closed = False
        self._interval = 1.0

    def set_thresholds(self, thresholds: Iterable[Threshold]) -> None:
        """Follow a change of the rules."""
        rules = list(thresholds)
        keys = {
            op: frozenset(rule.metric for rule in rules if rule.op == op) for op in (REACHES_OP, UNUSUAL_OP)
        }
        if keys != self._keys:
            with self._condition:
                self._keys = keys
                self._result = _Result(float("-inf"))
                self._retry_time = float("-inf")

    def step(self, now: float, interval: float) -> None:
        """Start to compute the outlook if there is a new hour. Call this for each tick.

        `interval`: the seconds between ticks.
        """
        self._interval = interval
        if not any(self._keys.values()):
            return
        result, keys = self._result, self._keys
        has_trends = not keys[REACHES_OP] or result.hour == whole_hour(now)
        has_ranges = not keys[UNUSUAL_OP] or result.start <= now < result.end
        if (has_trends and has_ranges) or self._request is not None or abs(now - self._retry_time) < RETRY_S:
            return
        with self._condition:
            self._request = self._retry_time = now
            self._condition.notify_all()
        if self._thread is None:
            self._thread = start_thread("dashapp outlook", self._run)

    def wait(self, timeout: float) -> bool:
        """Wait until no outlook is being computed; False if that takes too long."""
        with self._condition:
            return self._condition.wait_for(lambda: self._request is None, timeout)

    def close(self) -> None:
        """End the thread."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()

    def reaches(self, threshold: Threshold, now: float, seconds: float) -> bool | None:
        result = self._result
        is_current = 0 <= whole_hour(now) - result.hour <= MAX_AGE_S
        if not is_current or threshold.metric not in result.trends:
            return None
        trend = result.trends[threshold.metric]
        if trend is None:
            return False
        if trend.line.value(now) >= threshold.limit:
            # The values are around the line, and some of them are still below the limit.
            return True
        forecast = trend.forecast(threshold.limit)
        return forecast is not None and forecast.at - now <= seconds

    def usual_range(self, metric: str, time: float) -> UsualRange | None:
        usual = self._usual_band(metric, time)
        return usual and with_margin(usual, self._result.units.get(metric, ""))

    def describe(self, threshold: Threshold, now: float, value: float | None) -> str:
        unit = next((row.unit for row in self._store.metrics() if row.key == threshold.metric), "")
        if threshold.op == UNUSUAL_OP:
            usual = self._usual_band(threshold.metric, now)
            if usual is None:
                return "is unusual"
            low, high = (format_quantity(bound, unit) for bound in usual)
            return f"is unusual: at this time usually {low} to {high}"
        limit = format_limit(threshold.limit, unit)
        if value is not None and value >= threshold.limit:
            return f"has reached {limit}"
        trend = self._result.trends.get(threshold.metric)
        forecast = trend.forecast(threshold.limit) if trend else None
        return f"reaches {limit} {describe_forecast(forecast, now)}" if forecast else f"reaches {limit} soon"

    def _usual_band(self, metric: str, time: float) -> UsualRange | None:
        result = self._result
        return result.ranges.get(metric) if result.start < time <= result.end else None

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._request is not None or self._is_closed)
                now, keys = self._request, self._keys
            if now is None or self._is_closed:
                return
            result = None
            try:
                result = self._compute(now, keys)
            finally:
                with self._condition:
                    if result is not None and keys == self._keys:
                        self._result = result
                    self._request = None
                    self._condition.notify_all()

    def _compute(self, now: float, keys: Mapping[str, frozenset[str]]) -> _Result | None:
        """Return the outlook at `now`; None if the store does not answer."""
        failed_reads = self._store.failed_reads
        levels = self._store.mean_levels()
        hour = whole_hour(now)
        trends: dict[str, Trend | None] = {}
        if reaching := sorted(keys[REACHES_OP]):
            means = hourly_means(levels, round(1000 * (hour - WEEK_S)), round(1000 * hour), reaching)
            for key, rows in means.items():
                points = [(time_ms / 1000 - HOUR_S / 2, value) for time_ms, value in rows]
                trends[key] = rising_trend(points, hour)
                clock.sleep(PAUSE_S)
        start, end, earlier = hours_like(now, self._zone)
        ranges: dict[str, UsualRange | None] = {}
        if unusual := sorted(keys[UNUSUAL_OP]):
            minutes = [
                levels[0].means(round(1000 * first), round(1000 * last), unusual) for first, last in earlier
            ]
            for key in unusual:
                ranges[key] = usual_range(
                    [[value for _, value in part[key]] for part in minutes], self._interval
                )
        if self._store.failed_reads != failed_reads:
            return None
        units = {metric.key: metric.unit for metric in self._store.metrics()}
        return _Result(hour, start, end, trends, ranges, units)
