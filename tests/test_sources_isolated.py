"""Faults 20, 21 and 22: a source that is slow, lies or never answers costs its own lines only.

Real threads, and events instead of sleeps; the clock that counts the timeout is moved by hand.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from threading import Event
from typing import Any

import pytest
from clocks import FakeClock

from dashapp.model import Metric
from dashapp.sampler import PATIENCE, Sampler
from dashapp.sources import Source
from dashapp.sources.isolated import Isolated
from dashapp.sources.seldom import Seldom
from dashapp.stores.memory import MemoryStore

GOOD = Metric("good.value", "Good", "", "good", 0.0)
SLOW = Metric("slow.value", "Slow", "", "slow", 0.0)


class Says:
    """Answers with what it is given; counts how often it was asked, and can be held up."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked = 0
        self.go_on = Event()
        self.go_on.set()
        self.entered = Event()

    def read(self) -> Mapping[Metric, float]:
        self.asked += 1
        self.entered.set()
        self.go_on.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


class Heard:
    """A notice that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str | None] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def clear(self) -> None:
        self.said.append(None)


class Stage:
    """A sampler of a good source and another, on a clock of its own."""

    def __init__(self, other: Source, clock: FakeClock) -> None:
        self.clock = clock
        self.store = MemoryStore()
        self.notice = Heard()
        self.sampler = Sampler([other, Says({GOOD: 1.0})], self.store, 1.0, self.notice)

    def tick(self) -> Mapping[str, float]:
        """One second later. The good source has its value in every tick."""
        self.clock.pass_time(1.0)
        tick = self.sampler.tick(self.clock.wall())
        assert tick is not None
        assert tick.values["good.value"] == 1.0
        return tick.values


@pytest.fixture
def slow() -> Iterator[Says]:
    source = Says({SLOW: 2.0})
    yield source
    source.go_on.set()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_source_that_takes_ten_seconds_holds_up_nobody(slow: Says) -> None:
    clock = FakeClock()
    stage = Stage(Isolated(slow, timeout=60.0, patience=0.02, clock=clock.monotonic), clock)
    slow.go_on.clear()
    began = time.monotonic()
    for _ in range(10):
        assert "slow.value" not in stage.tick()
    # One wait of `patience` in ten ticks; the rest is for a busy machine.
    assert time.monotonic() - began < 1.0
    assert slow.asked == 1
    slow.go_on.set()
    until(lambda: "slow.value" in stage.tick())


def test_a_late_answer_counts_once_and_is_not_repeated_as_if_fresh(slow: Says) -> None:
    clock = FakeClock()
    source = Isolated(slow, timeout=60.0, patience=0.01, clock=clock.monotonic)
    slow.go_on.clear()
    assert source.read() == {}
    slow.go_on.set()
    until(lambda: slow.asked == 1 and source._asked is None)
    slow.go_on.clear()
    clock.pass_time(1.0)
    assert source.read() == {SLOW: 2.0}
    clock.pass_time(1.0)
    assert source.read() == {}


def test_a_source_that_never_returns_is_given_up_with_one_stuck_thread(
    slow: Says, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    stage = Stage(Isolated(slow, every=2.0, timeout=5.0, patience=0.01, clock=clock.monotonic), clock)
    before = threading.active_count()
    slow.go_on.clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(30):
            assert "slow.value" not in stage.tick()
    assert threading.active_count() <= before + 1
    assert slow.asked == 1
    assert len(caplog.records) == 1
    assert stage.notice.said == [None, "Says gives nothing: TimeoutError"]
    slow.go_on.set()
    until(lambda: "slow.value" in stage.tick())
    assert stage.notice.said[-1] is None


def test_once_given_up_the_last_values_are_a_gap(slow: Says) -> None:
    clock = FakeClock()
    source = Isolated(slow, every=10.0, timeout=5.0, patience=2.0, clock=clock.monotonic)
    assert source.read() == {SLOW: 2.0}
    slow.go_on.clear()
    source._patience = 0.01
    clock.pass_time(9.0)
    assert source.read() == {SLOW: 2.0}
    clock.pass_time(2.0)
    assert source.read() == {SLOW: 2.0}  # asked again, and the last answer is still good for a while
    clock.pass_time(4.5)
    assert source.read() == {}
    clock.pass_time(1.0)
    with pytest.raises(TimeoutError):
        source.read()


def test_between_two_readings_the_values_stand(slow: Says) -> None:
    clock = FakeClock()
    source = Isolated(slow, every=10.0, patience=2.0, clock=clock.monotonic)
    for _ in range(25):
        assert source.read() == {SLOW: 2.0}
        clock.pass_time(1.0)
    assert slow.asked == 3


def test_what_an_isolated_source_raises_is_raised_to_its_reader_and_the_thread_lives_on(slow: Says) -> None:
    clock = FakeClock()
    source = Isolated(slow, patience=2.0, clock=clock.monotonic)
    slow.answer = OSError("gone")
    for _ in range(3):
        with pytest.raises(OSError, match="gone"):
            source.read()
    slow.answer = {SLOW: 3.0}
    assert source.read() == {SLOW: 3.0}


def test_a_seldom_source_repeats_its_values_and_asks_again_at_once_after_a_failure(slow: Says) -> None:
    clock = FakeClock()
    source = Seldom(slow, 5.0, clock.monotonic)
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


class UnprintableError(Exception):
    def __repr__(self) -> str:
        raise ValueError("not even that")


LIES = {
    "raises": RuntimeError("secret /home/me"),
    "none": None,
    "list": [1, 2],
    "text": "cpu",
    "keys-of-text": {"cpu.percent": 1.0},
    "key-of-none": {Metric(None, "x", "", "x"): 1.0},  # type: ignore[arg-type]
    "key-empty": {Metric("", "x", "", "x"): 1.0},
    "nan": {SLOW: math.nan},
    "infinite": {SLOW: 1e400},
    "minus-infinite": {SLOW: -math.inf},
    "value-none": {SLOW: None},
    "value-text": {SLOW: "12"},
    "value-list": {SLOW: [1]},
    "value-bool": {SLOW: True},
    "huge": {SLOW: 10**400},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
@pytest.mark.parametrize("isolated", [False, True])
def test_a_hostile_value_is_a_gap_in_its_own_line_said_once(
    lie: object, isolated: bool, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    liar = Says({SLOW: 2.0})
    stage = Stage(Isolated(liar, patience=5.0, clock=clock.monotonic) if isolated else liar, clock)
    assert stage.tick()["slow.value"] == 2.0
    liar.answer = lie
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert set(stage.tick()) == {"good.value"}
    assert len(caplog.records) == 1
    assert len(stage.notice.said) == 2
    sentence = stage.notice.said[-1]
    assert sentence is not None
    assert sentence.startswith("Says gives no")
    assert "/" not in sentence
    liar.answer = {SLOW: 3.0}
    assert stage.tick()["slow.value"] == 3.0
    assert stage.notice.said[-1] is None


def test_one_bad_value_costs_no_other_of_the_same_source() -> None:
    other = Metric("other.value", "Other", "", "other")
    stage = Stage(Says({SLOW: math.nan, other: 5.0}), FakeClock())
    assert stage.tick() == {"good.value": 1.0, "other.value": 5.0}


def test_a_source_that_fails_every_other_second_is_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Says({SLOW: 2.0})
    stage = Stage(source, FakeClock())
    with caplog.at_level(logging.WARNING):
        for second in range(int(2 * PATIENCE)):
            source.answer = OSError("flaps") if second % 2 else {SLOW: 2.0}
            stage.tick()
    assert len(caplog.records) == 2


def test_an_error_that_cannot_be_printed_stops_nothing() -> None:
    stage = Stage(Says(UnprintableError()), FakeClock())
    assert set(stage.tick()) == {"good.value"}
    assert stage.notice.said == ["Says gives nothing: UnprintableError"]


def test_a_label_that_changes_is_described_anew_and_one_that_stays_is_not() -> None:
    source = Says({SLOW: 2.0})
    stage = Stage(source, FakeClock())
    stage.tick()
    described = stage.store.metrics()
    source.answer = {Metric(SLOW.key, SLOW.label, "", "slow", 0.0): 2.0}
    stage.tick()
    assert stage.store.metrics() is described
    source.answer = {Metric(SLOW.key, "of 2 cores", "", "slow", 0.0): 2.0}
    stage.tick()
    assert [metric.label for metric in stage.store.metrics()] == ["of 2 cores", "Good"]
