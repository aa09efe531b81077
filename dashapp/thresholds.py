"""Thresholds: a limit on a metric, and the judge who says from tick to tick whether it is broken.

Pure: knows ticks, and no clock, file or setting. A change of state is an event, told once.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dashapp.model import GAP, Tick, milliseconds

LONGEST_TEXT = 200
# Nobody means a larger number; and past this a float no longer tells one whole number from the next.
LARGEST = 1e15
LONGEST = 7 * 86_400

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_TENS = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SENTENCE = re.compile(
    r"(?P<metric>[^\s<>;]{0,119}[^\s<>;=])\s*(?P<op>[<>]=?)\s*"
    r"(?P<number>-?[0-9]{1,18}(?:\.[0-9]{1,24})?)(?:e(?P<tens>[+-]?[0-9]{1,3}))?\s?(?P<unit>[kMGT]?)%?"
    r"(?:\s+for\s+(?P<count>[0-9]{1,9}(?:\.[0-9]{1,3})?)(?P<time>[smhd]))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """`metric` `op` `limit` is what shall not last for `seconds`."""

    metric: str
    op: str
    limit: float
    seconds: float = 0.0

    @staticmethod
    def parse(text: str) -> Threshold:
        """What a sentence such as "disk.read >= 1.5G for 5m" means. ValueError where it is none.

        k, M, G and T are powers of ten; a percent sign changes nothing, for percentages are 0-100.
        """
        match = _SENTENCE.fullmatch(text.strip()) if len(text) <= LONGEST_TEXT else None
        if match is None or not match["metric"].isprintable():
            raise ValueError
        # One conversion, so that 1.1G is the float nearest to it. Adding 0 makes -0 the 0 that it is.
        tens = int(match["tens"] or 0) + _TENS[match["unit"]]
        limit = float(f"{match['number']}e{tens}") + 0.0
        seconds = round(float(match["count"] or 0) * _SECONDS[match["time"] or "s"], 3)
        if abs(limit) > LARGEST or seconds > LONGEST:
            raise ValueError
        return Threshold(match["metric"], match["op"], limit, seconds)

    @property
    def text(self) -> str:
        """The one sentence that `parse` makes this of: "cpu.percent > 90 for 30s"."""
        lasting = f" for {_duration(self.seconds)}" if self.seconds else ""
        return f"{self.metric} {self.op} {_number(self.limit)}{lasting}"


@dataclass(frozen=True, slots=True)
class State:
    """Where a threshold stands, and the time of the tick (seconds UTC) that last changed it; None where
    none ever did."""

    threshold: Threshold
    broken: bool = False
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A threshold is broken, or no longer, from the tick of `time` (seconds UTC), where `value` was read."""

    threshold: Threshold
    broken: bool
    time: float
    value: float


class Judge:
    """Fed with ticks, in the order they were made.

    A threshold's state changes once the contrary has held at every tick for `threshold.seconds`, either way.
    Where the metric has no value, or the ticks a gap, or the clock was set back, that time starts anew.
    """

    def __init__(self, thresholds: Iterable[Threshold], before: Iterable[State] = ()) -> None:
        """`before`: the states that an earlier judge came to; those of other thresholds are forgotten."""
        known = {state.threshold: state for state in before}
        self._cases = [_Case(known.get(each, State(each))) for each in thresholds]
        self._last = 0

    def states(self) -> list[State]:
        return [case.state for case in self._cases]

    def judge(self, tick: Tick) -> list[Change]:
        """What changed with this tick."""
        now = milliseconds(tick.time)
        follows = 0 < now - self._last <= GAP * 1000 * tick.step
        self._last = now
        changes = []
        for case in self._cases:
            value = tick.values.get(case.metric)
            if value is None or case.holds(value, case.limit) is case.state.broken:
                case.contrary_since = None
                continue
            if case.contrary_since is None or not follows:
                case.contrary_since = now
            if now - case.contrary_since >= case.patience:
                broken = not case.state.broken
                case.state = State(case.state.threshold, broken, tick.time)
                case.contrary_since = None
                changes.append(Change(case.state.threshold, broken, tick.time, value))
        return changes


class _Case:
    """One threshold before the judge. Times in milliseconds; `contrary_since` is None where nothing is."""

    __slots__ = ("contrary_since", "holds", "limit", "metric", "patience", "state")

    def __init__(self, state: State) -> None:
        threshold = state.threshold
        self.state = state
        self.metric = threshold.metric
        self.limit = threshold.limit
        self.holds = _OPERATORS[threshold.op]
        self.patience = milliseconds(threshold.seconds)
        self.contrary_since: int | None = None


def _number(value: float) -> str:
    """The shortest of "1500", "1.5k" and the like that means exactly this number."""
    shapes = [_plain(value)]
    for unit, tens in _TENS.items():
        digits = _plain(value / 10**tens)
        if unit and "e" not in digits and float(f"{digits}e{tens}") == value:
            shapes.append(digits + unit)
    return min(shapes, key=len)


def _plain(value: float) -> str:
    return repr(value).removesuffix(".0")


def _duration(seconds: float) -> str:
    for unit, length in reversed(_SECONDS.items()):
        if seconds >= length and math.fmod(seconds, length) == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
