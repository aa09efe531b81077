"""Sets of alert rules: their limits, and rules that contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from dashapp.model.text import quote_value
from dashapp.model.thresholds import CRITICAL, Threshold

# Rules in the settings, and on the page.
MAX_RULES = 500

RULE_EXPECTED = (
    'expected "METRIC > NUMBER for TIME clear NUMBER" (or >=, < and <=; the second number not beyond the '
    'first), "METRIC missing for TIME", "METRIC reaches NUMBER within TIME" or "METRIC unusual for TIME"'
)


def parse_rule(text: str) -> Threshold:
    """Return the rule of a text; ValueError, with what was expected, if it is invalid."""
    try:
        return Threshold.parse(text)
    except ValueError as error:
        raise ValueError(str(error) or RULE_EXPECTED) from None


def rule_conflicts(rules: Iterable[Threshold]) -> list[str]:
    """Return the end of a sentence for each pair of rules that contradict each other.

    >>> rule_conflicts(map(parse_rule, ["cpu.percent > 50", "cpu.percent < 60"]))
    ['has "cpu.percent > 50" and "cpu.percent < 60", of which one always fires; change a limit']
    """
    by_metric: dict[str, list[Threshold]] = {}
    for rule in rules:
        by_metric.setdefault(rule.metric, []).append(rule)
    return [
        f"has {quote_value(one.text)} and {quote_value(other.text)}, {problem}"
        for group in by_metric.values()
        for one, other, problem in _conflicts(group)
    ]


def _conflicts(rules: Sequence[Threshold]) -> Iterator[tuple[Threshold, Threshold, str]]:
    by_condition: dict[str, Threshold] = {}
    limits = []
    for rule in rules:
        first = by_condition.setdefault(rule.condition, rule)
        if first is not rule and first != rule:
            yield first, rule, "which differ only in their options; remove one"
        elif rule.has_limit:
            limits.append(rule)
    for one, other in combinations(limits, 2):
        if one.op[0] != other.op[0]:
            if _always_fires(one, other):
                yield one, other, "of which one always fires; change a limit"
        elif one.level != other.level:
            critical, warning = (one, other) if one.level == CRITICAL else (other, one)
            if _fires_first(critical, warning):
                yield critical, warning, "of which the critical one always fires first; change a limit"


def _always_fires(one: Threshold, other: Threshold) -> bool:
    """Whether each value crosses the limit of one of these, which have opposite directions."""
    upper, lower = (one, other) if one.op[0] == ">" else (other, one)
    if upper.limit == lower.limit:
        return "=" in upper.op + lower.op
    return upper.limit < lower.limit


def _fires_first(critical: Threshold, warning: Threshold) -> bool:
    """Whether a critical rule fires whenever a warning does, and not later."""
    difference = warning.limit - critical.limit
    if warning.op[0] == "<":
        difference = -difference
    crosses = difference > 0 or (difference == 0 and ("=" in critical.op or "=" not in warning.op))
    return crosses and critical.seconds <= warning.seconds
