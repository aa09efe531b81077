"""Thresholds: a limit on a metric, where it stands, and what became of it.

Pure: knows no tick, clock, file or setting. Who says whether one is broken is the judge.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MAX_TEXT_LENGTH = 200
# Nobody means a larger number; and past this a float no longer tells one whole number from the next.
MAX_LIMIT = 1e15
MAX_DURATION_S = 7 * 86_400

# The condition that a metric has no value.
MISSING_OP = "missing"
# Where no other is given, a threshold is well again this share of its limit on the other side of it, so that
# a value which hovers about the limit does not change its state from tick to tick.
CLEAR_MARGIN = 0.05

_SI_EXPONENTS = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12}
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_NUMBER = (
    r"(?P<{0}>-?[0-9]{{1,18}}(?:\.[0-9]{{1,24}})?)(?:e(?P<{0}_tens>[+-]?[0-9]{{1,3}}))?"
    r"\s?(?P<{0}_unit>[kMGT]?)%?"
)
_FOR = r"\s+for\s+(?P<count>[0-9]{1,9}(?:\.[0-9]{1,3})?)(?P<time>[smhd])"
_METRIC = r"(?P<metric>[^\s<>;]{0,119}[^\s<>;=])"
_LIMIT_RULE = re.compile(
    rf"{_METRIC}\s*(?P<op>[<>]=?)\s*{_NUMBER.format('limit')}(?:{_FOR})?(?:\s+clear\s+{_NUMBER.format('clear')})?",
    re.ASCII,
)
_MISSING_RULE = re.compile(rf"{_METRIC}\s+{MISSING_OP}{_FOR}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Threshold:
    """`metric` `op` `limit` is what shall not last for `seconds`; once it has, it is well again on the other
    side of `clear`. Where `op` is MISSING the metric has no value, and the numbers mean nothing."""

    metric: str
    op: str
    limit: float
    seconds: float = 0.0
    clear: float | None = None

    @staticmethod
    def parse(text: str) -> Threshold:
        """What a sentence such as "disk.read >= 1.5G for 5m clear 1G" or "cpu.percent missing for 1m" means.
        ValueError where it is none.

        k, M, G and T are powers of ten; a percent sign changes nothing, for percentages are 0-100.
        """
        if len(text) > MAX_TEXT_LENGTH:
            raise ValueError
        match = _MISSING_RULE.fullmatch(text.strip()) or _LIMIT_RULE.fullmatch(text.strip())
        if match is None or not match["metric"].isprintable():
            raise ValueError
        seconds = round(float(match["count"] or 0) * _UNIT_SECONDS[match["time"] or "s"], 3)
        if seconds > MAX_DURATION_S:
            raise ValueError
        if match.re is _MISSING_RULE:
            if not seconds:
                raise ValueError
            return Threshold(match["metric"], MISSING_OP, 0.0, seconds)
        limit = _parse_number(match, "limit")
        clear = _parse_number(match, "clear") if match["clear"] else None
        if clear is not None and (clear > limit if match["op"] in (">", ">=") else clear < limit):
            raise ValueError
        return Threshold(match["metric"], match["op"], limit, seconds, clear)

    @property
    def text(self) -> str:
        """The one sentence that `parse` makes this of: "cpu.percent > 90 for 30s"."""
        lasting = f" for {_format_duration(self.seconds)}" if self.seconds else ""
        if self.op == MISSING_OP:
            return f"{self.metric} {MISSING_OP}{lasting}"
        clear = "" if self.clear is None else f" clear {_format_number(self.clear)}"
        return f"{self.metric} {self.op} {_format_number(self.limit)}{lasting}{clear}"

    @property
    def clear_threshold(self) -> float:
        """The limit for one that is broken."""
        if self.clear is not None:
            return self.clear
        margin = CLEAR_MARGIN * abs(self.limit)
        return self.limit - margin if self.op in (">", ">=") else self.limit + margin


@dataclass(frozen=True, slots=True)
class AlertState:
    """Where a threshold stands, and the time of the tick (seconds UTC) that last changed it; None where
    none ever did."""

    threshold: Threshold
    firing: bool = False
    since: float | None = None


@dataclass(frozen=True, slots=True)
class AlertChange:
    """A threshold is broken, or no longer, from `time` (seconds UTC) on, where `value` was read; None where
    none was. `number` counts the changes of a store's log, from 1."""

    threshold: Threshold
    firing: bool
    time: float
    value: float | None
    number: int = 0


def _parse_number(match: re.Match[str], name: str) -> float:
    """ValueError for a number that nobody means."""
    # One conversion, so that 1.1G is the float nearest to it. Adding 0 makes -0 the 0 that it is.
    tens = int(match[f"{name}_tens"] or 0) + _SI_EXPONENTS[match[f"{name}_unit"]]
    value = float(f"{match[name]}e{tens}") + 0.0
    if abs(value) > MAX_LIMIT:
        raise ValueError
    return value


def _format_number(value: float) -> str:
    """The shortest of "1500", "1.5k" and the like that means exactly this number."""
    shapes = [_plain_number(value)]
    for unit, tens in _SI_EXPONENTS.items():
        digits = _plain_number(value / 10**tens)
        if unit and "e" not in digits and float(f"{digits}e{tens}") == value:
            shapes.append(digits + unit)
    return min(shapes, key=len)


def _plain_number(value: float) -> str:
    return repr(value).removesuffix(".0")


def _format_duration(seconds: float) -> str:
    for unit, length in reversed(_UNIT_SECONDS.items()):
        if seconds >= length and math.fmod(seconds, length) == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
