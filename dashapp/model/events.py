"""Events: what happened at a time, such as a deployment, a restart or a gap in the data."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from dashapp.model.text import quote_value

# Marks of people; then what the collector observes: starts of the machine and of itself, and gaps.
USER, BOOT, START, GAP = "user", "boot", "start", "gap"
EVENT_KINDS = (USER, BOOT, START, GAP)
# Maximum events of a store, of which the oldest are dropped, and characters of a text. Then the characters of
# all texts as JSON, in which a character can take twelve: readers of Redis accept 8 MB.
MAX_EVENTS, MAX_EVENT_CHARS, MAX_LOG_CHARS = 5000, 200, 2_000_000


@dataclass(frozen=True, slots=True)
class Event:
    """An event at `time_ms`, in epoch milliseconds. Its `number` is its place in the log."""

    time_ms: int
    text: str
    kind: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class EventLog:
    """The events of a store by number, and the machine's last boot id and host name."""

    events: tuple[Event, ...] = ()
    boot: str = ""
    host: str = ""

    def with_events(self, new: Iterable[Event]) -> EventLog:
        """Return a log with further events, without those that it has already."""
        known = {(event.time_ms, event.text, event.kind) for event in self.events}
        number = self.events[-1].number if self.events else 0
        events = list(self.events)
        for event in new:
            if (identity := (event.time_ms, event.text, event.kind)) not in known:
                known.add(identity)
                number += 1
                events.append(Event(*identity, number))
        return self if len(events) == len(self.events) else self.replaced(events)

    def without_marks(self, marks: Collection[tuple[int, str]]) -> EventLog:
        """Return a log without these marks of people: times in epoch milliseconds, and texts."""
        events = [
            event for event in self.events if event.kind != USER or (event.time_ms, event.text) not in marks
        ]
        if len(events) == len(self.events):
            return self
        if events:
            # The newest number shows readers that the log has changed.
            events[-1] = replace(events[-1], number=self.events[-1].number + 1)
        return self.replaced(events)

    def replaced(self, events: Sequence[Event]) -> EventLog:
        """Return a log with exactly these events, or the newest of them."""
        newest = events[-MAX_EVENTS:]
        sizes = [len(event.text) if event.text.isascii() else len(json.dumps(event.text)) for event in newest]
        excess, count = sum(sizes) - MAX_LOG_CHARS, 0
        while excess > 0:
            excess, count = excess - sizes[count], count + 1
        return EventLog(tuple(newest[count:]), self.boot, self.host)


def event_text(value: object) -> str:
    """Return an event's text with single spaces; ValueError with a sentence if it is invalid.

    >>> event_text("  deploy\\n1.4 ")
    'deploy 1.4'
    """
    if not isinstance(value, str):
        raise ValueError(f"the event is {type(value).__name__}; expected text such as deploy 1.4")
    if len(value) > MAX_EVENT_CHARS:
        raise ValueError(f"the event has {len(value):,} characters; expected at most {MAX_EVENT_CHARS}")
    text = " ".join(value.split())
    if not (text and text.isprintable()):
        raise ValueError(f"the event is {quote_value(value)}; expected printable text such as deploy 1.4")
    return text
