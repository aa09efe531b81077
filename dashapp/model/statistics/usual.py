"""The usual range of a metric: its minutes at the same hour and weekday of four weeks.

Hours and weekdays are those of a time zone. At the end of daylight saving time an hour occurs twice, and has
120 minutes. At its start an hour is missing, and that week has no minutes of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

WEEKS, MIN_WEEKS = 4, 2
# A week counts if so much of its hour has values.
MIN_LENGTH_S, MINUTE_S = 1800.0, 60.0
LOW_SHARE, HIGH_SHARE = 0.1, 0.9
# A value is unusual outside of the band and this much of its width, or of its larger end if that is more.
MARGIN_OF_WIDTH, MARGIN_OF_VALUE = 1.0, 0.1
# The least margin of a percentage.
MIN_MARGIN_PERCENT = 5.0

UsualRange = tuple[float, float]
Interval = tuple[float, float]


def hours_like(time: float, zone: tzinfo | None) -> tuple[float, float, list[Interval]]:
    """Return start and end of the local hour of `time`, and the same hours of the last weeks.

    Newest first, in seconds UTC. `zone`: None for that of the machine.
    """
    hour = datetime.fromtimestamp(time, zone).replace(minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    intervals = [_interval(hour - timedelta(weeks=week), zone) for week in range(WEEKS + 1)]
    (start, end), *earlier = intervals
    return start, end, earlier


def _interval(hour: datetime, zone: tzinfo | None) -> Interval:
    start, end = (moment.replace(tzinfo=zone).timestamp() for moment in (hour, hour + timedelta(hours=1)))
    return start, end


def usual_range(weeks: Sequence[Sequence[float]], interval: float = MINUTE_S) -> UsualRange | None:
    """Return the 10th and the 90th percentile of the minutes; None for fewer than two weeks.

    `weeks`: the means of the minutes of an hour, for each week. `interval`: the seconds between ticks, which
    can be more than a minute.

    >>> usual_range([[1.0] * 60, [3.0] * 60, []])
    (1.0, 3.0)
    >>> usual_range([[1.0] * 60, [3.0] * 10])
    """
    length = max(interval, MINUTE_S)
    complete = [minutes for minutes in weeks if len(minutes) * length >= MIN_LENGTH_S]
    if len(complete) < MIN_WEEKS:
        return None
    values = sorted(value for minutes in complete for value in minutes)
    return _quantile(values, LOW_SHARE), _quantile(values, HIGH_SHARE)


def with_margin(usual: UsualRange, unit: str) -> UsualRange:
    """Return the range outside of which a value is unusual.

    A tenth of the minutes is above the band by its definition, and a constant metric has no width.

    >>> with_margin((10.0, 20.0), "%"), with_margin((100.0, 100.0), "B")
    ((0.0, 30.0), (90.0, 110.0))
    """
    low, high = usual
    margin = max(MARGIN_OF_WIDTH * (high - low), MARGIN_OF_VALUE * max(abs(low), abs(high)))
    if unit == "%":
        margin = max(margin, MIN_MARGIN_PERCENT)
    return low - margin, high + margin


def _quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, between two of them by their distance."""
    position = share * (len(values) - 1)
    index = math.floor(position)
    above = values[min(index + 1, len(values) - 1)]
    return values[index] + (position - index) * (above - values[index])
