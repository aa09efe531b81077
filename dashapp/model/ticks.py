"""The words every other module speaks: metric, tick, cursor, and the tree of errors.

Imports nothing of ours, and knows no clock, process, file or socket.

    DashappError
    ├── SettingsError      settings that cannot work: one sentence each
    ├── MountError         a place in another application that cannot be had: one sentence
    ├── BadRequestError         a question the API cannot answer: one sentence
    ├── SourceError             what keeps a source from answering: one sentence, which the page shows
    ├── BusyError          a question that it can answer later: one sentence
    └── StoreError
        ├── StoreLockedError    another collector writes to this store
        ├── StoreAwayError      a store that does not answer now, and may soon
        └── SpoolError          what was pushed cannot be kept now: one sentence
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

# A point that comes later than this many steps after the one before leaves a gap.
GAP_STEPS = 1.5
# What is larger is no number: so a day's total is one still.
MAX_VALUE = 1e300
# Epoch milliseconds past which nobody means a time.
MAX_EPOCH_MS = 1e14


class DashappError(Exception):
    """Anything that dashapp itself says is wrong, in words for a person."""


class SettingsError(DashappError):
    """Settings that cannot work. `problems` holds one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class MountError(DashappError):
    """A place in another application, or a chart in its page, that cannot be had."""


class BadRequestError(DashappError):
    """A question that the API cannot answer."""


class SourceError(DashappError):
    """What keeps a source from answering, in a sentence that holds no path, password or traceback."""


class BusyError(DashappError):
    """A question that the API can answer later."""


class StoreError(DashappError):
    """A store that cannot be used."""


class StoreLockedError(StoreError):
    """Another collector writes to this store."""


class StoreUnavailableError(StoreError):
    """A store that does not answer now, and may soon."""


class PushQueueError(StoreError):
    """What was pushed cannot be kept now."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A named line. `low` and `high` bound its axis in `unit`s, None where it is open."""

    key: str
    label: str
    unit: str
    panel: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Curves:
    """What one panel shows of this moment: for each curve its x, its y (None is a hole) and its name.

    `low` and `high` bound the y axis in `unit`s. Not a tick's: the next curves stand instead of these.
    """

    x: list[list[float]]
    y: list[list[float | None]]
    names: list[str]
    unit: str = ""
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        """ValueError where they do not belong together."""
        if not len(self.x) == len(self.y) == len(self.names):
            raise ValueError("as many x, y and names as there are curves")
        if any(len(x) != len(y) for x, y in zip(self.x, self.y, strict=True)):
            raise ValueError("as many x as y in a curve")


@dataclass(frozen=True, slots=True)
class Tick:
    """Everything read at one instant.

    `time` is seconds UTC, to the millisecond; `step` the seconds between this collector's ticks,
    which tells a gap from a slow interval; `values` holds numbers up to LARGEST_VALUE by metric key.
    """

    time: float
    step: float
    values: Mapping[str, float]

    def __post_init__(self) -> None:
        # Whole milliseconds everywhere: a cursor, a row and the wire then name the same instant.
        object.__setattr__(self, "time", to_milliseconds(self.time) / 1000)

    def encode(self) -> str:
        """One line of JSON: `[time, step, {key: value}]`. ValueError on NaN or infinity."""
        return json.dumps([self.time, self.step, self.values], separators=(",", ":"), allow_nan=False)

    @staticmethod
    def decode(text: str | bytes) -> Tick:
        """The tick that `encode` wrote. ValueError on anything else."""
        try:
            time, step, values = json.loads(text)
            if len(kept := finite_values(values)) < len(values):
                # Older versions kept what is too large: that value is left out, and not the tick.
                values = {key: each for key, each in values.items() if not MAX_VALUE < abs(each) < math.inf}
            # One string a key for all ticks that are held, not one a tick.
            tick = Tick(float(time), float(step), {sys.intern(key): value for key, value in values.items()})
            whole = math.isfinite(tick.step) and len(kept) == len(values)
        except (TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError("not a tick") from error
        if not whole:
            raise ValueError("not a tick")
        return tick


_CURSOR = re.compile(r"([0-9a-f]{16})\.([0-9]{1,16})(?:\.([0-9]{1,12})\.([0-9]{1,12})(?:\.([0-9]{1,12}))?)?")


class Cursor(NamedTuple):
    """Where a reader got to: the store's life, and the newest point's time in milliseconds.

    Times rise strictly within a life, so the pair names one tick wherever it is kept. A reader of
    points that stand for several ticks goes on in the same steps: `size_ms` is one point's span (0: each
    tick is a point), `window_ms` what was asked for, and `since_ms` how long after it the newest tick came:
    so that no two answers of different ticks give the same cursor.
    """

    generation: str
    time_ms: int
    size_ms: int = 0
    window_ms: int = 0
    since_ms: int = 0

    def encode(self) -> str:
        coarse = f".{self.size_ms}.{self.window_ms}.{self.since_ms}" if self.size_ms else ""
        return f"{self.generation}.{self.time_ms}{coarse}"

    @staticmethod
    def decode(text: str) -> Cursor | None:
        """None for text that no store ever gave out."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            return None
        return Cursor(match[1], int(match[2]), *(int(part or 0) for part in match.groups()[2:]))


def stale_after(step: float) -> float:
    """Seconds without a tick after which what is shown is no longer live."""
    return 2 * step + 1.5


def to_milliseconds(time: float) -> int:
    """Seconds as the whole milliseconds that go on the wire."""
    return round(time * 1000)


def finite_values(values: Mapping[str, object]) -> dict[str, float]:
    """Only numbers up to LARGEST_VALUE; a bool, text, None, NaN or infinity is left out."""
    found = {}
    for key, value in values.items():
        if type(value) is float:
            if abs(value) <= MAX_VALUE:
                found[key] = value
        elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_VALUE:
            found[key] = float(value)
    return found
