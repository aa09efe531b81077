"""A playback: the rows of a file one after the other, and what they say of a moment of the file's time.

Knows neither the file nor how fast its time goes by.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from dashapp.sources.expiring import Lately
from dashapp.sources.external.csv_reader import Row


class Playback:
    """`rows` has one at least; `least`: seconds of the file for which a number stands in any case."""

    def __init__(self, rows: Iterable[Row], least: float) -> None:
        self._rows: Iterator[Row] = iter(rows)
        first = next(self._rows)
        self._next: Row | None = first
        self._lately: Lately[str] = Lately(least)
        self.begins = self.reached = first.time
        if (second := next(self._rows, None)) is not None:
            # How long the first row stands for is known only here.
            self._lately.note(first.values, 2 * first.time - second.time)
            self._rows = chain([second], self._rows)

    @property
    def ended(self) -> bool:
        """Whether the last row was reached."""
        return self._next is None

    def at(self, now: float, most: int = sys.maxsize) -> Mapping[str, float]:
        """What stands at `now`, later than before, from at most so many rows more."""
        for _ in range(most):
            if self._next is None or self._next.time > now:
                break
            self._lately.note(self._next.values, self._next.time)
            self.reached = self._next.time
            self._next = next(self._rows, None)
        return self._lately.at(now)

    def behind(self, now: float) -> bool:
        """Whether there are rows up to `now` that were not read."""
        return self._next is not None and self._next.time <= now
