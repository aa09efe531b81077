"""Events that the collector records: starts, gaps with their reason, and marks of people."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from dashapp.collector.clock import MIN_WALL_S, Clock, ClockStep
from dashapp.model.events import BOOT, GAP, START, USER, Event
from dashapp.model.text import format_span
from dashapp.model.ticks import to_milliseconds
from dashapp.sources.push import PushSource
from dashapp.sources.spec import OWN_MACHINE, MachineFiles
from dashapp.stores.base import Store
from dashapp.stores.documents import EVENTS

log = logging.getLogger("dashapp")

# Minimum gap that is an event: seconds, and intervals.
MIN_GAP_S, MIN_GAP_INTERVALS = 10.0, 5
# A collector that restarts again and again, without a gap in the data, is one event in so many seconds.
RESTART_S = 3600.0


@dataclass(frozen=True, slots=True)
class Machine:
    """One start of a machine: its id, the host name, and the seconds since then."""

    boot: str
    host: str
    since: float


def read_machine(files: MachineFiles = OWN_MACHINE) -> Machine:
    """Return the machine of `files`. Without /proc its start is known to ten minutes only."""
    import psutil  # a collector of other sources does without it

    since = time.time() - psutil.boot_time()
    try:
        boot = files.boot_id.read_text().strip()
    except (OSError, ValueError):
        boot = f"{round(psutil.boot_time(), -3):.0f}"
    return Machine(boot, files.host_name, since)


class EventRecorder:
    """Writes the events of `store`, and keeps them for `retention` seconds.

    `interval`: seconds between ticks. `awake`: a clock that stops while the machine is suspended, unlike the
    one of `clock`.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        interval: float,
        retention: float = math.inf,
        machine: Callable[[], Machine] = read_machine,
        awake: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._min_gap = max(MIN_GAP_S, MIN_GAP_INTERVALS * interval)
        self._retention = retention
        self._machine = machine
        self._awake = awake
        self._log = store.events()
        self._newest_tick = store.newest().time_ms / 1000
        self._moment = (self._newest_tick, clock.monotonic(), awake())
        # The newest tick before the store refused one, and the number of lost ticks; None if it takes them.
        self._outage: tuple[float, int] | None = None

    def start(self, now: float) -> None:
        """Record the start of this collector, and the reason of a gap before it.

        `now`: epoch seconds, as in all methods.
        """
        machine = self._machine()
        events = []
        reason = "the collector was not running"
        has_booted = machine.boot != self._log.boot and now > MIN_WALL_S
        if has_booted:
            booted = now - machine.since
            events.append(_event(booted, "The machine started", BOOT))
            if booted > self._newest_tick:
                reason = "the machine was off"
        has_gap = self._newest_tick > 0 and now - self._newest_tick > self._min_gap
        if has_gap:
            events.append(self._gap(now - self._newest_tick, reason))
        if self._log.host and machine.host != self._log.host:
            text = f"The host name changed from {self._log.host:.80} to {machine.host:.80}"
            events.append(_event(now, text, START))
        starts = [event.time_ms for event in self._log.events if event.kind == START]
        if has_gap or has_booted or not starts or now - starts[-1] / 1000 > RESTART_S:
            events.append(_event(now, "The collector started", START))
        boot = machine.boot if has_booted else self._log.boot
        self._log = replace(self._log, boot=boot, host=machine.host)
        self._write(events, now)
        self._newest_tick = 0.0
        self._note(now)

    def observe(self, now: float, has_tick: bool) -> None:
        """Take note of a deadline at `now`; record a gap that a tick ends."""
        if has_tick:
            gap = now - self._newest_tick
            if self._newest_tick and gap > self._min_gap:
                self._write([self._gap(gap, self._reason(now))], now)
            self._observe_store(now)
            self._newest_tick = now
        self._note(now)

    def _observe_store(self, now: float) -> None:
        """Record that the store could not be written, when it can be again."""
        lost = self._store.lost_ticks()
        if lost is not None:
            since, _lost = self._outage or (self._newest_tick or now, 0)
            self._outage = (since, lost)
        elif self._outage is not None:
            (since, count), self._outage = self._outage, None
            problem = f"the store could not be written for {format_span(now - since)}"
            if count:
                self._write([_event(since, f"{count:,} ticks are lost: {problem}", GAP)], now)
            elif now - since > self._min_gap:
                text = f"{problem[0].upper()}{problem[1:]}; no tick is lost"
                self._write([_event(since, text, GAP)], now)

    def add(
        self, marks: Iterable[tuple[int, str]], now: float, removed: Collection[tuple[int, str]] = ()
    ) -> None:
        """Record what people marked, and remove marks: times in epoch milliseconds, and texts."""
        events = [Event(time_ms, text, USER) for time_ms, text in marks]
        if events or removed:
            self._write(events, now, removed)

    def follow_clock(self, step: ClockStep) -> None:
        """Record a step of the clock after which the log was corrected."""
        if step.after is None:
            return
        after_ms, time_ms = to_milliseconds(step.after), to_milliseconds(step.time)
        # The times of later events are wrong. A person's event is not lost, and happened before now.
        kept = [
            event if event.time_ms <= after_ms else replace(event, time_ms=time_ms)
            for event in self._log.events
            if event.time_ms <= after_ms or event.kind == USER
        ]
        self._log = self._log.replaced(kept)
        direction = "back" if step.size < 0 else "forward"
        text = f"The clock was set {direction} by {format_span(abs(step.size))}"
        # This event explains what is missing before.
        self._newest_tick = step.time
        self._outage = None
        self._write([_event(step.time, text, GAP)], step.time)
        self._note(step.time)

    def _reason(self, now: float) -> str:
        before, monotonic, awake = self._moment
        if now - before <= self._min_gap:
            return "no source returned a value"
        elapsed = self._clock.monotonic() - monotonic
        asleep = elapsed - (self._awake() - awake)
        if asleep > (now - before) / 2:
            return "the machine was suspended"
        if elapsed < (now - before) / 2:
            return "the clock was set forward"
        return "the collector was stopped"

    def _gap(self, seconds: float, reason: str) -> Event:
        return _event(self._newest_tick, f"No data for {format_span(seconds)}: {reason}", GAP)

    def _note(self, now: float) -> None:
        self._moment = (now, self._clock.monotonic(), self._awake())

    def _write(self, events: Iterable[Event], now: float, removed: Collection[tuple[int, str]] = ()) -> None:
        oldest_ms = (now - self._retention) * 1000
        log = self._log.with_events(events).without_marks(removed)
        if log.events and min(event.time_ms for event in log.events) < oldest_ms:
            log = log.replaced([event for event in log.events if event.time_ms >= oldest_ms])
        if log != self._store.events():
            self._store.write_document(EVENTS, log)
        self._log = log


def _event(seconds: float, text: str, kind: str) -> Event:
    return Event(to_milliseconds(seconds), text, kind)


def read_marks(source: PushSource) -> None:
    """Let `source` read its queue, on a server that accepts no pushed values. Never raises."""
    try:
        source.read()
    except Exception as error:
        # Like any source: the ticks go on. The next one reads the queue again.
        log.debug("the marked events cannot be read (%s)", error)
