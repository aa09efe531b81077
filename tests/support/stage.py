"""A sampler of a good source and of another that answers as a test says, on a clock of its own."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event
from typing import Any

from clocks import FakeClock

from dashapp.collector.sampler import Sampler
from dashapp.model.ticks import Metric
from dashapp.sources.base import Source
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


class Listener:
    """A notice that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str | None] = []

    def set(self, sentence: str) -> None:
        self.said.append(sentence)

    def clear(self) -> None:
        self.said.append(None)


class Stage:
    """A sampler of a good source and another, on a clock of its own."""

    def __init__(self, other: Source, clock: FakeClock) -> None:
        self.clock = clock
        self.store = MemoryStore()
        self.notice = Listener()
        self.sampler = Sampler([other, Says({GOOD: 1.0})], self.store, 1.0, self.notice)

    def tick(self) -> Mapping[str, float]:
        """One second later. The good source has its value in every tick."""
        self.clock.pass_time(1.0)
        tick = self.sampler.tick(self.clock.wall())
        assert tick is not None
        assert tick.values["good.value"] == 1.0
        return tick.values
