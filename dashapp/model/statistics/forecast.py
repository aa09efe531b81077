"""Forecasts: when a series that fills up reaches its limit.

A forecast needs a line that explains the hours of the last week. If none does, there is no forecast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import mul

from dashapp.model.statistics.theil_sen import SlopeSet, TrendLine, median

HOUR_S, DAY_S = 3600.0, 86_400.0
WEEK_S, YEAR_S = 7 * DAY_S, 365 * DAY_S
# The fewest hours, and the age of the newest one at most.
MIN_HOURS, MAX_AGE_S = 24, 3 * HOUR_S
# A forecast reaches so many times further than the series: a year after a week.
MAX_REACH = 52
# Above this number of hours, the median of three is one point. That keeps all hours, and takes a tenth of
# the time.
MAX_POINTS, HOURS_PER_POINT = 84, 3
# The largest median of the residuals of a day, as a share of the rise: the line must explain each day.
MAX_BEND = 0.15
# The same for the part before a change of the trend, for a quarter of a day and of the whole range.
MAX_EARLIER_BEND, BLOCK_S = 0.2, 6 * HOUR_S
# The slope is above zero with an interval this much wider, of 99.7 %. A series that only wanders, as memory
# does, has a trend by chance.
CERTAINTY = 1.5
# The hours at the end that must be near the line as well.
NEWEST_HOURS = 5
# How far these can be from the line, in seconds of its rise, or in deviations of such hours.
MAX_DELAY_S, MAX_DEVIATIONS = 0.75 * DAY_S, 3
# The standard deviation of normal values, in medians of their absolute values.
DEVIATION_OF_MEDIAN = 1.4826
# Student's quantiles for an interval of 95 %, from one degree of freedom on.
STUDENT_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447)
# A lower start after a change is a drop if the difference is more than this share of the range.
MIN_DROP = 0.1

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Forecast:
    """A series reaches `limit` at the time `at`.

    With 95 % confidence it is between `earliest` and `latest`, which is None if it is later than a year.
    `line`: the trend since the time `since`. Times are in seconds UTC.
    """

    limit: float
    line: TrendLine
    since: float
    at: float
    earliest: float
    latest: float | None


@dataclass(frozen=True, slots=True)
class Trend:
    """The rising line of a series since the time `since`, at the time `now`."""

    line: TrendLine
    since: float
    now: float

    def forecast(self, limit: float) -> Forecast | None:
        """Return when the line reaches `limit`; None if that is too far away or in the past."""
        distance = limit - self.line.value(self.now)
        seconds = distance / self.line.slope
        if not 0 < seconds <= min(YEAR_S, MAX_REACH * (self.now - self.since)):
            return None
        latest = distance / self.line.low
        return Forecast(
            limit,
            self.line,
            self.since,
            self.now + seconds,
            self.now + distance / self.line.high,
            self.now + latest if latest <= YEAR_S else None,
        )


def rising_trend(hours: Points, now: float) -> Trend | None:
    """Return the trend of the week before `now`; None if it is not certain that it rises.

    `hours`: the middle of each hour in seconds UTC, and its mean; in order, and some may be missing.
    """
    points = [point for point in hours if now - WEEK_S < point[0] <= now]
    trend = _trend_of(points, now)
    if trend is not None or not _has_enough(points, now):
        return trend
    split = _change_of_trend(points)
    if split is None:
        return None
    return _trend_of(points[split:], now)


def _has_enough(points: Points, now: float) -> bool:
    return (
        len(points) >= MIN_HOURS
        and points[-1][0] - points[0][0] >= DAY_S - HOUR_S
        and now - points[-1][0] <= MAX_AGE_S
    )


def _trend_of(points: Points, now: float) -> Trend | None:
    if not _has_enough(points, now):
        return None
    # Small times keep the digits of the intercept.
    start = points[0][0]
    shifted = [(time - start, value) for time, value in points]
    thin = _medians(shifted, HOURS_PER_POINT * HOUR_S) if len(points) > MAX_POINTS else shifted
    times, values = [time for time, _ in thin], [value for _, value in thin]
    slopes = SlopeSet(times, values)
    if slopes.slope <= 0:
        return None
    line = slopes.line()
    if line.low <= 0:
        return None
    inflation = _inflation([value - line.value(time) for time, value in thin])
    if slopes.line(CERTAINTY * inflation).low <= 0:
        return None
    line = slopes.line(inflation)
    if not _explains(line, shifted):
        return None
    error = _slope_error(shifted)
    if error is None or line.slope <= CERTAINTY * error:
        return None
    low, high = min(line.low, line.slope - error), max(line.high, line.slope + error)
    return Trend(
        TrendLine(line.slope, line.intercept - line.slope * start, low, high), start - HOUR_S / 2, now
    )


def _slope_error(points: Points) -> float | None:
    """Return half of the 95 % interval of the mean rise from day to day; None for too few.

    Many things fill up by random amounts. Then the hours of a line are so dependent that their slopes alone
    give an interval of half the right width. This is Student's interval of the mean rise, without the part
    of its variance that comes from the noise of single hours.
    """
    blocks = _medians(points, _block_length(points))
    rises = [(later - value) / (end - time) for (time, value), (end, later) in pairwise(blocks)]
    if not 2 <= len(rises) <= len(STUDENT_95) + 1:
        return None
    mean = math.fsum(rises) / len(rises)
    variance = math.fsum((rise - mean) ** 2 for rise in rises) / (len(rises) - 1)
    changes = [later - value for (_, value), (_, later) in pairwise(points)]
    usual = median(changes)
    noise = DEVIATION_OF_MEDIAN * median([abs(change - usual) for change in changes]) / math.sqrt(2)
    length = (blocks[-1][0] - blocks[0][0]) / len(rises)
    # The variance of a median is pi / 2 of that of a mean, and a rise has two of them.
    variance -= math.pi * noise * noise * len(blocks) / len(points) / length**2
    return STUDENT_95[len(rises) - 2] * math.sqrt(max(0.0, variance) / len(rises))


def _block_length(points: Points) -> float:
    """Return the seconds of a day, or of a sixth of a short series."""
    return min(DAY_S, (points[-1][0] - points[0][0] + HOUR_S) / 6)


def _explains(line: TrendLine, points: Points) -> bool:
    """Whether no day, or sixth of a short series, is far from the line."""
    span = points[-1][0] - points[0][0] + HOUR_S
    residuals = [(time, value - line.value(time)) for time, value in points]
    bends = _medians(residuals, _block_length(points))
    if max(abs(bend) for _, bend in bends) > MAX_BEND * line.slope * span:
        return False
    # Something that stopped yesterday bends the line of a week only a little.
    newest = abs(median([residual for _, residual in residuals[-NEWEST_HOURS:]]))
    others = [abs(bend) for _, bend in _medians(residuals, NEWEST_HOURS * HOUR_S)]
    return newest <= max(MAX_DELAY_S * line.slope, MAX_DEVIATIONS * DEVIATION_OF_MEDIAN * median(others))


def _inflation(residuals: Sequence[float]) -> float:
    """Return how much larger than for independent points the deviation of Kendall's S is.

    It is the root of n / n* for the serial correlation r of neighbours: n / n* = 1 + 2 sum of
    (1 - k / n) r^k. S. Yue, C. Wang, "The Mann-Kendall test modified by effective sample size to detect trend
    in serially correlated hydrological series", Water Resources Management 18 (2004), pp. 201-218.
    """
    # An outlier must not hide the correlation of the others.
    bound = 3 * DEVIATION_OF_MEDIAN * median([abs(residual) for residual in residuals])
    bounded = [min(max(residual, -bound), bound) for residual in residuals]
    total = math.fsum(map(mul, bounded, bounded))
    if not total:
        return 1.0
    count = len(residuals)
    correlation = max(0.0, math.fsum(map(mul, bounded, bounded[1:])) / total)
    return math.sqrt(1 + 2 * math.fsum((1 - k / count) * correlation**k for k in range(1, count)))


def _change_of_trend(points: Points) -> int | None:
    """Return the index at which another trend begins; None if two lines do not explain all.

    After a drop there is none until the series is above what it was: what dropped can drop again, as log
    files do that are rotated.
    """
    blocks = _medians(points, BLOCK_S)
    values = [value for _, value in blocks]
    extent = max(values) - min(values)
    if len(blocks) < 6 or not extent:
        return None
    costs = {
        split: _squares(blocks[:split]) + _squares(blocks[split:]) for split in range(2, len(blocks) - 3)
    }
    best = min(costs, key=costs.__getitem__)
    earlier = blocks[:best]
    line = SlopeSet([time for time, _ in earlier], [value for _, value in earlier]).line()
    if max(abs(value - line.value(time)) for time, value in earlier) > MAX_EARLIER_BEND * extent:
        return None
    is_drop = values[best] < values[best - 1] - MIN_DROP * extent
    if is_drop and values[-1] <= max(values[:best]):
        return None
    boundary = blocks[best][0] // BLOCK_S * BLOCK_S
    return next(index for index, (time, _) in enumerate(points) if time >= boundary)


def _squares(points: Points) -> float:
    """Return the sum of the squared residuals of the least-squares line."""
    count = len(points)
    mean_time = math.fsum(time for time, _ in points) / count
    mean = math.fsum(value for _, value in points) / count
    spread = math.fsum((time - mean_time) ** 2 for time, _ in points)
    common = math.fsum((time - mean_time) * (value - mean) for time, value in points)
    squares = math.fsum((value - mean) ** 2 for _, value in points)
    return squares - common * common / spread if spread else squares


def _medians(points: Points, length: float) -> list[tuple[float, float]]:
    """Return the median time and value of the points in each span of `length` seconds."""
    return [
        (median([time for time, _ in group]), median([value for _, value in group]))
        for _, rows in groupby(points, key=lambda point: point[0] // length)
        if (group := list(rows))
    ]
