"""The collector's deadlines stay on the grid and in order, whatever happens to the clock."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
from clocks import FakeClock
from thorough import amount

from dashapp.collector.clock import MonotonicWallClock, deadlines


@pytest.mark.parametrize("interval", [0.1, 0.3, 1, 7, 60])
def test_deadlines_stay_on_grid_for_any_interval(interval: float) -> None:
    count = amount(1000, 10_000)
    clock = FakeClock(wall=1_800_000_000.037)
    found = []
    for due in islice(deadlines(clock, interval, MonotonicWallClock(clock), first=0.0), count):
        assert 0 <= clock.wall() - due < 0.01
        clock.pass_time(interval / 3)
        found.append(round(due * 1000))
    step = round(interval * 1000)
    assert found == list(range(found[0], found[0] + count * step, step))
    assert found[0] % step == 0


def test_deadlines_start_after_first_rate_can_be_measured() -> None:
    clock = FakeClock(wall=1000.9)
    assert next(deadlines(clock, 1, MonotonicWallClock(clock), first=0.3)) == 1002


def test_deadlines_skip_missed_ticks_after_slow_tick() -> None:
    clock = FakeClock(wall=1000.0)
    due = deadlines(clock, 1, MonotonicWallClock(clock), first=0.0)
    assert next(due) == 1000
    clock.pass_time(3.4)
    assert next(due) == 1003
    assert next(due) == 1004


def test_deadlines_end_when_wait_is_stopped() -> None:
    assert (
        len(list(deadlines(FakeClock(wall=1000.5, waits=3), 1, MonotonicWallClock(FakeClock()), first=0.0)))
        < 4
    )


def test_deadlines_skip_time_of_suspend() -> None:
    """Fault 23: the wall clock advances an hour while the machine is suspended."""
    clock = FakeClock(wall=1000.0)
    due = deadlines(clock, 1, MonotonicWallClock(clock), first=0.0)
    assert next(due) == 1000
    clock.pass_time(1)
    clock.jump(3600)
    assert [next(due) for _ in range(3)] == [4601, 4602, 4603]


def test_deadlines_keep_order_and_rate_when_clock_is_set_back() -> None:
    """Fault 24: ticks continue, no time repeats, and log time meets the wall clock again."""
    clock = FakeClock(wall=10_000.0)
    due = deadlines(clock, 1, MonotonicWallClock(clock), first=0.0)
    found = [next(due) for _ in range(3)]
    clock.jump(-3600)
    before = clock.monotonic()
    found += [next(due) for _ in range(600)]
    assert all(new - old == 1 for old, new in pairwise(found))
    assert clock.monotonic() - before < 600 * 1.2
    for _ in range(39_000):
        next(due)
    assert abs(next(due) - clock.wall()) < 0.1


def test_wall_clock_recovers_when_clock_is_set_back_and_restored() -> None:
    clock = FakeClock(wall=10_000.0)
    time = MonotonicWallClock(clock)
    clock.jump(-3600)
    clock.pass_time(1)
    assert time.now() == pytest.approx(10_001, abs=0.2)
    clock.jump(3600)
    clock.pass_time(1)
    assert time.now() == pytest.approx(10_002, abs=0.2)


def test_wall_clock_catches_up_when_system_clock_starts_in_past() -> None:
    """The system clock starts in the past until the network sets it a moment later."""
    clock = FakeClock(wall=0.0)
    time = MonotonicWallClock(clock, newest=1_800_000_000.0)
    assert time.now() >= 1_800_000_000
    clock.jump(1_800_000_060)
    clock.pass_time(1)
    assert time.now() == pytest.approx(clock.wall(), abs=1)


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 0.4, -0.4, 86_400 * 365.0])
def test_deadlines_never_repeat_time_when_clock_jumps(jump: float) -> None:
    clock = FakeClock(wall=5000.0)
    due = deadlines(clock, 0.5, MonotonicWallClock(clock), first=0.0)
    before = next(due)
    clock.jump(jump)
    after = [next(due) for _ in range(5)]
    assert all(old < new for old, new in pairwise([before, *after]))


def test_deadlines_continue_after_newest_tick_from_future() -> None:
    clock = FakeClock(wall=5000.0)
    due = deadlines(clock, 1, MonotonicWallClock(clock, newest=5010.0), first=0.3)
    assert next(due) == 5011
