"""Core types: metric, tick, cursor, and the exceptions of dashapp.

All messages are one sentence, except that SettingsError has one for each problem.

    DashappError
    |-- SettingsError              invalid settings
    |-- MountError                 dashapp cannot be mounted in another application
    |-- BadRequestError            the API cannot answer the request
    |-- BusyError                  the API can answer the request later
    |-- StoreError
    |   |-- StoreLockedError       another collector writes to this store
    |   |-- StoreUnavailableError  the store does not respond now; a retry may succeed
    |   |-- PushQueueError         pushed values cannot be stored now
    |-- SourceError                a source cannot read its values; the page shows the message
"""

from __future__ import annotations

import json
import math
import re
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dashapp.model.text import parse_json, without_controls

# A point that comes later than this many steps after the previous one leaves a gap.
GAP_STEPS = 1.5
# A newest tick that is further in the future shows that the clock was wrong when it was made.
MAX_LEAD_S = 60.0
# Larger values are dropped, so that a total over a day stays finite.
MAX_VALUE = 1e300
# Above this number of metrics, orjson encodes a tick.
WIDE_TICK_METRICS = 500
# Maximum characters of a number, with its quotes, colon and comma.
MAX_NUMBER_CHARS = 28
# Bounds of the seconds that a tick weighs in a mean: a row can contain any step.
MIN_WEIGHT_S, MAX_WEIGHT_S = 0.001, 86_400.0
# Larger epoch milliseconds are no plausible time.
MAX_EPOCH_MS = 1e14
# Every JavaScript object has these properties.
RESERVED_NAMES = frozenset(
    (
        "constructor",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "toLocaleString",
        "toString",
        "valueOf",
    )
)


class DashappError(Exception):
    """Base class for errors with a message for people."""


class SettingsError(DashappError):
    """Invalid settings; `problems` holds one sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class MountError(DashappError):
    """A path in another application, or a chart in its page, is not available."""


class BadRequestError(DashappError):
    """A request that the API cannot answer."""


class SourceError(DashappError):
    """A source cannot read its values.

    The message contains no path, password or traceback.
    """


class BusyError(DashappError):
    """A request that the API can answer later."""


class StoreError(DashappError):
    """A store cannot be used."""


class StoreLockedError(StoreError):
    """Another collector writes to this store."""


class StoreUnavailableError(StoreError):
    """The store does not respond now; a retry may succeed."""


class PushQueueError(StoreError):
    """Pushed values cannot be stored now."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A named line; `low` and `high` bound its axis in units of `unit`, None if open.

    Its texts have no control characters and are valid Unicode. Devices, containers and other users may
    have chosen them, and they go into responses, messages and logs.
    """

    key: str
    label: str
    unit: str
    panel: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for name in ("key", "label", "unit", "panel"):
            text = getattr(self, name)
            # A source can return anything; the sampler reports what is no metric.
            if isinstance(text, str) and not text.isprintable():
                object.__setattr__(self, name, without_controls(text))


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves that one panel shows now: x, y and name of each; None in y is a hole.

    `low` and `high` bound the y axis in units of `unit`. Curves belong to no tick: new curves replace these.
    """

    x: list[list[float]]
    y: list[list[float | None]]
    names: list[str]
    unit: str = ""
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        """Raise ValueError if the lengths differ."""
        if not len(self.x) == len(self.y) == len(self.names):
            sizes = f"{len(self.x)}, {len(self.y)} and {len(self.names)}"
            raise ValueError(f"x, y and names have {sizes} items; expected equal numbers")
        if any(len(x) != len(y) for x, y in zip(self.x, self.y, strict=True)):
            raise ValueError("x and y of a curve differ in length; expected equal numbers")


@dataclass(frozen=True, slots=True)
class Tick:
    """All values of one instant.

    `time` is in seconds UTC, to the millisecond. `step` is the time between this collector's ticks in
    seconds; it distinguishes a gap from a slow interval. `values` holds numbers up to MAX_VALUE by metric
    key.
    """

    time: float
    step: float
    values: Mapping[str, float]

    def __post_init__(self) -> None:
        # Use whole milliseconds everywhere, so that a cursor, a row and a response name the same instant.
        object.__setattr__(self, "time", to_milliseconds(self.time) / 1000)

    def encode(self) -> str:
        """Return one line of JSON: `[time, step, {key: value}]`; ValueError on NaN or infinity."""
        if len(self.values) > WIDE_TICK_METRICS:
            # Ten times as fast. It needs 3 MB of memory, so a collector of fewer metrics does without it.
            import orjson

            if all(map(math.isfinite, self.values.values())):
                return orjson.dumps([self.time, self.step, self.values]).decode()
        return json.dumps([self.time, self.step, self.values], separators=(",", ":"), allow_nan=False)

    @staticmethod
    def decode(text: str | bytes) -> Tick:
        """Return the tick that `encode` wrote; ValueError on anything else."""
        try:
            time, step, values = parse_json(text)
            if len(numbers := finite_values(values)) < len(values):
                # Older versions stored values that are too large. Drop the value, not the tick.
                values = {
                    key: number for key, number in values.items() if not MAX_VALUE < abs(number) < math.inf
                }
            # Share one string per key among all ticks in memory.
            # As doubles: a response cannot contain an integer of more than 64 bits.
            tick = Tick(float(time), float(step), {sys.intern(key): value for key, value in numbers.items()})
            is_valid = math.isfinite(tick.step) and len(numbers) == len(values)
        except (TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError("not a tick") from error
        if not is_valid:
            raise ValueError("not a tick")
        return tick


def max_encoded_chars(keys: Collection[str]) -> int:
    """Return the maximum characters of these metrics in an encoded tick.

    JSON escapes letters of other scripts.
    """
    names = "".join(keys)
    return MAX_NUMBER_CHARS * len(keys) + (1 if names.isascii() else 12) * len(names)


# The last letter of a generation has 4 of its 6 bits.
_CURSOR = re.compile(
    r"([\w-]{10}[AEIMQUYcgkosw048])\.([0-9]{1,16})(?:\.([0-9]{1,12})\.([0-9]{1,12})(?:\.([0-9]{1,12}))?)?",
    re.ASCII,
)


class Cursor(NamedTuple):
    """Position of a reader: the store's generation, and the newest point in epoch milliseconds.

    A generation has 16 hex digits. Times rise strictly within it, so the pair names one tick in any store.
    The other fields are for points that represent several ticks, so that a reader continues in the same
    steps. `size_ms` is the span of one point; 0 means that each tick is a point. `window_ms` is the requested
    window. `since_ms` is the time from the newest point to the newest tick, so that responses for different
    ticks have different cursors.
    """

    generation: str
    time_ms: int
    size_ms: int = 0
    window_ms: int = 0
    since_ms: int = 0

    def encode(self) -> str:
        """Return the text of responses. Each event of a stream has it twice, so it is short."""
        generation = urlsafe_b64encode(bytes.fromhex(self.generation)).rstrip(b"=").decode()
        resolution = f".{self.size_ms}.{self.window_ms}.{self.since_ms}" if self.size_ms else ""
        return f"{generation}.{self.time_ms}{resolution}"

    @staticmethod
    def decode(text: str) -> Cursor | None:
        """Return the cursor, or None for text that no store wrote."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            return None
        generation = urlsafe_b64decode(match[1] + "=").hex()
        return Cursor(generation, int(match[2]), *(int(part or 0) for part in match.groups()[2:]))


def stale_after(step: float) -> float:
    """Return the seconds without a tick after which the display is no longer live."""
    return 2 * step + 1.5


def weight_of_step(step: float) -> float:
    """Return the seconds that a tick of this step weighs in a mean."""
    return min(max(step, MIN_WEIGHT_S), MAX_WEIGHT_S)


def tick_age(time: float, now: float) -> float:
    """Return the seconds since a tick; negative if it is further in the future than MAX_LEAD_S."""
    age = now - time
    return age if age < -MAX_LEAD_S else max(0.0, age)


def is_stale(age: float, step: float) -> bool:
    """Return whether the newest tick does not show the present. `age`: the result of `tick_age`."""
    return not 0 <= age <= stale_after(step)


def to_milliseconds(time: float) -> int:
    """Return seconds as whole milliseconds, as used in responses."""
    return round(time * 1000)


def finite_values(values: Mapping[str, object]) -> dict[str, float]:
    """Return only numbers up to MAX_VALUE; drop bool, text, None, NaN and infinity."""
    numbers = {}
    for key, value in values.items():
        if type(value) is float:
            if abs(value) <= MAX_VALUE:
                numbers[key] = value
        elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_VALUE:
            numbers[key] = float(value)
    return numbers
