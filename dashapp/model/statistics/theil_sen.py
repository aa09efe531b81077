"""The Theil-Sen line: a trend that a fifth of wrong points hardly moves.

H. Theil, "A rank-invariant method of linear and polynomial regression analysis", Proc. Kon. Ned. Akad. v.
Wetensch. A 53 (1950). P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", Journal of
the American Statistical Association 63 (1968), pp. 1379-1389.

Plain Python: the collector does without numpy, and a week of hours has only 14,028 slopes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import sub, truediv

# Quantile of the normal distribution for an interval of 95 %.
Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class TrendLine:
    """`value(t) = intercept + slope * t`.

    With 95 % confidence the slope is between `low` and `high`.
    """

    slope: float
    intercept: float
    low: float
    high: float

    def value(self, time: float) -> float:
        return self.intercept + self.slope * time


class SlopeSet:
    """The slopes between all pairs of points, in order."""

    def __init__(self, times: Sequence[float], values: Sequence[float]) -> None:
        """The times rise strictly, and there are at least two."""
        self._values = values
        self._times = times
        slopes: list[float] = []
        for lag in range(1, len(values)):
            differences = map(sub, values[lag:], values)
            spans = [*map(sub, times[lag:], times)]
            if spans[0] == spans[-1] and spans.count(spans[0]) == len(spans):
                slopes.extend(map(truediv, differences, repeat(spans[0])))
            else:
                slopes.extend(map(truediv, differences, spans))
        slopes.sort()
        self._slopes = slopes

    @property
    def slope(self) -> float:
        return median(self._slopes, is_sorted=True)

    def line(self, inflation: float = 1.0) -> TrendLine:
        """Return the line with the median slope, and the interval of Sen (1968), equation 2.6.

        The intercept is that of a line through both medians. `inflation`: the factor by which dependent
        points make the deviation of Kendall's S larger.
        """
        count = len(self._slopes)
        slope = self.slope
        intercept = median(self._values) - slope * median(self._times, is_sorted=True)
        reach = inflation * Z_95 * kendall_deviation(self._values)
        upper = min(round((count + reach) / 2), count - 1)
        lower = max(round((count - reach) / 2) - 1, 0)
        return TrendLine(slope, intercept, self._slopes[lower], self._slopes[upper])


def kendall_deviation(values: Sequence[float]) -> float:
    """Return the standard deviation of Kendall's S for independent values, some of them equal.

    M. G. Kendall, "Rank Correlation Methods" (1970), equation 5.3.
    """
    ties = sum(tie * (tie - 1) * (2 * tie + 5) for tie in Counter(values).values() if tie > 1)
    count = len(values)
    return math.sqrt(max(0, count * (count - 1) * (2 * count + 5) - ties) / 18)


def median(values: Sequence[float], *, is_sorted: bool = False) -> float:
    ordered = values if is_sorted else sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
