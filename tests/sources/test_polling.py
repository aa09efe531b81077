"""Faults 20 and 22: a source that is slow or never returns loses only its own values.

The tests use real threads, events instead of sleeps, and a fake clock for the timeout.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from clocks import FakeClock
from stage import SLOW, Says, Stage
from waiting import PATIENCE_S, wait_for

from dashapp.sources.polling import BackgroundSource, CachedSource


@pytest.fixture
def slow() -> Iterator[Says]:
    source = Says({SLOW: 2.0})
    yield source
    source.go_on.set()


def test_background_source_delays_only_one_tick_when_slow(
    slow: Says, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    source = BackgroundSource(slow, timeout=60.0, max_wait=0.02, clock=clock.monotonic)
    stage = Stage(source, clock)
    waits: list[float | None] = []
    wait = source._condition.wait_for

    def noted(true: Callable[[], bool], timeout: float | None = None) -> bool:
        waits.append(timeout)
        return wait(true, timeout)

    monkeypatch.setattr(source._condition, "wait_for", noted)
    slow.go_on.clear()
    for _ in range(10):
        assert "slow.value" not in stage.tick()
    assert [timeout for timeout in waits if timeout is not None] == [0.02], "one wait in ten ticks"
    assert slow.entered.wait(PATIENCE_S)
    assert slow.asked == 1
    slow.go_on.set()
    wait_for(lambda: "slow.value" in stage.tick())


def test_background_source_returns_late_values_only_once(slow: Says) -> None:
    clock = FakeClock()
    source = BackgroundSource(slow, timeout=60.0, max_wait=0.01, clock=clock.monotonic)
    slow.go_on.clear()
    assert source.read() == {}
    slow.go_on.set()
    wait_for(lambda: slow.asked == 1 and source._pending_start is None)
    slow.go_on.clear()
    clock.pass_time(1.0)
    assert source.read() == {SLOW: 2.0}
    clock.pass_time(1.0)
    assert source.read() == {}


def test_background_source_times_out_with_one_thread_when_stuck(
    slow: Says, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    stage = Stage(BackgroundSource(slow, every=2.0, timeout=5.0, max_wait=0.01, clock=clock.monotonic), clock)
    before = threading.active_count()
    slow.go_on.clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(30):
            assert "slow.value" not in stage.tick()
    assert threading.active_count() <= before + 1
    assert slow.entered.wait(PATIENCE_S)
    assert slow.asked == 1
    assert len(caplog.records) == 1
    assert stage.notice.said == [None, "Says failed: TimeoutError"]
    slow.go_on.set()
    wait_for(lambda: "slow.value" in stage.tick())
    assert stage.notice.said[-1] is None


def test_background_source_values_become_gap_after_timeout(slow: Says) -> None:
    clock = FakeClock()
    source = BackgroundSource(slow, every=10.0, timeout=5.0, max_wait=PATIENCE_S, clock=clock.monotonic)
    assert source.read() == {SLOW: 2.0}
    slow.go_on.clear()
    source._max_wait = 0.01
    clock.pass_time(9.0)
    assert source.read() == {SLOW: 2.0}
    clock.pass_time(2.0)
    assert source.read() == {SLOW: 2.0}  # a new read has started; the last values are still valid
    clock.pass_time(4.5)
    assert source.read() == {}
    clock.pass_time(1.0)
    with pytest.raises(TimeoutError):
        source.read()


def test_background_source_repeats_values_between_readings(slow: Says) -> None:
    clock = FakeClock()
    source = BackgroundSource(slow, every=10.0, max_wait=PATIENCE_S, clock=clock.monotonic)
    for _ in range(25):
        assert source.read() == {SLOW: 2.0}
        clock.pass_time(1.0)
    assert slow.asked == 3


def test_background_source_raises_source_error_and_keeps_thread(slow: Says) -> None:
    clock = FakeClock()
    source = BackgroundSource(slow, max_wait=PATIENCE_S, clock=clock.monotonic)
    slow.answer = OSError("gone")
    for _ in range(3):
        with pytest.raises(OSError, match="gone"):
            source.read()
    slow.answer = {SLOW: 3.0}
    assert source.read() == {SLOW: 3.0}


def test_cached_source_repeats_values_and_retries_after_failure(slow: Says) -> None:
    clock = FakeClock()
    source = CachedSource(slow, 5.0, clock.monotonic)
    for _ in range(10):
        assert source.read() == {SLOW: 2.0}
        clock.pass_time(1.0)
    assert slow.asked == 2
    slow.answer = OSError("gone")
    for _ in range(3):
        with pytest.raises(OSError, match="gone"):
            source.read()
    slow.answer = {SLOW: 3.0}
    assert source.read() == {SLOW: 3.0}
