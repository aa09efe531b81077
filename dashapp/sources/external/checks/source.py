"""A check as a source: `check:https://shop.example/health?expect=ok#shop`.

Each check has a thread, which sleeps most of the time and needs 20 kB. So a host that never answers, or a DNS
server that hangs, delays no other check.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Any, NamedTuple

from dashapp.model.quantities import STATE_UNIT
from dashapp.model.ticks import Metric, SourceError
from dashapp.process.threads import start_thread
from dashapp.sources.external.checks.attempt import Attempt, CheckFailedError, CheckImpossibleError
from dashapp.sources.external.checks.target import DNS, PING, TCP, Target
from dashapp.sources.polling import VALID_INTERVALS, regular_pauses

log = logging.getLogger("dashapp")

# A tick waits so long for a run that is about to report its own timeout.
GRACE_S = 0.5

Probe = Callable[[Target, Attempt], None]


class Result(NamedTuple):
    """The result of a run. `failure` is the reason of a failed check.

    `problem` is the reason why the check could not run; then the state of the service is unknown.
    """

    start: float
    failure: str = ""
    problem: str = ""
    latency: float | None = None
    status: int | None = None
    certificate: float | None = None


class CheckSource:
    """Runs the check of `target` in a thread, from the first reading on.

    The result of a run stays until the next one must have ended; then there is a gap. `last_result` is the
    result of the last run that has ended.
    """

    def __init__(
        self,
        target: Target,
        probe: Probe | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.target = target
        self.name = f"check {target.name}"
        self.unique_name = f"check.{target.name}"
        self.reading_count = 0
        self._probe = probe or run_probe
        self._clock = clock
        self._pause = pause
        self.last_result: Result | None = None
        self._attempt: Attempt | None = None
        self._thread_failure = ""
        self._thread: Thread | None = None
        self._valid_s = max(VALID_INTERVALS * target.every, target.every + target.timeout) + GRACE_S
        key, label = f"check.{target.name}", target.name
        self._up = Metric(f"{key}.up", label, STATE_UNIT, "checks", 0.0, 1.0)
        self._latency = Metric(f"{key}.latency", label, "s", "checklatency", 0.0)
        self._status = Metric(f"{key}.status", label, "", "checkstatus", 0.0)
        self._certificate = Metric(f"{key}.certificate", label, "days", "checkcertificates")

    @property
    def status_message(self) -> str:
        """Why the check fails."""
        result = self._current()
        return f"{self.name} failed: {result.failure}" if result is not None and result.failure else ""

    def read(self) -> Mapping[Metric, float]:
        """Return the values of the last run; raises SourceError if the state is unknown."""
        if self._thread is None:
            self._thread = start_thread(f"source {self.name}", self._run, self._set_thread_failure)
        result = self._current()
        if result is None:
            return {}
        if result.problem:
            raise SourceError(f"{self.name} cannot run: {result.problem}")
        age = self._clock() - result.start
        if age > self._valid_s:
            reason = self._thread_failure or f"it is due every {self.target.every:g} s"
            raise SourceError(f"{self.name} has not run for {age:.0f} s: {reason}")
        values = {self._up: 0.0 if result.failure else 1.0}
        if result.latency is not None:
            values[self._latency] = result.latency
        if result.status is not None:
            values[self._status] = float(result.status)
        if result.certificate is not None:
            values[self._certificate] = result.certificate
        return values

    def _current(self) -> Result | None:
        """Return the last result, or a failure if the present run is over its time."""
        attempt = self._attempt
        # Only a DNS query cannot be ended, and the thread waits for it.
        if attempt is not None and attempt.seconds > attempt.timeout + GRACE_S:
            return Result(self._clock(), attempt.timeout_sentence)
        return self.last_result

    def _set_thread_failure(self, sentence: str) -> None:
        self._thread_failure = sentence

    def _run(self) -> None:
        for seconds in regular_pauses(self.target.name, self.target.every, self._clock):
            self._pause(seconds)
            self.last_result = self.run_once()
            self._attempt, self._thread_failure = None, ""
            self.reading_count += 1

    def run_once(self) -> Result:
        """Run the check now."""
        self._attempt = attempt = Attempt(self.target.timeout, self._clock)
        try:
            try:
                self._probe(self.target, attempt)
                attempt.remaining()
            except OSError as error:
                raise attempt.error_from(error) from None
        except CheckFailedError as error:
            return Result(attempt.start, str(error), status=attempt.status, certificate=attempt.certificate)
        except CheckImpossibleError as error:
            return Result(attempt.start, problem=str(error))
        except Exception as error:
            log.exception("%s failed", self.name)
            return Result(attempt.start, problem=f"it raised {type(error).__name__}")
        latency = attempt.seconds if attempt.latency is None else attempt.latency
        return Result(attempt.start, "", "", latency, attempt.status, attempt.certificate)


def run_probe(target: Target, attempt: Attempt) -> None:
    """Run one check; raises CheckFailedError, CheckImpossibleError or OSError."""
    # Import late: a collector loads only what its checks need.
    from dashapp.sources.external.checks.connection import connect, resolve

    if target.kind == TCP:
        connect(target.host, target.port, attempt).close()
    elif target.kind == DNS:
        resolve(target.host, 0, attempt)
    elif target.kind == PING:
        from dashapp.sources.external.checks.ping import check_ping

        check_ping(target.host, attempt)
    else:
        from dashapp.sources.external.checks.web import check_web

        check_web(target, attempt)


def make_source(rest: str, interval: float, **options: Any) -> CheckSource:
    """Return the source of one check; raises ValueError with what is expected."""
    return CheckSource(Target.parse(rest, options))
