"""Sources that are not read at every tick: read in a background thread, or cached.

A source that is slow or hangs has its own thread, so that no tick waits for it.
"""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from threading import Condition, Thread

from dashapp.model.ticks import Curves, Metric
from dashapp.process.threads import start_thread
from dashapp.sources.base import Backfill, Source
from dashapp.sources.expiring import UsualInterval

# Ticks come some milliseconds early or late. A source that is due this soon is read now, not at the next
# tick.
SCHEDULE_SLACK_S = 0.05
# Values are valid for this many of the source's usual intervals.
VALID_INTERVALS = 1.5


# The first runs of all sources of one kind take place within so many seconds.
START_SPAN_S = 2.0


def regular_pauses(name: str, every: float, clock: Callable[[], float]) -> Iterator[float]:
    """Yield the seconds until each run: the first is soon, and others every `every` seconds.

    Their times differ between names, so that many sources do not run at once. A run that is late or long
    does not change them.
    """
    share = zlib.crc32(name.encode()) / 2**32
    first_regular = clock() + share * every
    yield share * min(every, START_SPAN_S)
    while True:
        now = clock()
        passed = max(0, math.floor((now - first_regular) / every) + 1)
        yield first_regular + passed * every - now


class BackgroundSource:
    """Reads `source` every `every` seconds (0: at every call) in one daemon thread.

    A call waits up to `max_wait` seconds for the reading that it has started. If the reading takes longer, a
    later call returns its values. After `timeout` seconds calls raise TimeoutError until the reading ends,
    because a blocked thread cannot be stopped.

    Between readings the last values remain valid, for at most VALID_INTERVALS times the usual interval; then
    there is a gap. That interval is `every`, or longer if the readings take longer, so that such a source has
    a value at every tick.

    A source that learns its interval later has an attribute `every`. This class passes on the source's
    `status_message`, `is_optional`, `panel_kinds` and `curves`.
    """

    def __init__(
        self,
        source: Source,
        every: float = 0.0,
        timeout: float = 5.0,
        max_wait: float = 0.02,
        clock: Callable[[], float] = time.monotonic,
        name: str = "",
    ) -> None:
        self.name = name or type(source).__name__
        self.status_message = ""
        self.reading_count = 0
        self.is_optional: bool = getattr(source, "is_optional", False)
        self.panel_kinds: Mapping[str, str] = {}
        self.curves: Mapping[str, Curves] = {}
        self._source = source
        self._every = every
        self._timeout = timeout
        self._max_wait = max_wait
        self._clock = clock
        self._condition = Condition()
        self._pending_start: float | None = None
        self._last_start = float("-inf")
        self._usual_interval = UsualInterval()
        self._is_slow = False
        self._last_end = float("-inf")
        self._is_fresh = False
        self._values: Mapping[Metric, float] = {}
        self._error: Exception | None = None
        self._thread: Thread | None = None

    def read(self) -> Mapping[Metric, float]:
        """Return the newest values, or nothing if there are none; raises the source's exception."""
        now = self._clock()
        with self._condition:
            every = float(getattr(self._source, "every", self._every))
            if self._pending_start is None and now >= self._last_start + every - SCHEDULE_SLACK_S:
                self._record_interval(now, every)
                self._request_reading(now)
                # Do not wait for a source that was slow last time: many of them would delay the tick.
                if not self._is_slow:
                    self._condition.wait_for(lambda: self._pending_start is None, self._max_wait)
            if self._pending_start is not None and now - self._pending_start > self._timeout:
                self._values = {}
                raise TimeoutError(f"no response for {self._timeout:g} s")
            if self._error is not None:
                raise self._error.with_traceback(None)
            interval = max(every, self._usual_interval.seconds)
            if not self._is_fresh and now - self._last_end > VALID_INTERVALS * interval:
                return {}
            self._is_fresh = False
            return self._values

    def backfill(self, until: float, limit: int) -> Backfill:
        """Return the source's history, or nothing if it has none."""
        backfill = getattr(self._source, "backfill", None)
        return backfill(until, limit) if backfill else ()

    def _record_interval(self, now: float, every: float) -> None:
        """Record the interval that ends now: `every`, or longer after a reading that took longer."""
        if self._thread is not None:
            is_delayed = self._last_end - self._last_start > every
            self._usual_interval.record(now - self._last_start if is_delayed else every)

    def _request_reading(self, now: float) -> None:
        self._pending_start = self._last_start = now
        if self._thread is None:
            self._thread = start_thread(f"source {self.name}", self._run)
        self._condition.notify_all()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._pending_start is not None)
            values: Mapping[Metric, float] = {}
            error: Exception | None = None
            status_message = ""
            panel_kinds, curves = self.panel_kinds, self.curves
            try:
                values = dict(self._source.read())
                status_message = getattr(self._source, "status_message", "")
                panel_kinds = getattr(self._source, "panel_kinds", {})
                curves = getattr(self._source, "curves", {})
            except Exception as exception:
                # Foreign code: keep the exception for the next call of `read`, so that the thread survives.
                values, error = {}, exception
            except BaseException as exception:
                # sys.exit() and a cancelled task must not end this thread.
                values, error = {}, RuntimeError(f"it raised {type(exception).__name__}")
            with self._condition:
                self._values, self._error = values, error
                self.status_message, self.panel_kinds, self.curves = status_message, panel_kinds, curves
                self._is_fresh = True
                self.reading_count += 1
                self._last_end = self._clock()
                self._is_slow = self._last_end - self._last_start > self._max_wait
                self._pending_start = None
                self._condition.notify_all()


class CachedSource:
    """Reads `source` every `every` seconds in the calling thread, and sooner after a failure."""

    def __init__(self, source: Source, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = type(source).__name__
        self.is_optional: bool = getattr(source, "is_optional", False)
        self._source = source
        self._every = every
        self._clock = clock
        self._next_read = float("-inf")
        self._values: Mapping[Metric, float] = {}

    def read(self) -> Mapping[Metric, float]:
        now = self._clock()
        if now >= self._next_read:
            self._values = self._source.read()
            self._next_read = now + self._every
        return self._values
