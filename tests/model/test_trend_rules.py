"""Rules about trends and usual ranges: the syntax of their text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.model.alerts.rules import parse_rule, rule_conflicts
from dashapp.model.thresholds import Threshold

REACHES = [
    ("filesystem.root reaches 95 within 3d", "filesystem.root.percent", 95, 259_200, 0),
    ("filesystem.root.percent reaches 95% within 72h", "filesystem.root.percent", 95, 259_200, 0),
    ("  quota   reaches  1.5G  within  30d  for  2h ", "quota", 1.5e9, 2_592_000, 7200),
    ("web-1/filesystem.root.percent reaches 9 within 1h", "web-1/filesystem.root.percent", 9, 3600, 0),
    ("a reaches -5 within 365d", "a", -5, 31_536_000, 0),
    ("a reaches 5 within 1.5d", "a", 5, 129_600, 0),
    ("filesystem.percent reaches 5 within 1d", "filesystem.percent", 5, 86_400, 0),
    ("filesystem.a.percent.percent reaches 5 within 1d", "filesystem.a.percent.percent", 5, 86_400, 0),
    ("reaches reaches 5 within 1d", "reaches", 5, 86_400, 0),
]


@pytest.mark.parametrize(("text", "metric", "limit", "within", "seconds"), REACHES)
def test_reaches_rule_has_a_limit_and_a_time(
    text: str, metric: str, limit: float, within: float, seconds: float
) -> None:
    rule = Threshold.parse(text)
    assert rule == Threshold(metric, "reaches", limit, seconds, within=within)
    assert Threshold.parse(rule.text) == rule
    assert (rule.has_limit, rule.stated_limit) == (False, limit)


def test_rules_have_a_short_text() -> None:
    assert parse_rule("filesystem.root.percent reaches 95 within 72h").text == (
        "filesystem.root reaches 95 within 3d"
    )
    assert parse_rule("cpu.percent unusual for 600s").text == "cpu.percent unusual for 10m"


def test_rules_have_all_options() -> None:
    text = "filesystem.root reaches 95 within 3d for 1h repeat 1d except Sat-Sun critical"
    assert parse_rule(text).text == text
    assert parse_rule(text).condition == "filesystem.root reaches 95 within 3d for 1h"
    text = "cpu.percent unusual for 10m repeat 1h except 22:00-06:00 critical"
    assert parse_rule(text).text == text
    assert parse_rule(text).stated_limit is None


WITHIN = "expected METRIC reaches NUMBER within TIME, with a time from 1h to 365d"
UNUSUAL = "expected METRIC unusual for TIME, with a time from 1m to 7d"
WRONG = [
    ("filesystem.root reaches 95", WITHIN),
    ("filesystem.root reaches 95 within 59m", WITHIN),
    ("filesystem.root reaches 95 within 366d", WITHIN),
    ("filesystem.root reaches 95 within 0d", WITHIN),
    ("filesystem.root reaches 95 within -3d", WITHIN),
    ("filesystem.root reaches 95 within 3w", WITHIN),
    ("filesystem.root reaches within 3d", WITHIN),
    ("filesystem.root reaches full within 3d", WITHIN),
    ("filesystem.root reaches 95 within 3d clear 90", WITHIN),
    ("filesystem.root reaches 95 within 3d within 4d", WITHIN),
    ("cpu.percent unusual", UNUSUAL),
    ("cpu.percent unusual for 59s", UNUSUAL),
    ("cpu.percent unusual for 10", UNUSUAL),
    ("cpu.percent unusual > 5 for 10m", UNUSUAL),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_wrong_rule_names_the_right_form(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=f"^{expected}$"):
        parse_rule(text)


@pytest.mark.parametrize("text", ["reaches 95 within 3d", "unusual for 10m", "a reaches 1e16 within 3d"])
def test_rule_without_metric_or_with_a_large_limit_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_rule(text)


@given(
    st.from_regex(r"(?:filesystem\.)?[a-z./-]{1,20}(?:\.percent){0,2}", fullmatch=True),
    st.floats(-1e15, 1e15),
    st.integers(1, 8760),
    st.sampled_from(["", " for 5m", " critical", " repeat 1h"]),
)
def test_rule_is_the_same_after_a_round_trip(metric: str, limit: float, hours: int, options: str) -> None:
    rule = parse_rule(f"{metric} reaches {limit:.3f} within {hours}h{options}")
    assert parse_rule(rule.text) == rule


def test_rules_that_differ_only_in_options_contradict_each_other() -> None:
    texts = ["filesystem.root reaches 95 within 3d", "filesystem.root.percent reaches 95 within 3d critical"]
    assert len(rule_conflicts(map(parse_rule, texts))) == 1
    texts = ["filesystem.root reaches 95 within 3d", "filesystem.root reaches 95 within 1d critical"]
    assert rule_conflicts(map(parse_rule, texts)) == []
    assert rule_conflicts(map(parse_rule, ["a < 5", "a reaches 1 within 1d", "a unusual for 1m"])) == []
