"""Steps of the clock: marks in the charts, and a sentence for the page."""

from __future__ import annotations

import time

from dashapp.collector.clock import Clock, ClockStep
from dashapp.model.text import format_span
from dashapp.model.ticks import to_milliseconds
from dashapp.stores.base import Store
from dashapp.stores.documents import CLOCK_STEPS

# Seconds for which the page shows that the clock was set, and the number of marks in the charts.
NOTICE_S, MAX_MARKS = 86_400.0, 50


class ClockReport:
    """Reports the steps after which the log was corrected.

    The page shows the last one for a day.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._notice = store.notice_sink("clock")
        self._clock = clock
        self._set_at: float | None = None
        self._notice.clear()

    def add(self, step: ClockStep) -> None:
        self._notice.set(describe(step))
        self._set_at = self._clock.monotonic()
        time_ms = to_milliseconds(step.time)
        # A mark of a wrong time would be in the future now.
        marks = [mark for mark in self._store.read_document(CLOCK_STEPS) if mark < time_ms]
        self._store.write_document(CLOCK_STEPS, [*marks, time_ms][-MAX_MARKS:])

    def expire(self) -> None:
        if self._set_at is not None and self._clock.monotonic() - self._set_at > NOTICE_S:
            self._notice.clear()
            self._set_at = None


def describe(step: ClockStep) -> str:
    """Return the sentence for the page."""
    size = format_span(abs(step.size))
    at = _format_time(step.time)
    if step.restores:
        return (
            f"The clock of this machine was set forward again by {size} at {at}: the points before that are "
            f"shown again, and those with wrong times after {_format_time(step.after or 0.0)} are set aside."
        )
    aside = (
        f"points with times after {_format_time(step.after or 0.0)} are set aside; "
        "the store keeps them, but the page does not show them."
    )
    if not step.is_observed:
        return f"The newest point was {size} in the future when the collector started at {at}: {aside}"
    return f"The clock of this machine was set back by {size} at {at}: {aside}"


def _format_time(seconds: float) -> str:
    return time.strftime("%H:%M %Z on %Y-%m-%d", time.localtime(seconds))
