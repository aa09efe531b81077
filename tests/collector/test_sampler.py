"""One tick of all sources: a source that fails loses only its own values."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, cast

import pytest
from sampler_harness import Heard

from dashapp.collector.sampler import Sampler
from dashapp.model.ticks import Metric
from dashapp.stores.memory import MemoryStore

A, B = Metric("a", "A", "%", "p"), Metric("b", "B", "%", "p")


class FixedSource:
    """Returns the same answer on each read, or raises it if it is an exception."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def read(self) -> Mapping[Metric, float]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return cast("Mapping[Metric, float]", self.answer)


def test_sampler_tick_holds_values_of_all_sources() -> None:
    store = MemoryStore()
    tick = Sampler([FixedSource({A: 1.0}), FixedSource({B: 2.0})], store, 0.5).tick(7)
    assert tick is not None
    assert (tick.time, tick.step, tick.values) == (7, 0.5, {"a": 1, "b": 2})
    assert store.since(0, 10) == [tick]
    assert store.metrics() == [A, B]


HOSTILE: list[object] = [
    OSError("gone"),
    ValueError(),
    None,
    7,
    [],
    "text",
    {A: math.nan},
    {A: None},
    {A: "7"},
    {A: math.inf},
    {A: 10**400},
    {A: [1]},
    {A: True},
    {"a": 1.0},
    {None: 1.0},
]


@pytest.mark.parametrize("answer", HOSTILE)
def test_21_sampler_keeps_other_sources_when_one_fails(answer: object) -> None:
    store = MemoryStore()
    sampler = Sampler([FixedSource(answer), FixedSource({B: 2.0})], store, 1)
    for time in range(1, 4):
        sampler.tick(time)
    assert [tick.values for tick in store.since(0, 10)] == [{"b": 2}] * 3
    assert store.metrics() == [B]


def test_21_sampler_logs_failing_source_once(caplog: pytest.LogCaptureFixture) -> None:
    sampler = Sampler([FixedSource(OSError("gone")), FixedSource({B: 2.0})], MemoryStore(), 1)
    with caplog.at_level(logging.WARNING):
        for time in range(1, 50):
            sampler.tick(time)
    assert len(caplog.records) == 1


def test_sampler_reads_source_again_when_it_recovers() -> None:
    store, source = MemoryStore(), FixedSource(OSError("gone"))
    sampler = Sampler([source, FixedSource({B: 2.0})], store, 1)
    sampler.tick(1)
    source.answer = {A: 1.0}
    sampler.tick(2)
    assert [tick.values for tick in store.since(0, 10)] == [{"b": 2}, {"a": 1, "b": 2}]
    assert store.metrics() == [B, A]


def test_sampler_stores_no_tick_without_values() -> None:
    store = MemoryStore()
    assert Sampler([FixedSource({})], store, 1).tick(1) is None
    assert store.since(0, 10) == []


def test_sampler_names_source_without_number_after_three_readings() -> None:
    source, heard = FixedSource({}), Heard()
    sampler = Sampler([source, FixedSource({B: 2.0})], MemoryStore(), 1, heard)
    sampler.tick(1)
    sampler.tick(2)
    assert heard.said == []
    sampler.tick(3)
    sampler.tick(4)
    assert heard.said == ["FixedSource has returned no number in 3 readings"]
    source.answer = {A: 1.0}
    sampler.tick(5)
    source.answer = {}
    for time in range(6, 12):
        sampler.tick(time)
    assert len(heard.said) == 1, "a source that had a number may pause"


def test_sampler_counts_readings_of_slow_source_not_its_ticks() -> None:
    source, heard = FixedSource({}), Heard()
    sampler = Sampler([source, FixedSource({B: 2.0})], MemoryStore(), 1, heard)
    source.reading_count = 1  # type: ignore[attr-defined]
    for time in range(1, 9):
        sampler.tick(time)
    assert heard.said == []
    source.reading_count = 3  # type: ignore[attr-defined]
    sampler.tick(9)
    assert heard.said == ["FixedSource has returned no number in 3 readings"]


def test_sampler_expects_no_number_of_optional_source() -> None:
    source, heard = FixedSource({}), Heard()
    source.is_optional = True  # type: ignore[attr-defined]
    sampler = Sampler([source, FixedSource({B: 2.0})], MemoryStore(), 1, heard)
    for time in range(1, 9):
        sampler.tick(time)
    assert heard.said == []


def test_sampler_quotes_first_invalid_value_while_it_changes() -> None:
    source, heard = FixedSource({A: "21,5"}), Heard()
    sampler = Sampler([source, FixedSource({B: 2.0})], MemoryStore(), 1, heard)
    for time, text in enumerate(("21,5", "21,6", "21,7"), 1):
        source.answer = {A: text}
        sampler.tick(time)
    assert heard.said == ['FixedSource returned no number for a (it is "21,5")']


def test_sampler_keeps_metrics_of_earlier_run() -> None:
    store = MemoryStore()
    store.describe([A])
    Sampler([FixedSource({B: 2.0})], store, 1).tick(1)
    assert store.metrics() == [A, B]
