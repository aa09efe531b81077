"""The options of alert rules, and rules that contradict each other."""

from __future__ import annotations

import pytest

from dashapp.model.alerts.rules import parse_rule, rule_conflicts
from dashapp.model.thresholds import MAX_TEXT_LENGTH, Threshold
from dashapp.sources.named_values import MAX_NAME_LENGTH

OLD = "cpu.percent > 90 for 30s clear 80"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (OLD, OLD),
        (f"{OLD} warning", OLD),
        (f"{OLD} critical", f"{OLD} critical"),
        (f"{OLD} repeat 0.5h", f"{OLD} repeat 30m"),
        (f"{OLD} critical except sat-sun repeat 90s", f"{OLD} repeat 90s except Sat-Sun critical"),
        (f"{OLD} except Sat-Sun except 22:00-6:00", f"{OLD} except Sat-Sun except 22:00-06:00"),
        (f"{OLD} except Sat except Sat", f"{OLD} except Sat"),
        ("a missing for 60s repeat 1d critical", "a missing for 1m repeat 1d critical"),
        ("critical > 5\tcritical", "critical > 5 critical"),
    ],
)
def test_rule_options_have_canonical_text_and_keep_condition(text: str, canonical: str) -> None:
    rule = parse_rule(text)
    assert rule.text == canonical
    assert parse_rule(rule.text) == rule
    assert rule.condition == Threshold(rule.metric, rule.op, rule.limit, rule.seconds, rule.clear).text


QUIET = " ".join(f"except mon,tue,thu,fri,sun {hour}:0{hour}-{hour}:3{hour}" for hour in range(3, 10))
NUMBER = "123456789012345.123456789"
LONGEST = f">{NUMBER} for 604799.123s clear 0.{NUMBER[:-10]} repeat 86399.5s {QUIET} critical"


@pytest.mark.parametrize("options", [" > 90", LONGEST, " missing for 1m"])
def test_rule_of_longest_pushed_name_is_read_again_from_its_text(options: str) -> None:
    rule = parse_rule("x" * MAX_NAME_LENGTH + options)
    assert rule.metric == "x" * MAX_NAME_LENGTH
    assert parse_rule(rule.text) == rule


def test_rule_that_is_too_long_is_rejected_with_its_limit() -> None:
    with pytest.raises(ValueError, match=f"^expected at most {MAX_TEXT_LENGTH} characters$"):
        parse_rule("x > 1" + " " * MAX_TEXT_LENGTH)


BAD = [
    ("a > 1 repeat", "repeat with a time from 1m to 7d"),
    ("a > 1 repeat 59s", "repeat with a time from 1m to 7d"),
    ("a > 1 repeat 8d", "repeat with a time from 1m to 7d"),
    ("a > 1 repeat -30m", "repeat with a time from 1m to 7d"),
    ("a > 1 repeat 1h repeat 2h", "two times to repeat"),
    ("a > 1 warning critical", "two levels"),
    ("a > 1 except", "except with days, times or both"),
    ("a > 1 except Saturday", "except with days, times or both"),
    ("a > 1 except Sat-Sun 22:00", "except with days, times or both"),
    ("a > 1 except 22:00-22:00", "two different times"),
    ("a > 1 except 25:00-22:00", "from 00:00 to 24:00"),
    ("a > 1 except Mon-Sun", "leave no time for a message"),
    ("a > 1 except Sat-Sun except Mon-Fri", "leave no time for a message"),
    ("a > 1 except 06:00-22:00 except 22:00-06:00", "leave no time for a message"),
    ("a > 1 " + " ".join(f"except Mon 1{number}:00-1{number}:30" for number in range(8)), "at most 7"),
    ("a > 1 fatal", "METRIC > NUMBER"),
    ("repeat 30m", "METRIC > NUMBER"),
    ("critical", "METRIC > NUMBER"),
    ("a > 1 critical for 5m", "METRIC > NUMBER"),
]


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_rule_error_is_one_sentence_with_expectation(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as caught:
        parse_rule(text)
    assert "\n" not in str(caught.value)


CONFLICTS = [
    (["a > 1", "a > 1 critical"], "differ only in their options"),
    (["a > 1 for 60s repeat 30m", "a > 1 for 1m"], "differ only in their options"),
    (["a missing for 1m", "a missing for 1m critical"], "differ only in their options"),
    (["a > 50", "a < 60"], "one always fires"),
    (["a >= 50", "a < 50"], "one always fires"),
    (["a > 90 critical", "a > 95"], "critical one always fires first"),
    (["a > 90 for 30s critical", "a > 90 for 1m"], "critical one always fires first"),
    (["a < 10 critical", "a < 5"], "critical one always fires first"),
    (["a >= 90 critical", "a > 90"], "critical one always fires first"),
]


@pytest.mark.parametrize(("texts", "expected"), CONFLICTS)
@pytest.mark.parametrize("turn", [1, -1])
def test_rule_conflicts_names_both_rules_once(texts: list[str], expected: str, turn: int) -> None:
    (sentence,) = rule_conflicts(map(parse_rule, texts[::turn]))
    assert expected in sentence
    assert all(f'"{parse_rule(text).text}"' in sentence for text in texts)


@pytest.mark.parametrize(
    "texts",
    [
        ["a > 90", "a > 95 critical"],
        ["a > 90 for 10m critical", "a > 95 for 30s"],
        ["a > 90", "b > 90 critical"],
        ["a > 60", "a < 50"],
        ["a > 50", "a < 50"],
        ["a > 90", "a > 95", "a missing for 1m critical"],
        ["a > 90", "a > 90"],
        ["a < 10", "a < 5 critical"],
        ["a > 90 critical", "a >= 90"],
    ],
)
def test_rule_conflicts_accepts_rules_that_add_something(texts: list[str]) -> None:
    assert rule_conflicts(map(parse_rule, texts)) == []
