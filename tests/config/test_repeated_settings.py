"""Settings with several values: repeated flags or one variable, their errors, their limit."""

from __future__ import annotations

import pytest
from settings_errors import problems

from dashapp.config.settings import parse_settings
from dashapp.model.alerts.rules import MAX_RULES
from dashapp.sources.spec import SourceSpec

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_source_setting_accepts_repeated_flags_or_one_variable() -> None:
    wanted = (SourceSpec("none"), SourceSpec("weather:temperature"), SourceSpec("quotes:a;b"))
    argv = ["--source", "none", "--source=weather:temperature", "--source", "quotes:a;b"]
    assert parse_settings(argv, {"DASHAPP_SOURCE": "machine"}).source == wanted
    assert parse_settings([], {"DASHAPP_SOURCE": " none;weather:temperature ; "}).source == wanted[:2]


def test_source_errors_report_each_bad_value() -> None:
    assert len(problems(["--source", "wether", "--source", "machine", "--source", "prometeus:"])) == 2
    assert len(problems([], {"DASHAPP_SOURCE": "wether;none;a b:c"})) == 2


HOT, FULL = "cpu.percent > 90 for 30s", "disk.percent >= 95"


def test_threshold_setting_repeats_flag_and_splits_variable() -> None:
    found = parse_settings(["--threshold", HOT, f"--threshold={FULL}"], {}).threshold
    assert [each.text for each in found] == [HOT, FULL]
    assert parse_settings([], {"DASHAPP_THRESHOLD": f" {HOT};{FULL} ;; "}).threshold == found
    assert parse_settings(["--threshold", FULL], {"DASHAPP_THRESHOLD": HOT}).threshold == found[1:]
    assert parse_settings([], {"DASHAPP_THRESHOLD": " ; "}).threshold == ()


def test_threshold_setting_removes_duplicates() -> None:
    assert (
        len(parse_settings(["--threshold", HOT, "--threshold", "cpu.percent>90% for 0.5m"], {}).threshold)
        == 1
    )


def test_threshold_errors_report_each_bad_value() -> None:
    given = ["--threshold", "cpu", "--threshold", HOT, "--threshold", f"{HOT}; {FULL}", "--port=x"]
    assert [sentence.split(";")[0][:20] for sentence in problems(given)] == [
        '--port is "x"',
        '--threshold is "cpu"',
        '--threshold is "cpu.percent > 90 for 30s; disk.percent'[:20],
    ]
    assert len(problems([], {"DASHAPP_THRESHOLD": f"cpu; {HOT}; > 5"})) == 2


@pytest.mark.parametrize(("count", "fits"), [(MAX_RULES, True), (MAX_RULES + 1, False), (100_000, False)])
def test_threshold_setting_limits_number_of_values(count: int, fits: bool) -> None:
    text = ";".join(f"m{number} > 1" for number in range(count))
    if fits:
        assert len(parse_settings([], {"DASHAPP_THRESHOLD": text}).threshold) == count
    else:
        (sentence,) = problems([], {"DASHAPP_THRESHOLD": text})
        assert sentence == f"DASHAPP_THRESHOLD has {count} values; expected at most {MAX_RULES}"


def test_threshold_errors_name_rules_that_contradict_each_other() -> None:
    given = [f"--threshold={rule}" for rule in ("a > 50", "a < 60", "b > 1", "b > 1 critical")]
    assert problems(given) == [
        '--threshold has "a > 50" and "a < 60", of which one always fires; change a limit',
        '--threshold has "b > 1" and "b > 1 critical", which differ only in their options; remove one',
    ]
    assert problems(["--threshold=a > 1 repeat 3s"]) == [
        '--threshold is "a > 1 repeat 3s"; expected repeat with a time from 1m to 7d, such as repeat 30m'
    ]
