"""A sampler with a good source and a source that a test controls, on a fake clock."""

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
    """Returns or raises `answer`; `asked` counts the reads, and clearing `go_on` blocks them."""

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
    """A notice that records its messages."""

    def __init__(self) -> None:
        self.said: list[str | None] = []

    def set(self, sentence: str) -> None:
        self.said.append(sentence)

    def clear(self) -> None:
        self.said.append(None)


class Stage:
    """A sampler with a good source and another one, on a fake clock."""

    def __init__(self, other: Source, clock: FakeClock) -> None:
        self.clock = clock
        self.store = MemoryStore()
        self.notice = Listener()
        self.sampler = Sampler([other, Says({GOOD: 1.0})], self.store, 1.0, self.notice)

    def tick(self) -> Mapping[str, float]:
        """Return the values one second later; assert that the good source has its value."""
        self.clock.pass_time(1.0)
        tick = self.sampler.tick(self.clock.wall())
        assert tick is not None
        assert tick.values["good.value"] == 1.0
        return tick.values
