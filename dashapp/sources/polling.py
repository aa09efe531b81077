"""Sources that are not read on every tick: in a background thread, or from a cache.

A source that is slow or never answers is read in its own thread, so that no tick waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Condition, Thread

from dashapp.model.ticks import Curves, Metric
from dashapp.sources.base import Backfill, Source

# Ticks come some milliseconds early or late; a source due at this one is not left for the next.
SCHEDULE_SLACK_S = 0.05


class BackgroundSource:
    """Reads `source` every `every` seconds (0: at every call) in one daemon thread, one reading at a time.

    A call waits `patience` seconds for a reading that it has just asked for, never again for the same one;
    what comes later is given at the next call. After `timeout` seconds the reading is given up: calls raise
    TimeoutError until it has ended after all, for a thread that is stuck cannot be stopped.

    Between readings the last values stand, for at most half as long again as they were meant to: then a gap.

    A source that only learns later how often to be read has an attribute `every`. Its `status_message`,
    `panel_kinds` and `curves` are passed on.
    """

    def __init__(
        self,
        source: Source,
        every: float = 0.0,
        timeout: float = 5.0,
        patience: float = 0.02,
        clock: Callable[[], float] = time.monotonic,
        name: str = "",
    ) -> None:
        self.name = name or type(source).__name__
        self.status_message = ""
        self.panel_kinds: Mapping[str, str] = {}
        self.curves: Mapping[str, Curves] = {}
        self._source = source
        self._every = every
        self._timeout = timeout
        self._patience = patience
        self._clock = clock
        self._changed = Condition()
        self._asked: float | None = None
        self._began = float("-inf")
        self._slow = False
        self._answered = float("-inf")
        self._fresh = False
        self._values: Mapping[Metric, float] = {}
        self._error: Exception | None = None
        self._thread: Thread | None = None

    def read(self) -> Mapping[Metric, float]:
        """The newest values, or nothing while there are none. Raises what the source raised."""
        now = self._clock()
        with self._changed:
            every = float(getattr(self._source, "every", self._every))
            if self._asked is None and now >= self._began + every - SCHEDULE_SLACK_S:
                self._request_reading(now)
                # One that was slow the last time is not waited for: many such would hold up the tick.
                if not self._slow:
                    self._changed.wait_for(lambda: self._asked is None, self._patience)
            if self._asked is not None and now - self._asked > self._timeout:
                self._values = {}
                raise TimeoutError(f"no answer for {self._timeout:g} s")
            if self._error is not None:
                raise self._error.with_traceback(None)
            if not self._fresh and now - self._answered > 1.5 * every:
                return {}
            self._fresh = False
            return self._values

    def backfill(self, until: float, limit: int) -> Backfill:
        """What the source knows of the time before it was read; nothing where it knows none."""
        past = getattr(self._source, "backfill", None)
        return past(until, limit) if past else ()

    def _request_reading(self, now: float) -> None:
        self._asked = self._began = now
        if self._thread is None:
            self._thread = Thread(target=self._run, name=f"source {self.name}", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked is not None)
            values: Mapping[Metric, float] = {}
            error: Exception | None = None
            try:
                values = dict(self._source.read())
            except Exception as raised:
                # Somebody else's code: the error is for whoever reads, and the thread lives on.
                error = raised
            except BaseException as raised:
                # sys.exit() and a cancelled task end no thread of ours.
                error = RuntimeError(f"it ended with {type(raised).__name__}")
            with self._changed:
                self._values, self._error = values, error
                self.status_message = getattr(self._source, "status_message", "")
                self.panel_kinds = getattr(self._source, "panel_kinds", {})
                self.curves = getattr(self._source, "curves", {})
                self._fresh = True
                self._answered = self._clock()
                self._slow = self._answered - self._began > self._patience
                self._asked = None
                self._changed.notify_all()


class CachedSource:
    """Reads `source` every `every` seconds in the caller's thread; after a failure at the next call."""

    def __init__(self, source: Source, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = type(source).__name__
        self._source = source
        self._every = every
        self._clock = clock
        self._due = float("-inf")
        self._values: Mapping[Metric, float] = {}

    def read(self) -> Mapping[Metric, float]:
        now = self._clock()
        if now >= self._due:
            self._values = self._source.read()
            self._due = now + self._every
        return self._values
