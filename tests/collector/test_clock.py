"""The collector's deadlines stay on the grid and in order, whatever happens to the clock."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import pytest
from clocks import FakeClock
from thorough import amount

from dashapp.collector.clock import LogClock, deadlines


@pytest.mark.parametrize("interval", [0.1, 0.3, 1, 7, 60])
def test_deadlines_stay_on_grid_for_any_interval(interval: float) -> None:
    count = amount(1000, 10_000)
    clock = FakeClock(wall=1_800_000_000.037)
    found = []
    for due in islice(deadlines(clock, interval, LogClock(clock), first=0.0), count):
        assert 0 <= clock.wall() - due < 0.01
        clock.pass_time(interval / 3)
        found.append(round(due * 1000))
    step = round(interval * 1000)
    assert found == list(range(found[0], found[0] + count * step, step))
    assert found[0] % step == 0


def test_deadlines_start_after_first_rate_can_be_measured() -> None:
    clock = FakeClock(wall=1000.9)
    assert next(deadlines(clock, 1, LogClock(clock), first=0.3)) == 1002


def test_deadlines_skip_missed_ticks_after_slow_tick() -> None:
    clock = FakeClock(wall=1000.0)
    due = deadlines(clock, 1, LogClock(clock), first=0.0)
    assert next(due) == 1000
    clock.pass_time(3.4)
    assert next(due) == 1003
    assert next(due) == 1004


def test_deadlines_end_when_wait_is_stopped() -> None:
    assert len(list(deadlines(FakeClock(wall=1000.5, waits=3), 1, LogClock(FakeClock()), first=0.0))) < 4


def test_deadlines_skip_time_of_suspend() -> None:
    """Fault 23: the wall clock advances an hour while the machine is suspended."""
    clock = FakeClock(wall=1000.0)
    due = deadlines(clock, 1, LogClock(clock), first=0.0)
    assert next(due) == 1000
    clock.pass_time(1)
    clock.jump(3600)
    assert [next(due) for _ in range(3)] == [4601, 4602, 4603]


@pytest.mark.parametrize("back", [1.5, 10.0, 30.0, 60.0])
def test_deadlines_keep_order_and_slow_down_after_short_step_back(back: float) -> None:
    """Fault 24: no time repeats, and log time meets the wall clock again within a minute."""
    clock = FakeClock(wall=10_000.0)
    log_clock = LogClock(clock)
    due = deadlines(clock, 1, log_clock, first=0.0)
    found = [next(due) for _ in range(3)]
    clock.jump(-back)
    before = clock.monotonic()
    while clock.monotonic() - before < 61:
        found.append(next(due))
    assert all(new - old == 1 for old, new in pairwise(found))
    assert abs(found[-1] - clock.wall()) < 1
    assert log_clock.take_steps() == []


def ticking(clock: FakeClock, newest: float | None = None) -> tuple[LogClock, Iterator[float]]:
    log_clock = LogClock(clock, newest=clock.wall() - 1 if newest is None else newest)
    return log_clock, deadlines(clock, 1, log_clock, first=0.0)


@pytest.mark.parametrize("back", [60.5, 1500.0, 86_400 * 365.0])
def test_deadlines_follow_long_step_back_at_once(back: float) -> None:
    clock = FakeClock()
    log_clock, due = ticking(clock)
    before = [next(due) for _ in range(100)][-1]
    clock.jump(-back)
    after = [next(due) for _ in range(3)]
    assert after[0] == pytest.approx(before + 1 - back, abs=1)
    assert [new - old for old, new in pairwise(after)] == [1, 1]
    (step,) = log_clock.take_steps()
    assert (step.is_observed, step.restores) == (True, False)
    assert step.size == pytest.approx(-back, abs=0.01)
    assert step.after == pytest.approx(before - back, abs=1.1)
    assert log_clock.take_steps() == []


@pytest.mark.parametrize("seconds", [10, 2000])
@pytest.mark.parametrize("ahead", [61.0, 1800.0, 86_400 * 365.0])
def test_all_ticks_of_clock_that_was_ahead_are_wrong(ahead: float, seconds: int) -> None:
    """Those too whose times are in the past already."""
    clock = FakeClock()
    log_clock, due = ticking(clock)
    before = [next(due) for _ in range(10)][-1]
    clock.jump(ahead)
    wrong = [next(due) for _ in range(seconds)]
    clock.jump(-ahead)
    assert next(due) == pytest.approx(wrong[-1] - ahead + 1)
    forward, back = log_clock.take_steps()
    assert forward.size == pytest.approx(ahead, abs=0.01)
    assert forward.after is None
    assert back.after is not None
    assert before <= back.after < before + 1
    assert not back.restores


def test_ticks_between_steps_that_differ_stay() -> None:
    clock = FakeClock()
    log_clock, due = ticking(clock)
    next(due)
    clock.jump(3600)
    for _ in range(100):
        next(due)
    clock.jump(-1800)
    next(due)
    _forward, back = log_clock.take_steps()
    assert back.after == pytest.approx(clock.wall(), abs=2)


def test_ticks_of_a_day_between_steps_stay() -> None:
    clock = FakeClock()
    log_clock, due = ticking(clock)
    next(due)
    clock.jump(3600)
    next(due)
    clock.pass_time(86_401)
    next(due)
    clock.jump(-3600)
    next(due)
    _forward, back = log_clock.take_steps()
    assert back.after == pytest.approx(clock.wall(), abs=2)


def test_step_back_is_taken_back_when_clock_is_set_forward_again() -> None:
    clock = FakeClock()
    log_clock, due = ticking(clock)
    before = [next(due) for _ in range(10)][-1]
    clock.jump(-3600)
    for _ in range(100):
        next(due)
    clock.jump(3600)
    assert before + 100 <= next(due) <= before + 101
    back, forward = log_clock.take_steps()
    assert (back.restores, forward.restores) == (False, True)
    assert forward.after == back.after
    assert forward.size == pytest.approx(3600, abs=0.01)


@pytest.mark.parametrize("forward", [600.0, 3000.0, 5000.0])
def test_other_step_forward_takes_nothing_back(forward: float) -> None:
    clock = FakeClock()
    log_clock, due = ticking(clock)
    next(due)
    clock.jump(-3600)
    next(due)
    clock.jump(forward)
    next(due)
    assert [step.restores for step in log_clock.take_steps()] == [False, False]


@pytest.mark.parametrize("newest", [0.0, 100.0, -100_000.0])
def test_start_after_long_time_is_no_step(newest: float) -> None:
    clock = FakeClock()
    log_clock, due = ticking(clock, newest + clock.wall() - 100_000 if newest else 0.0)
    next(due)
    assert log_clock.take_steps() == []


def test_history_from_clock_behind_at_start_comes_back() -> None:
    """The system clock starts in the past until the network sets it a moment later."""
    clock = FakeClock()
    log_clock, due = ticking(clock, clock.wall() + 1800)
    assert next(due) == pytest.approx(clock.wall(), abs=1)
    clock.jump(1860)
    assert next(due) == pytest.approx(clock.wall(), abs=1)
    start, restored = log_clock.take_steps()
    assert (start.is_observed, start.after, restored.restores) == (False, restored.after, True)


def test_clock_without_battery_waits_until_it_is_set() -> None:
    """A time in 1970 is no reason to set the history aside."""
    clock = FakeClock(wall=0.0)
    log_clock, due = ticking(clock, 1_800_000_000.0)
    assert next(due) == pytest.approx(1_800_000_001, abs=1)
    assert next(due) == pytest.approx(1_800_000_002, abs=1)
    clock.jump(1_800_000_200)
    assert next(due) == pytest.approx(clock.wall(), abs=1)
    assert [step.after for step in log_clock.take_steps()] == [None]


@pytest.mark.parametrize("jump", [3600.0, -60.0, 0.4, -0.4, 86_400 * 365.0])
def test_deadlines_never_repeat_time_when_clock_jumps(jump: float) -> None:
    clock = FakeClock(wall=5000.0)
    due = deadlines(clock, 0.5, LogClock(clock), first=0.0)
    before = next(due)
    clock.jump(jump)
    after = [next(due) for _ in range(5)]
    assert all(old < new for old, new in pairwise([before, *after]))


def test_deadlines_continue_after_newest_tick_from_future() -> None:
    clock = FakeClock(wall=5000.0)
    due = deadlines(clock, 1, LogClock(clock, newest=5010.0), first=0.3)
    assert next(due) == 5011
