"""Sources that take longer than a tick: a line instead of dots, and a gap once they stop.

The clock is fake, and a reading ends at a chosen time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import cycle
from threading import Event

import pytest
from clocks import FakeClock
from hypothesis import given
from hypothesis import strategies as st
from stage import Stage
from waiting import wait_for

from dashapp.alerts.monitor import AlertMonitor
from dashapp.model.thresholds import Threshold
from dashapp.model.ticks import Metric, Tick
from dashapp.sources.function import source_of_function
from dashapp.sources.polling import BackgroundSource
from dashapp.stores.memory import MemoryStore

SLOW = Metric("slow.value", "Slow", "", "slow", 0.0)
# Seconds of a reading that never ends.
NEVER = float("inf")


class SlowSource:
    """A background source whose readings take `durations`, one after the other, by a fake clock."""

    def __init__(self, durations: Iterable[float], timeout: float = 1000.0, every: float = 0.0) -> None:
        self.clock = FakeClock()
        self._durations: Iterator[float] = cycle(durations)
        self._started, self._go_on = Event(), Event()
        self._end = NEVER
        self.source = BackgroundSource(
            self, every=every, timeout=timeout, max_wait=0.0, clock=self.clock.monotonic
        )

    def read(self) -> Mapping[Metric, float]:
        """The reading itself, in the thread of the source."""
        self._started.set()
        self._go_on.wait()
        self._go_on.clear()
        return {SLOW: 5.0}

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and let the reading end at its time."""
        until = self.clock.monotonic() + seconds
        if self._end <= until:
            self.clock.pass_time(self._end - self.clock.monotonic())
            self._end = NEVER
            self._go_on.set()
            wait_for(lambda: self.source._pending_start is None, every=0.0005)
        self.clock.pass_time(until - self.clock.monotonic())

    def value(self) -> float | None:
        """Return the value at a tick now; a new reading may start."""
        before = self.source._last_start
        values = self.source.read()
        if self.source._last_start != before:
            wait_for(self._started.is_set, every=0.0005)
            self._started.clear()
            self._end = self.clock.monotonic() + next(self._durations)
        return values.get(SLOW)

    def line(self, ticks: int, interval: float = 1.0) -> str:
        """Return the values at these ticks: `x` for one, `.` for none."""
        row = ""
        for _ in range(ticks):
            row += "." if self.value() is None else "x"
            self.pass_time(interval)
        return row

    def close(self) -> None:
        self._go_on.set()


@pytest.fixture
def slow() -> Iterator[SlowSource]:
    with closing(SlowSource([1.1])) as source:
        yield source


@given(st.sampled_from([0.1, 0.5, 1.0, 2.0, 10.0]), st.floats(0.01, 8.0))
def test_slow_source_has_value_at_each_tick(interval: float, intervals: float) -> None:
    with closing(SlowSource([interval * intervals])) as source:
        assert "." not in source.line(40, interval).lstrip(".")


@pytest.mark.parametrize("durations", [(0.4, 2.7), (0.9, 1.1), (0.5, 1.5, 2.5)])
def test_slow_source_of_changing_speed_has_value_at_each_tick(durations: Sequence[float]) -> None:
    with closing(SlowSource(durations)) as source:
        # Its usual interval is known after some readings.
        source.line(20)
        assert source.line(40) == "x" * 40


@pytest.mark.parametrize("every", [2.0, 5.0])
def test_slow_source_with_interval_has_value_at_each_tick(every: float) -> None:
    with closing(SlowSource([every + 1.1], every=every)) as source:
        assert "." not in source.line(40).lstrip(".")


def test_slow_source_becomes_gap_after_its_usual_interval(slow: SlowSource) -> None:
    slow.line(21)
    slow._durations = iter([NEVER])
    # It ended at 21.1, and its usual interval is 2 s.
    assert slow.line(10) == "xxxx......"


@pytest.mark.parametrize("pause", [30.0, 3600.0])
def test_pause_of_collector_prolongs_no_value(pause: float, slow: SlowSource) -> None:
    """A process that was stopped reads nothing, whatever the speed of the source."""
    slow.line(20)
    slow.pass_time(pause)
    assert slow.value() is not None  # the reading that ended during the pause is new
    slow.pass_time(1.0)
    assert slow.value() is None
    slow.pass_time(1.0)
    assert slow.line(20) == "x" * 20
    slow._durations = cycle([NEVER])
    assert slow.line(20).rstrip(".").count("x") <= 6


def test_threshold_with_duration_fires_for_slow_source(slow: SlowSource) -> None:
    store = MemoryStore()
    monitor = AlertMonitor([Threshold.parse("slow.value > 1 for 3s")], store)
    values = {}
    for number in range(10):
        value = slow.value()
        values[number] = value
        monitor.observe(Tick(1000 + number, 1, {} if value is None else {"slow.value": value}))
        slow.pass_time(1.0)
    (change,) = store.changes()
    first = min(number for number, value in values.items() if value is not None)
    assert (change.firing, change.time) == (True, 1000 + first + 3)


def test_function_of_app_keeps_value_while_it_runs_again() -> None:
    clock = FakeClock()
    go_on, calls = Event(), 0

    def function() -> float:
        nonlocal calls
        calls += 1
        go_on.wait()
        go_on.clear()
        return 5.0

    source = source_of_function("slow", function)
    source._clock = clock.monotonic
    stage = Stage(source, clock)
    rows = []
    for number in range(20):
        rows.append("slow" in " ".join(stage.tick()))
        if number % 2:
            wait_for(lambda: calls > 0 and source._pending_start is not None)
            go_on.set()
            wait_for(lambda: source._pending_start is None)
    go_on.set()
    assert all(rows[rows.index(True) :])
    assert rows.index(True) <= 3
