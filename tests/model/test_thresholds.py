"""Thresholds: the syntax of their text."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dashapp.model.thresholds import MAX_DURATION_S, MAX_LIMIT, MAX_METRIC_LENGTH, Threshold

GOOD = [
    ("cpu.percent > 90 for 30s", "cpu.percent", ">", 90, 30),
    ("  cpu.percent>=90  for  30s\n", "cpu.percent", ">=", 90, 30),
    ("memory.available < 1.5G", "memory.available", "<", 1.5e9, 0),
    ("disk.sda.read <= 10M for 5m", "disk.sda.read", "<=", 10e6, 300),
    ("a > 1k for 1h", "a", ">", 1000, 3600),
    ("a > 2T for 1.5h", "a", ">", 2e12, 5400),
    ("a > 90%", "a", ">", 90, 0),
    ("a > 1.1G", "a", ">", 1_100_000_000, 0),
    ("a > 12 M for 0.5s", "a", ">", 12e6, 0.5),
    ("temperature.cpu<-5", "temperature.cpu", "<", -5, 0),
    ("a > -0", "a", ">", 0, 0),
    ("a > 1e-9", "a", ">", 1e-9, 0),
    ('requests{code="500"} > 0', 'requests{code="500"}', ">", 0, 0),
    ("é.größe > 1", "é.größe", ">", 1, 0),
    ("a > 1 for 0s", "a", ">", 1, 0),
    ("a > 1 for 7d", "a", ">", 1, 604_800),
    ("a missing for 60s", "a", "missing", 0, 60),
    ("check.shop.up below 1 for 30s", "check.shop.up", "<", 1, 30),
    ("a  above  1.5k", "a", ">", 1500, 0),
]


@pytest.mark.parametrize(("text", "metric", "op", "limit", "seconds"), GOOD)
def test_threshold_parse_accepts_valid_text(
    text: str, metric: str, op: str, limit: float, seconds: float
) -> None:
    found = Threshold.parse(text)
    assert found == Threshold(metric, op, limit, seconds)
    assert Threshold.parse(found.text) == found


CLEAR = [
    ("cpu.percent > 90 clear 80", 80),
    ("cpu.percent > 90 for 30s clear 80%", 80),
    ("cpu.percent > 90 clear 90", 90),
    ("disk.read >= 1.5G for 5m clear 800 M", 800e6),
    ("memory.available < 1G clear 1.5G", 1.5e9),
    ("a > -5 clear -10", -10),
]


@pytest.mark.parametrize(("text", "clear"), CLEAR)
def test_threshold_parse_accepts_clear_limit(text: str, clear: float) -> None:
    found = Threshold.parse(text)
    assert (found.clear, found.clear_threshold) == (clear, clear)
    assert Threshold.parse(found.text) == found


@pytest.mark.parametrize(
    ("text", "well"),
    [
        *[("a > 90", 85.5), ("a <= 100", 105), ("a > -100", -105), ("a < -100", -95), ("a > 0", 0)],
        # A higher value than the highest would never come.
        *[
            ("check.shop.up < 1", 1),
            ("a.percent < 98", 98),
            ("a.percent <= 98", 98),
            ("a.percent < 90", 94.5),
        ],
        *[("check.shop.up < 0.5", 0.525), ("a.up < 5", 5)],
    ],
)
def test_threshold_clear_limit_defaults_to_5_percent(text: str, well: float) -> None:
    assert Threshold.parse(text).clear_threshold == well


BAD = [
    "a below",
    "a below1",
    "above 1",
    "a below 1 above 2",
    "a > 90 clear 91",
    "a < 90 clear 89",
    "a > 90 clear",
    "a > 90 clear x",
    "a > 90 clear 80 for 30s",
    "a > 90 clear 80 clear 70",
    "a > 90 clear 1e16",
    "a missing",
    "a missing for 0s",
    "a missing for 8d",
    "a missing for 60",
    "missing for 60s",
    "a missing for 60s clear 1",
    "a > 1 missing for 60s",
    "",
    " ",
    "cpu.percent",
    "cpu.percent >",
    "> 90",
    "cpu.percent 90",
    "cpu.percent = 90",
    "cpu.percent == 90",
    "cpu.percent => 90",
    "cpu.percent >> 90",
    "cpu.percent > > 90",
    "cpu percent > 90",
    "cpu.percent > ninety",
    "cpu.percent > nan",
    "cpu.percent > inf",
    "cpu.percent > 9_0",
    "cpu.percent > ٩٠",
    "cpu.percent > 0x5a",
    "cpu.percent > 90m",
    "cpu.percent > 90GB",
    "cpu.percent > 90 %%",
    "cpu.percent > 90 for",
    "cpu.percent > 90 for 30",
    "cpu.percent > 90 for 30 s",
    "cpu.percent > 90 for -30s",
    "cpu.percent > 90 for 30w",
    "cpu.percent > 90 for 8d",
    "cpu.percent > 90 for 1s for 1s",
    "cpu.percent > 90 30s",
    "cpu.percent > 90; memory.percent > 90",
    "cpu.percent > 1e400",
    "cpu.percent > 1e16",
    "cpu.percent > 1001T",
    "c" * 201 + " > 90",
    "a\0b > 90",
    "a\x1b[31m > 90",
    "a\u202eb > 90",
    "a > 90\n; rm",
]
TOO_LONG = ["cpu.percent > " + "9" * 5000, "a " + " " * 600 + "> 90"]


@pytest.mark.parametrize("text", BAD)
def test_threshold_parse_rejects_invalid_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        Threshold.parse(text)


@pytest.mark.parametrize("text", TOO_LONG)
def test_threshold_parse_names_the_limit_of_a_long_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected at most 600 characters$"):
        Threshold.parse(text)


@given(st.text(max_size=700))
def test_threshold_parse_raises_only_value_error_for_any_text(text: str) -> None:
    try:
        found = Threshold.parse(text)
    except ValueError:
        return
    assert Threshold.parse(found.text) == found


@given(
    st.sampled_from([">", ">=", "<", "<="]),
    st.floats(-MAX_LIMIT, MAX_LIMIT).map(lambda value: value + 0.0),
    st.integers(0, MAX_DURATION_S * 1000).map(lambda ms: ms / 1000),
    st.none() | st.floats(0, MAX_LIMIT),
)
def test_threshold_text_parses_to_same_threshold(
    op: str, limit: float, seconds: float, way: float | None
) -> None:
    clear = None if way is None else limit - way if op in (">", ">=") else limit + way
    made = Threshold("cpu.percent", op, limit, seconds, clear)
    assume(clear is None or abs(clear) <= MAX_LIMIT)
    assert Threshold.parse(made.text) == made


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a>90.0% for 60s", "a > 90 for 1m"),
        ("a > 1500", "a > 1500"),
        ("a > 1500000000", "a > 1.5G"),
        ("a > 1024", "a > 1024"),
        ("a > 0.5 for 90s", "a > 0.5 for 90s"),
        ("a > 1 for 86400s", "a > 1 for 1d"),
    ],
)
def test_threshold_text_is_canonical(text: str, canonical: str) -> None:
    assert Threshold.parse(text).text == canonical


QUIET = " ".join(f"except Mon,Wed {hour}:00-{hour + 1}:00" for hour in range(2, 9))


@pytest.mark.parametrize("condition", ["{}>9", "{} missing for 1m", "{} > 1e15 for 90.0s"])
def test_text_of_longest_rule_is_read_again(condition: str) -> None:
    """A store with a text that it cannot read has none of its other rules either."""
    threshold = Threshold.parse(f"{condition.format('m' * MAX_METRIC_LENGTH)} {QUIET} repeat 90m critical")
    assert Threshold.parse(threshold.text) == threshold
