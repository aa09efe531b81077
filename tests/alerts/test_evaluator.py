"""The alert evaluator: when a state changes, and when it stays despite noise and gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from clocks import FakeClock
from effort import calls_of
from hypothesis import given
from hypothesis import strategies as st

from dashapp.alerts.evaluator import AlertEvaluator
from dashapp.collector.clock import LogClock, deadlines
from dashapp.model.thresholds import AlertChange, AlertState, Threshold
from dashapp.model.ticks import GAP_STEPS, Tick, to_milliseconds

HOT = Threshold("a", ">", 90, 3)


def ticks(values: str, start: float = 1000.0, step: float = 1.0) -> Iterator[Tick]:
    """Yield a tick for each character of `values`.

    `#` is a value over the limit, `.` one below it, `?` a tick without a value, and a space no tick.
    """
    for number, kind in enumerate(values):
        if kind != " ":
            value = {"#": {"a": 95.0}, ".": {"a": 20.0}, "?": {"b": 1.0}}[kind]
            yield Tick(start + number * step, step, value)


def fed(evaluator: AlertEvaluator, values: str, step: float = 1.0) -> str:
    """Return the state after each character: `!` firing, `-` not."""
    said = {tick.time: evaluator.evaluate(tick) or evaluator.states() for tick in ticks(values, step=step)}
    states, now = "", "-"
    for number in range(len(values)):
        for each in said.get(1000.0 + number * step, []):
            now = "!" if each.firing else "-"
        states += now
    return states


@pytest.mark.parametrize(
    ("values", "states"),
    [
        ("....####....", "-------!!!!-"),
        ("###.###.####", "-----------!"),
        ("####...####.", "---!!!!!!!!!"),
        ("####...#....", "---!!!!!!!!-"),
        ("##?##?####..", "---!!!!!!!!!"),
        ("####..?....#", "---!!!!-----"),
        ("## ##  ####.", "---!!!!!!!!!"),
        ("#### ..  ...", "---!!!!!!---"),
        ("#???#...", "----!!!!"),
        ("#   #...", "----!!!!"),
        ("# ? #...", "----!!!!"),
        ("#????###.###", "------------"),
        ("#    ###.###", "------------"),
        ("#????####...", "--------!!!!"),
        ("####.???.###", "---!!!!!----"),
        ("####.????...", "---!!!!!!!!!"),
        ("#?#?#?.?.?.?", "----!!!!!!--"),
        ("##?.#?##", "-------!"),
        ("####????    ", "---!!!!!!!!!"),
        ("####    ....", "---!!!!!!!!-"),
        ("????........", "------------"),
    ],
)
def test_evaluator_changes_state_after_duration(values: str, states: str) -> None:
    assert fed(AlertEvaluator([HOT]), values) == states


def test_evaluator_changes_state_at_once_without_duration() -> None:
    assert fed(AlertEvaluator([Threshold("a", ">", 90)]), "..#.##? #.") == "--!-!!!!!-"


@pytest.mark.parametrize("step", [0.1, 2.0, 60.0])
def test_evaluator_counts_duration_in_seconds_at_any_interval(step: float) -> None:
    evaluator = AlertEvaluator([Threshold("a", ">", 90, 4)])
    assert fed(evaluator, "#" * 60, step).index("!") == {0.1: 40, 2.0: 2, 60.0: 1}[step]


@pytest.mark.parametrize(
    ("op", "broken"),
    [(">", [False, True]), (">=", [True, True]), ("<", [False, False]), ("<=", [True, False])],
)
def test_evaluator_compares_by_operator_at_limit(op: str, broken: list[bool]) -> None:
    for value, expected in zip((90.0, 90.1), broken, strict=True):
        evaluator = AlertEvaluator([Threshold("a", op, 90)])
        assert bool(evaluator.evaluate(Tick(5, 1, {"a": value}))) is expected


def test_evaluator_keeps_state_when_value_hovers_around_limit() -> None:
    evaluator = AlertEvaluator(
        [Threshold("a", ">", 90), Threshold("a", ">", 90, clear=80), Threshold("a", "<", 90)]
    )
    values = [89.9, 90.1, 89.9, 90.1, 86, 95, 85.5, 90.1, 80, 94.4, 94.5]
    transitions = [
        (place, change.threshold.text, change.firing)
        for place, value in enumerate(values)
        for change in evaluator.evaluate(Tick(1000 + place, 1, {"a": value}))
    ]
    assert transitions == [
        (0, "a < 90", True),
        (1, "a > 90", True),
        (1, "a > 90 clear 80", True),
        (5, "a < 90", False),
        (6, "a > 90", False),
        (6, "a < 90", True),
        (7, "a > 90", True),
        (8, "a > 90", False),
        (8, "a > 90 clear 80", False),
        (9, "a > 90", True),
        (9, "a > 90 clear 80", True),
        (10, "a < 90", False),
    ]


ABSENT = Threshold.parse("a missing for 3s")


@pytest.mark.parametrize(
    ("values", "states"),
    [
        ("....??....", "----------"),
        (".....???.", "-------!-"),
        ("?????...", "---!!---"),
        ("..???????.??.", "----!!!!!----"),
        ("..  ..", "------"),
        ("..     ?.", "-------!-"),
    ],
)
def test_evaluator_fires_when_metric_is_missing_for_duration(values: str, states: str) -> None:
    assert fed(AlertEvaluator([ABSENT]), values) == states


def test_evaluator_reports_gap_between_collectors_when_it_ends() -> None:
    """A dead collector reports nothing, so the next one reports both ends of the gap."""
    evaluator = AlertEvaluator([ABSENT], [AlertState(ABSENT)], newest=1000.0)
    transitions = evaluator.evaluate(Tick(1060, 1, {"a": 7}))
    assert transitions == [AlertChange(ABSENT, True, 1003.0, None), AlertChange(ABSENT, False, 1060.0, 7.0)]
    assert evaluator.evaluate(Tick(1061, 1, {"a": 7})) == []
    evaluator = AlertEvaluator([ABSENT], [AlertState(ABSENT, True, 1003.0)], newest=1010.0)
    assert evaluator.evaluate(Tick(1060, 1, {"b": 7})) == []
    assert evaluator.evaluate(Tick(1061, 1, {"a": 7})) == [AlertChange(ABSENT, False, 1061.0, 7.0)]


def test_evaluator_reports_no_gap_after_short_restart() -> None:
    evaluator = AlertEvaluator([ABSENT], newest=1000.0)
    assert evaluator.evaluate(Tick(1002.9, 1, {"a": 7})) == []


def test_evaluator_reports_no_missing_metric_at_long_intervals() -> None:
    evaluator = AlertEvaluator([ABSENT])
    assert [evaluator.evaluate(Tick(1000 + 60 * number, 60, {"a": 7})) for number in range(5)] == [[]] * 5


def test_evaluator_reports_no_missing_metric_when_clock_is_set_back() -> None:
    evaluator = AlertEvaluator([ABSENT])
    transitions = [evaluator.evaluate(Tick(at, 1, {"a": 7})) for at in (1000, 1001, 500, 501, 502, 503)]
    assert transitions == [[]] * 6
    assert [bool(evaluator.evaluate(Tick(at, 1, {}))) for at in (504, 505, 506)] == [False, False, True]


def test_evaluator_reports_change_once_with_time_and_value() -> None:
    evaluator = AlertEvaluator([HOT, Threshold("b", ">", 0)])
    transitions = [change for tick in ticks("#####....") for change in evaluator.evaluate(tick)]
    assert transitions == [AlertChange(HOT, True, 1003.0, 95.0), AlertChange(HOT, False, 1008.0, 20.0)]
    assert evaluator.states() == [AlertState(HOT, False, 1008.0), AlertState(Threshold("b", ">", 0))]


def test_evaluator_keeps_firing_state_after_restart() -> None:
    before = [AlertState(HOT, True, 500.0), AlertState(Threshold("gone", ">", 1), True, 400.0)]
    evaluator = AlertEvaluator([HOT], before)
    assert evaluator.states() == [AlertState(HOT, True, 500.0)]
    assert fed(evaluator, "##..?....") == "!!!!!----"


def test_evaluator_forgets_state_when_threshold_is_redefined() -> None:
    evaluator = AlertEvaluator([Threshold("a", ">", 91, 3)], [AlertState(HOT, True, 500.0)])
    assert evaluator.states() == [AlertState(Threshold("a", ">", 91, 3))]


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 0.7, -0.7])
def test_evaluator_changes_state_in_time_when_clock_jumps(jump: float) -> None:
    """The collector's ticks while the system clock is set: the state changes at most 4 s late."""
    clock = FakeClock(wall=10_000.0)
    due = deadlines(clock, 1, LogClock(clock), first=0.0)
    evaluator, transitions = AlertEvaluator([Threshold("a", ">", 90, 5)]), []
    for number in range(60):
        if number in (3, 33):
            clock.jump(jump)
        value = 95.0 if number < 30 else 20.0
        transitions += [
            (number, change.firing) for change in evaluator.evaluate(Tick(next(due), 1, {"a": value}))
        ]
    (first, broken), (second, again) = transitions
    assert (broken, again) == (True, False)
    assert 5 <= first <= 9
    assert 35 <= second <= 39


def test_evaluator_restarts_duration_when_tick_times_go_back() -> None:
    evaluator = AlertEvaluator([HOT])
    times = [100, 101, 102, 50, 51, 52, 53]
    transitions = [change.time for at in times for change in evaluator.evaluate(Tick(at, 1, {"a": 95}))]
    assert transitions == [53]


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.5, 1.0, 1.0, 1.0, 1.0, 1.6, 4.0, 4.6, 10.0, -3.0]),
        st.sampled_from([95.0, 95.0, 20.0, 20.0, 90.0, 86.0, 85.5, None]),
    ),
    max_size=80,
)


def ms(tick: Tick) -> int:
    return to_milliseconds(tick.time)


def reference_changes(seconds: float, made: Sequence[Tick]) -> list[tuple[float, bool]]:
    """Reference implementation: at each value, look back as long as the opposite state held."""
    made = [tick for tick in made if "a" in tick.values]
    longest_ms = 1000 * (GAP_STEPS + max(3, seconds / 10))
    transitions: list[tuple[float, bool]] = []
    since_change, broken = 0, False
    for end, tick in enumerate(made):
        start = None
        for place in range(end, since_change - 1, -1):
            if (made[place].values["a"] > (85.5 if broken else 90)) is broken:
                break
            start = place
            # Compare whole milliseconds, because a difference of float seconds may be slightly too small.
            if place and not 0 < ms(made[place]) - ms(made[place - 1]) <= longest_ms:
                break
        if start is not None and ms(tick) - ms(made[start]) >= 1000 * seconds:
            broken, since_change = not broken, end + 1
            transitions.append((tick.time, broken))
    return transitions


@given(st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0, 50.0]), STEPS)
def test_evaluator_matches_reference_for_any_history(
    seconds: float, steps: list[tuple[float, float | None]]
) -> None:
    made, at = [], 1000.0
    for pause, value in steps:
        at += pause
        made.append(Tick(at, 1, {} if value is None else {"a": value}))
    evaluator = AlertEvaluator([Threshold("a", ">", 90, seconds)])
    transitions = [(change.time, change.firing) for tick in made for change in evaluator.evaluate(tick)]
    assert transitions == reference_changes(seconds, made)
    assert [broken for _, broken in transitions] == [number % 2 == 0 for number in range(len(transitions))]


@pytest.mark.parametrize("every", [2, 5, 280, 320])
@pytest.mark.parametrize("missing", ["tick", "value"])
def test_evaluator_fires_once_when_value_is_missing_now_and_then(every: int, missing: str) -> None:
    evaluator = AlertEvaluator([Threshold.parse("a > 90 for 5m")])
    transitions = []
    for number in range(3600):
        is_present = number % every != 0
        if is_present or missing == "value":
            tick = Tick(1000 + number, 1, {"a": 95.0} if is_present else {"b": 1.0})
            transitions += evaluator.evaluate(tick)
    assert [(change.firing, change.time) for change in transitions] == [(True, 1301.0)]


INTERVALS = st.sampled_from([0.1, 1 / 3, 0.57, 1.0, 2.0, 60.0])
DURATIONS = st.sampled_from([0.001, 1.0, 3.0, 30.0, 300.0, 3600.0])


def missed_ticks(seconds: float, step: float) -> int:
    """Return the ticks in a row that may be missing."""
    return max(3, int(seconds / 10 / step + 1e-6))


@given(st.data(), INTERVALS, DURATIONS, st.booleans(), st.booleans())
def test_evaluator_fires_once_at_right_tick_with_short_gaps(
    data: st.DataObject, step: float, seconds: float, clears: bool, has_ticks: bool
) -> None:
    """The duration counts from the first value, although later values are missing for a while."""
    threshold = Threshold("a", ">", 90, seconds)
    evaluator = AlertEvaluator([threshold], [AlertState(threshold, firing=clears)])
    value = {"a": 20.0 if clears else 95.0}
    gaps = data.draw(st.lists(st.integers(0, missed_ticks(seconds, step)), min_size=1, max_size=30))
    number, made = 1000, [Tick(1000 * step, step, value)]
    while len(made) < 60 or made[-1].time - made[0].time < 2 * seconds:
        for gap in gaps:
            for place in range(number + 1, number + gap + 1) if has_ticks and gap < 5 else ():
                made.append(Tick(round(place * step, 3), step, {"b": 1.0}))
            number += gap + 1
            made.append(Tick(round(number * step, 3), step, value))
        if len(made) > 2000:
            # One long run of missing values is enough for long durations at short intervals.
            gaps = [missed_ticks(seconds, step)]
    transitions = [change for tick in made for change in evaluator.evaluate(tick)]
    (change,) = transitions
    first = next(
        tick for tick in made if "a" in tick.values and ms(tick) - ms(made[0]) >= to_milliseconds(seconds)
    )
    assert (change.firing, change.time) == (not clears, first.time)


# The tolerance ends within a tick, not at one: a gap that is longer by a single tick may be tolerated.
@given(INTERVALS, DURATIONS, st.booleans(), st.integers(2, 100), st.integers(0, 100))
def test_evaluator_restarts_duration_after_longer_gap(
    step: float, seconds: float, clears: bool, longer: int, share: int
) -> None:
    threshold = Threshold("a", ">", 90, seconds)
    evaluator = AlertEvaluator([threshold], [AlertState(threshold, firing=clears)])
    value = {"a": 20.0 if clears else 95.0}
    spacing = 1 + missed_ticks(seconds, step)
    before = int(seconds / step * share / 101 / spacing)
    numbers = [1000 + spacing * place for place in range(before + 1)]
    restart = numbers[-1] + spacing + longer
    numbers += [restart + spacing * place for place in range(int(seconds / step / spacing) + 3)]
    made = [Tick(round(number * step, 3), step, value) for number in numbers]
    (change,) = [change for tick in made for change in evaluator.evaluate(tick)]
    since = round(restart * step, 3)
    first = next(tick for tick in made if ms(tick) >= to_milliseconds(since) + to_milliseconds(seconds))
    assert change.time == first.time


@given(st.integers(1, 10_000))
def test_evaluator_restarts_duration_when_clock_is_set_back_by(back: int) -> None:
    evaluator = AlertEvaluator([HOT])
    times = [20_000, 20_001, 20_002, *range(20_002 - back, 20_002 - back + 10)]
    (change,) = [change for at in times for change in evaluator.evaluate(Tick(at, 1, {"a": 95}))]
    assert change.time == 20_002 - back + 3


def test_evaluator_is_fast_with_10_thresholds() -> None:
    evaluator = AlertEvaluator([Threshold(f"m{number}", ">", 90, 30) for number in range(10)])
    values = {f"m{number}": 50.0 for number in range(200)}
    ticks = [Tick(1000 + number, 1, values) for number in range(50)]
    assert calls_of(lambda: [evaluator.evaluate(tick) for tick in ticks]) < 100 * len(ticks)
