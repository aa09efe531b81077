"""The schedule of quotes: which symbol is to be asked for when, so that the feed is asked seldom.

One question a minute for all symbols together, each in its turn; a closed market half-hourly; after a failure
later each time. Knows no feed and no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# Seconds between two questions, and between two about a market that is closed.
APART, SELDOM = 60.0, 1800.0
# Seconds after the first failure in a row, after the first «too many requests», and after the last of either.
PAUSE, LONG_PAUSE, LONGEST_PAUSE = 60.0, 300.0, 3600.0


class Due(NamedTuple):
    symbol: str
    time: float


class QuoteSchedule:
    """>>> schedule = QuoteSchedule(["A", "B"], now=0)
    >>> schedule.next()
    Due(symbol='A', time=0)
    >>> schedule.answered("A", now=1, opens=-100, closes=999); schedule.next()
    Due(symbol='B', time=61.0)
    >>> schedule.failed("B", now=61, too_many=True); schedule.next()
    Due(symbol='A', time=361.0)
    """

    def __init__(self, symbols: Sequence[str], now: float) -> None:
        self._due = dict.fromkeys(symbols, now)
        self._not_before = now
        self._failures = dict.fromkeys(symbols, 0)
        self._refusals = 0

    def next(self) -> Due:
        """Who is next, and when; of several the one that has waited longest."""
        symbol = min(self._due, key=lambda each: self._due[each])
        return Due(symbol, max(self._due[symbol], self._not_before))

    def answered(self, symbol: str, now: float, opens: float, closes: float) -> None:
        """`opens`, `closes`: the hours that the answer told, today's or the next day's."""
        self._failures[symbol] = self._refusals = 0
        self._not_before = now + APART
        if opens <= now < closes:
            self._due[symbol] = now + APART
        elif now < opens:
            self._due[symbol] = max(now + APART, min(opens, now + SELDOM))
        else:
            self._due[symbol] = now + SELDOM

    def failed(self, symbol: str, now: float, too_many: bool = False) -> None:
        """`too_many`: the feed wants no question at all for a while, not this symbol alone."""
        pause = _pause(PAUSE, self._failures[symbol])
        self._failures[symbol] += 1
        self._due[symbol] = now + pause
        self._not_before = now + APART
        if too_many:
            self._not_before = now + _pause(LONG_PAUSE, self._refusals)
            self._refusals += 1


def _pause(first: float, failures: int) -> float:
    return min(LONGEST_PAUSE, first * float(1 << min(failures, 10)))
