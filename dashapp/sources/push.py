"""What programs pushed, as a source: the values that came in since the tick before, each in one tick alone.

Of several values of one metric the newest is kept; when pushes stop the line ends in a gap. Knows neither who
pushed nor where what was pushed waits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Protocol

from dashapp.model.ticks import Metric, finite_values

# Characters of a tick's row that are for what was pushed (half of them all), and for one request; bytes of
# records read for one tick. What is more waits for the tick after.
MAX_TICK_CHARS, MAX_RECORD_CHARS, MAX_BYTES_PER_TICK = 100_000, 96_000, 4 << 20
# What a number and the signs around it take at the most.
MAX_NUMBER_CHARS = 28
MAX_NAME_LENGTH = 200
# Metrics remembered, so that one tick's are the very same objects as the next one's.
CACHE_SIZE = 4000

_INVALID_CHARS = re.compile(r"[^A-Za-z0-9_-]+")


class PushReader(Protocol):
    def take(self, newest: int, accept: Callable[[bytes], bool]) -> None:
        """Hand each record to `accept` until it answers False, for the tick after `newest` (milliseconds)."""


def pushed_metric(key: str) -> Metric:
    """The metric of a pushed name: its panel is the part before the first dot.

    >>> pushed_metric("loss").panel, pushed_metric("train.loss").panel, pushed_metric("<b>.x").panel
    ('pushed', 'train', 'b')
    """
    panel = _INVALID_CHARS.sub("-", key.partition(".")[0]).strip("-")[:32] if "." in key else ""
    return Metric(key, key, "", panel or "pushed")


def row_chars(key: str) -> int:
    """Characters that a name and a number take in a row at the most: JSON escapes other scripts' letters."""
    return MAX_NUMBER_CHARS + (len(key) if key.isascii() else 12 * len(key))


class PushSource:
    """Reads `inbox`; `newest` answers with the time of the store's newest tick in milliseconds."""

    name = "push"

    def __init__(self, inbox: PushReader, newest: Callable[[], int]) -> None:
        self._inbox = inbox
        self._newest = newest
        self._known: dict[str, tuple[Metric, int]] = {}

    def read(self) -> Mapping[Metric, float]:
        values: dict[str, float] = {}
        room, left = MAX_TICK_CHARS, MAX_BYTES_PER_TICK

        def accept(record: bytes) -> bool:
            nonlocal room, left
            found = _parse_record(record)
            needed = sum(self._metric(key)[1] for key in found if key not in values)
            # The first of a tick is taken whatever it costs: it would not cost less in the next.
            if values and (needed > room or len(record) > left):
                return False
            room, left = room - needed, left - len(record)
            values.update(found)
            return True

        self._inbox.take(self._newest(), accept)
        return {self._metric(key)[0]: value for key, value in values.items()}

    def _metric(self, key: str) -> tuple[Metric, int]:
        """The metric, and what its name and a number take in a row."""
        if key not in self._known:
            if len(self._known) >= CACHE_SIZE:
                self._known.clear()
            self._known[key] = pushed_metric(key), row_chars(key)
        return self._known[key]


def _parse_record(record: bytes) -> dict[str, float]:
    """Empty for what is no record: a torn one was never answered, a planted one is nobody's."""
    try:
        found = json.loads(record)
        return finite_values({key: found[key] for key in found if 0 < len(key) <= MAX_NAME_LENGTH})
    except (ValueError, TypeError, RecursionError):
        return {}
