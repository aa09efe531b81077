"""Thresholds: what their sentences may say, and when the judge changes a state."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest
from clocks import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from dashapp.clock import LogTime, deadlines
from dashapp.judge import Judge
from dashapp.model import GAP, Tick, milliseconds
from dashapp.thresholds import LARGEST, LONGEST, Change, State, Threshold

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
]


@pytest.mark.parametrize(("text", "metric", "op", "limit", "seconds"), GOOD)
def test_a_sentence_is_a_threshold(text: str, metric: str, op: str, limit: float, seconds: float) -> None:
    found = Threshold.parse(text)
    assert found == Threshold(metric, op, limit, seconds)
    assert Threshold.parse(found.text) == found


BAD = [
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
    "cpu.percent > " + "9" * 5000,
    "c" * 121 + " > 90",
    "a\0b > 90",
    "a\x1b[31m > 90",
    "a\u202eb > 90",
    "a > 90\n; rm",
    "a " + " " * 300 + "> 90",
]


@pytest.mark.parametrize("text", BAD)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        Threshold.parse(text)


@given(st.text(max_size=400))
def test_no_text_does_worse_than_raise(text: str) -> None:
    try:
        found = Threshold.parse(text)
    except ValueError:
        return
    assert Threshold.parse(found.text) == found


@given(
    st.sampled_from([">", ">=", "<", "<="]),
    st.floats(-LARGEST, LARGEST).map(lambda value: value + 0.0),
    st.integers(0, LONGEST * 1000).map(lambda ms: ms / 1000),
)
def test_the_canonical_sentence_means_the_same(op: str, limit: float, seconds: float) -> None:
    made = Threshold("cpu.percent", op, limit, seconds)
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
def test_a_sentence_is_said_in_one_way(text: str, canonical: str) -> None:
    assert Threshold.parse(text).text == canonical


HOT = Threshold("a", ">", 90, 3)


def ticks(values: str, start: float = 1000.0, step: float = 1.0) -> Iterator[Tick]:
    """A tick a character: `#` is over the limit, `.` is not, `?` has no value; a space is no tick at all."""
    for number, kind in enumerate(values):
        if kind != " ":
            value = {"#": {"a": 95.0}, ".": {"a": 20.0}, "?": {"b": 1.0}}[kind]
            yield Tick(start + number * step, step, value)


def fed(judge: Judge, values: str, step: float = 1.0) -> str:
    """The state after each character: `!` broken, `-` not."""
    said = {tick.time: judge.judge(tick) or judge.states() for tick in ticks(values, step=step)}
    states, now = "", "-"
    for number in range(len(values)):
        for each in said.get(1000.0 + number * step, []):
            now = "!" if each.broken else "-"
        states += now
    return states


@pytest.mark.parametrize(
    ("values", "states"),
    [
        ("....####....", "-------!!!!-"),
        ("###.###.####", "-----------!"),
        ("####...####.", "---!!!!!!!!!"),
        ("####...#....", "---!!!!!!!!-"),
        ("##?##?####..", "---------!!!"),
        ("####..?....#", "---!!!!!!!--"),
        ("## ##  ####.", "----------!!"),
        ("#### ..  ...", "---!!!!!!!!!"),
        ("####????    ", "---!!!!!!!!!"),
        ("####    ....", "---!!!!!!!!-"),
        ("????........", "------------"),
    ],
)
def test_a_state_changes_once_the_contrary_has_lasted(values: str, states: str) -> None:
    assert fed(Judge([HOT]), values) == states


def test_without_a_duration_at_once() -> None:
    assert fed(Judge([Threshold("a", ">", 90)]), "..#.##? #.") == "--!-!!!!!-"


@pytest.mark.parametrize("step", [0.1, 2.0, 60.0])
def test_durations_are_seconds_not_ticks(step: float) -> None:
    judge = Judge([Threshold("a", ">", 90, 4)])
    assert fed(judge, "#" * 60, step).index("!") == {0.1: 40, 2.0: 2, 60.0: 1}[step]


@pytest.mark.parametrize(
    ("op", "broken"),
    [(">", [False, True]), (">=", [True, True]), ("<", [False, False]), ("<=", [True, False])],
)
def test_at_the_limit_itself(op: str, broken: list[bool]) -> None:
    for value, expected in zip((90.0, 90.1), broken, strict=True):
        judge = Judge([Threshold("a", op, 90)])
        assert bool(judge.judge(Tick(5, 1, {"a": value}))) is expected


def test_a_change_is_told_once_with_time_and_value() -> None:
    judge = Judge([HOT, Threshold("b", ">", 0)])
    told = [change for tick in ticks("#####....") for change in judge.judge(tick)]
    assert told == [Change(HOT, True, 1003.0, 95.0), Change(HOT, False, 1008.0, 20.0)]
    assert judge.states() == [State(HOT, False, 1008.0), State(Threshold("b", ">", 0))]


def test_what_was_broken_stays_so_over_a_restart_until_it_is_judged() -> None:
    before = [State(HOT, True, 500.0), State(Threshold("gone", ">", 1), True, 400.0)]
    judge = Judge([HOT], before)
    assert judge.states() == [State(HOT, True, 500.0)]
    assert fed(judge, "##..?....") == "!!!!!!!!-"


def test_another_definition_begins_anew() -> None:
    judge = Judge([Threshold("a", ">", 91, 3)], [State(HOT, True, 500.0)])
    assert judge.states() == [State(Threshold("a", ">", 91, 3))]


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 0.7, -0.7])
def test_a_clock_that_steps_breaks_nothing(jump: float) -> None:
    """The collector's own ticks, while the system's clock is set: broken a few seconds later at the most."""
    clock = FakeClock(wall=10_000.0)
    due = deadlines(clock, 1, LogTime(clock), first=0.0)
    judge, told = Judge([Threshold("a", ">", 90, 5)]), []
    for number in range(60):
        if number in (3, 33):
            clock.jump(jump)
        value = 95.0 if number < 30 else 20.0
        told += [(number, change.broken) for change in judge.judge(Tick(next(due), 1, {"a": value}))]
    (first, broken), (second, again) = told
    assert (broken, again) == (True, False)
    assert 5 <= first <= 9
    assert 35 <= second <= 39


def test_ticks_from_a_clock_set_back_start_the_time_anew() -> None:
    judge = Judge([HOT])
    times = [100, 101, 102, 50, 51, 52, 53]
    told = [change.time for at in times for change in judge.judge(Tick(at, 1, {"a": 95}))]
    assert told == [53]


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.5, 1.0, 1.0, 1.0, 1.0, 1.5, 1.6, 10.0, -3.0]),
        st.sampled_from([95.0, 95.0, 20.0, 20.0, 90.0, None]),
    ),
    max_size=80,
)


def ms(tick: Tick) -> int:
    return milliseconds(tick.time)


def judged(seconds: float, made: Sequence[Tick]) -> list[tuple[float, bool]]:
    """The slow way: at each tick, look back for as long as the contrary held without a break."""
    told: list[tuple[float, bool]] = []
    since_change, broken = 0, False
    for end, tick in enumerate(made):
        start = None
        for place in range(end, since_change - 1, -1):
            value = made[place].values.get("a")
            if value is None or (value > 90) is broken:
                break
            start = place
            # In whole milliseconds: the difference of two times in seconds may be a hair too small.
            if place and not 0 < ms(made[place]) - ms(made[place - 1]) <= 1000 * GAP:
                break
        if start is not None and ms(tick) - ms(made[start]) >= 1000 * seconds:
            broken, since_change = not broken, end + 1
            told.append((tick.time, broken))
    return told


@given(st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0]), STEPS)
def test_every_history_is_judged_as_it_is_the_slow_way(
    seconds: float, steps: list[tuple[float, float | None]]
) -> None:
    made, at = [], 1000.0
    for pause, value in steps:
        at += pause
        made.append(Tick(at, 1, {} if value is None else {"a": value}))
    judge = Judge([Threshold("a", ">", 90, seconds)])
    told = [(change.time, change.broken) for tick in made for change in judge.judge(tick)]
    assert told == judged(seconds, made)
    assert [broken for _, broken in told] == [number % 2 == 0 for number in range(len(told))]


def test_ten_cost_microseconds() -> None:
    judge = Judge([Threshold(f"m{number}", ">", 90, 30) for number in range(10)])
    values = {f"m{number}": 50.0 for number in range(200)}
    made = [Tick(1000 + number, 1, values) for number in range(2000)]
    before = time.process_time()
    for tick in made:
        judge.judge(tick)
    assert (time.process_time() - before) / len(made) < 100e-6
