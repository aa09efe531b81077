"""Thresholds: a limit on a metric, its alert state, and the changes of that state.

`alerts/evaluator.py` decides whether a threshold is crossed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any

from dashapp.model.alerts.quiet_hours import QUIET_HOURS_PATTERN, QuietHours, is_always_quiet

# In characters. A metric has the length of a pushed name. A store keeps the shortest form of a rule, which is
# never longer.
MAX_TEXT_LENGTH, MAX_METRIC_LENGTH = 600, 200
# Larger limits are typing errors. Above 2**53, about 9e15, a float cannot represent every whole number.
MAX_LIMIT = 1e15
MAX_DURATION_S = 7 * 86_400
# Shortest time between two messages about the same alert, and quiet hours of a rule.
MIN_REPEAT_S, MAX_QUIET_HOURS = 60, 7

WARNING, CRITICAL = "warning", "critical"

# The condition that a metric has no value; that it reaches a limit within some time, by its trend; that it is
# outside of its usual range.
MISSING_OP, REACHES_OP, UNUSUAL_OP = "missing", "reaches", "unusual"
LIMIT_OPS = (">", ">=", "<", "<=")
# A forecast is made of hours, and reaches a year.
MIN_WITHIN_S, MAX_WITHIN_S = 3600, 365 * 86_400
# A usual range is made of minutes.
MIN_UNUSUAL_S = 60
# Default hysteresis as a share of the limit. It keeps a value near the limit from changing the state at every
# tick.
CLEAR_MARGIN = 0.05

# Other forms of an operator, and the highest values of metrics with such an end.
_WORDS = {"above": ">", "below": "<"}
_HIGHEST_VALUES = {".percent": 100.0, ".up": 1.0, "": math.inf}

_SI_EXPONENTS = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12}
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_NUMBER = (
    r"(?P<{0}>-?[0-9]{{1,18}}(?:\.[0-9]{{1,24}})?)(?:e(?P<{0}_tens>[+-]?[0-9]{{1,3}}))?"
    r"\s?(?P<{0}_unit>[kMGT]?)%?"
)
_TIME = r"(?P<{0}>[0-9]{{1,9}}(?:\.[0-9]{{1,3}})?)(?P<{0}_unit>[smhd])"
_FOR = r"\s+for\s+(?P<count>[0-9]{1,9}(?:\.[0-9]{1,3})?)(?P<time>[smhd])"
_METRIC = rf"(?P<metric>[^\s<>;]{{0,{MAX_METRIC_LENGTH - 1}}}[^\s<>;=])"
_LIMIT_RULE = re.compile(
    rf"{_METRIC}(?:\s*(?P<op>[<>]=?)\s*|\s+(?P<word>above|below)\s+){_NUMBER.format('limit')}(?:{_FOR})?(?:\s+clear\s+{_NUMBER.format('clear')})?",
    re.ASCII,
)
_REACHES_RULE = re.compile(
    rf"{_METRIC}\s+{REACHES_OP}\s+{_NUMBER.format('limit')}\s+within\s+{_TIME.format('within')}(?:{_FOR})?",
    re.ASCII,
)
_UNUSUAL_RULE = re.compile(rf"{_METRIC}\s+{UNUSUAL_OP}{_FOR}", re.ASCII)
_MISSING_RULE = re.compile(rf"{_METRIC}\s+{MISSING_OP}{_FOR}", re.ASCII)
_RULES = (_MISSING_RULE, _UNUSUAL_RULE, _REACHES_RULE, _LIMIT_RULE)
# All metrics of a file system are percentages, so a rule can leave out the last part of the key.
_FILESYSTEM_PREFIX, _PERCENT_SUFFIX = "filesystem.", ".percent"
# The last option of a rule. Options follow the condition, in any order.
_OPTION = re.compile(
    rf"(?P<rest>.*)\s(?:repeat\s+(?P<count>[0-9]{{1,9}}(?:\.[0-9]{{1,3}})?)(?P<time>[smhd])"
    rf"|except\s+(?P<quiet>{QUIET_HOURS_PATTERN})|(?P<level>{WARNING}|{CRITICAL}))",
    re.ASCII | re.DOTALL,
)
_LENGTH_EXPECTED = f"expected at most {MAX_TEXT_LENGTH} characters"
_REPEAT_EXPECTED = "expected repeat with a time from 1m to 7d, such as repeat 30m"
_WITHIN_EXPECTED = "expected METRIC reaches NUMBER within TIME, with a time from 1h to 365d"
_UNUSUAL_EXPECTED = "expected METRIC unusual for TIME, with a time from 1m to 7d"
_QUIET_EXPECTED = "expected except with days, times or both, such as except Sat-Sun 22:00-06:00"


# Kinds of entries in the log of alerts: a change of the state; one more message about the state; a test.
CHANGE, REMINDER, TEST = "", "reminder", "test"
# Why a change has no message.
QUIET, MUTED = "quiet", "muted"


@dataclass(frozen=True, slots=True)
class Threshold:
    """An alert fires once `metric` `op` `limit` has held for `seconds`.

    It resolves when the value is on the other side of `clear`. If `op` is MISSING_OP, the alert fires while
    the metric has no value, and `limit` and `clear` have no meaning. If `op` is REACHES_OP, it fires while
    the trend reaches `limit` within `within` seconds, and if it is UNUSUAL_OP, while the value is outside of
    its usual range.

    The other fields are options of its messages: seconds after which one is repeated (0: never), the times
    without any, and the level.
    """

    metric: str
    op: str
    limit: float
    seconds: float = 0.0
    clear: float | None = None
    repeat: float = 0.0
    quiet_hours: tuple[QuietHours, ...] = ()
    level: str = WARNING
    within: float = 0.0
    _condition: str = field(default="", init=False, repr=False, compare=False)

    @staticmethod
    def parse(text: str) -> Threshold:
        """Return the threshold for a rule such as "disk.read >= 1.5G for 5m clear 1G".

        Other forms are "cpu.percent missing for 1m", "filesystem.root reaches 95 within 3d" and "cpu.percent
        unusual for 10m". "above" and "below" are > and <. k, M, G and T are powers of ten. A percent sign
        changes nothing, because percentages are 0 to 100. Raises ValueError if the text is no rule. The error
        has a text if an option is wrong, or the rule is too long.
        """
        if len(text) > MAX_TEXT_LENGTH:
            raise ValueError(_LENGTH_EXPECTED)
        condition, options = _split_options(text.strip())
        threshold = Threshold._parse_condition(condition)
        threshold = replace(threshold, **options) if options else threshold
        # Its own text has spaces and zeros that a rule can leave out, and a store must be able to read it.
        if len(threshold.text) > MAX_TEXT_LENGTH:
            raise ValueError(_LENGTH_EXPECTED)
        return threshold

    @staticmethod
    def _parse_condition(text: str) -> Threshold:
        match = next(filter(None, (rule.fullmatch(text) for rule in _RULES)), None)
        if match is None or not match["metric"].isprintable():
            raise ValueError(_option_problem(text))
        seconds = round(float(match["count"] or 0) * _UNIT_SECONDS[match["time"] or "s"], 3)
        if seconds > MAX_DURATION_S:
            raise ValueError
        if match.re is _MISSING_RULE:
            if not seconds:
                raise ValueError
            return Threshold(match["metric"], MISSING_OP, 0.0, seconds)
        if match.re is _UNUSUAL_RULE:
            if seconds < MIN_UNUSUAL_S:
                raise ValueError(_UNUSUAL_EXPECTED)
            return Threshold(match["metric"], UNUSUAL_OP, 0.0, seconds)
        limit = _parse_number(match, "limit")
        if match.re is _REACHES_RULE:
            within = round(float(match["within"]) * _UNIT_SECONDS[match["within_unit"]], 3)
            if not MIN_WITHIN_S <= within <= MAX_WITHIN_S:
                raise ValueError(_WITHIN_EXPECTED)
            return Threshold(_whole_key(match["metric"]), REACHES_OP, limit, seconds, within=within)
        clear = _parse_number(match, "clear") if match["clear"] else None
        op = match["op"] or _WORDS[match["word"]]
        if clear is not None and (clear > limit if op in (">", ">=") else clear < limit):
            raise ValueError
        return Threshold(match["metric"], op, limit, seconds, clear)

    @property
    def text(self) -> str:
        """The rule in its shortest form, such as "cpu.percent > 90 for 30s"; `parse` reads it."""
        repeat = f" repeat {_format_duration(self.repeat)}" if self.repeat else ""
        quiet = "".join(f" except {period.text}" for period in self.quiet_hours)
        level = f" {self.level}" if self.level != WARNING else ""
        return f"{self.condition}{repeat}{quiet}{level}"

    @property
    def condition(self) -> str:
        """The rule without the options of its messages. No two rules may have the same."""
        if not self._condition:
            object.__setattr__(self, "_condition", self._format_condition())
        return self._condition

    def _format_condition(self) -> str:
        duration = f" for {_format_duration(self.seconds)}" if self.seconds else ""
        if self.op in (MISSING_OP, UNUSUAL_OP):
            return f"{self.metric} {self.op}{duration}"
        if self.op == REACHES_OP:
            within = _format_duration(self.within)
            return f"{self.subject} {self.op} {_format_number(self.limit)} within {within}{duration}"
        clear = "" if self.clear is None else f" clear {_format_number(self.clear)}"
        return f"{self.metric} {self.op} {_format_number(self.limit)}{duration}{clear}"

    @property
    def subject(self) -> str:
        """The metric as a rule names it: "filesystem.root" if the rule is about reaching a limit."""
        short = self.metric.removesuffix(_PERCENT_SUFFIX)
        return short if self.op == REACHES_OP and _whole_key(short) == self.metric else self.metric

    @property
    def stated_limit(self) -> float | None:
        """The limit that the rule contains; None if it has none."""
        return self.limit if self.has_limit or self.op == REACHES_OP else None

    @property
    def has_limit(self) -> bool:
        """Whether this compares the value with a limit."""
        return self.op in LIMIT_OPS

    @property
    def clear_threshold(self) -> float:
        """The limit at which a firing alert resolves."""
        if self.clear is not None:
            return self.clear
        margin = CLEAR_MARGIN * abs(self.limit)
        if self.op in (">", ">="):
            return self.limit - margin
        # No value could be above the highest one, so the alert would never resolve.
        highest = min(high for end, high in _HIGHEST_VALUES.items() if self.metric.endswith(end))
        return self.limit if self.limit + margin >= highest else self.limit + margin


@dataclass(frozen=True, slots=True)
class AlertState:
    """The state of a threshold, and the time of the tick that last changed it.

    `since` is in seconds UTC, or None if the state never changed.
    """

    threshold: Threshold
    firing: bool = False
    since: float | None = None


@dataclass(frozen=True, slots=True)
class AlertChange:
    """An alert begins to fire, or resolves, at `time` (seconds UTC).

    `value` is the value at that time, or None if there was none. `number` counts the changes in the log of a
    store, from 1. `kind`: CHANGE, or an entry that is only a message. `silence`: why no message is sent, or
    empty. `detail`: what is expected or usual in words, such as "reaches 95 % in 2 days (1 to 3)", or why it
    ended.
    """

    threshold: Threshold
    firing: bool
    time: float
    value: float | None
    number: int = 0
    kind: str = CHANGE
    silence: str = ""
    detail: str = ""


def _whole_key(metric: str) -> str:
    """Return the key of a file system for its short form.

    >>> _whole_key("filesystem.root"), _whole_key("quota")
    ('filesystem.root.percent', 'quota')
    """
    is_short = metric.startswith(_FILESYSTEM_PREFIX) and not metric.endswith(_PERCENT_SUFFIX)
    return f"{metric}{_PERCENT_SUFFIX}" if is_short else metric


def _split_options(text: str) -> tuple[str, dict[str, Any]]:
    """Return the condition of a rule, and its options by the names of the fields."""
    repeat, level, quiet_hours = "", "", list[QuietHours]()
    seconds = 0.0
    while (match := _OPTION.fullmatch(text)) is not None:
        if match["quiet"]:
            quiet_hours.insert(0, QuietHours.parse(match["quiet"]))
        elif match["level"]:
            if level:
                raise ValueError(f"it has two levels; expected {WARNING} or {CRITICAL}")
            level = match["level"]
        else:
            if repeat:
                raise ValueError("it has two times to repeat; expected one")
            repeat = match["count"] + match["time"]
            seconds = round(float(match["count"]) * _UNIT_SECONDS[match["time"]], 3)
            if not MIN_REPEAT_S <= seconds <= MAX_DURATION_S:
                raise ValueError(_REPEAT_EXPECTED)
        text = match["rest"].rstrip()
    periods = tuple(dict.fromkeys(quiet_hours))
    if len(periods) > MAX_QUIET_HOURS:
        raise ValueError(f"it has {len(periods)} quiet hours; expected at most {MAX_QUIET_HOURS}")
    if is_always_quiet(periods):
        raise ValueError("its quiet hours leave no time for a message; expected a part of the week")
    options = {"repeat": seconds, "quiet_hours": periods, "level": level or WARNING}
    return text, {name: value for name, value in options.items() if value not in (0.0, (), WARNING)}


def _option_problem(text: str) -> str:
    """Return what was expected of the option that a text without a valid condition has, if any."""
    words = text.split()
    if "except" in words[1:]:
        return _QUIET_EXPECTED
    if REACHES_OP in words[1:]:
        return _WITHIN_EXPECTED
    if UNUSUAL_OP in words[1:]:
        return _UNUSUAL_EXPECTED
    return _REPEAT_EXPECTED if "repeat" in words[1:] else ""


def _parse_number(match: re.Match[str], name: str) -> float:
    """Return the number of a rule; raises ValueError above MAX_LIMIT."""
    # Convert once, so that 1.1G is the float nearest to it. Adding 0 turns -0 into 0.
    tens = int(match[f"{name}_tens"] or 0) + _SI_EXPONENTS[match[f"{name}_unit"]]
    value = float(f"{match[name]}e{tens}") + 0.0
    if abs(value) > MAX_LIMIT:
        raise ValueError
    return value


def _format_number(value: float) -> str:
    """Return the shortest form that means exactly this number, such as "1500" or "1.5k"."""
    forms = [_plain_number(value)]
    for unit, tens in _SI_EXPONENTS.items():
        digits = _plain_number(value / 10**tens)
        if unit and "e" not in digits and float(f"{digits}e{tens}") == value:
            forms.append(digits + unit)
    return min(forms, key=len)


def _plain_number(value: float) -> str:
    return repr(value).removesuffix(".0")


def _format_duration(seconds: float) -> str:
    for unit, length in reversed(_UNIT_SECONDS.items()):
        if seconds >= length and math.fmod(seconds, length) == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
