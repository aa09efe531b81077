"""Derived metrics of the collector: the values of a tick, and sentences about their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sampler_harness import Heard

from dashapp.collector.derived import UNKNOWN_AFTER_S
from dashapp.collector.sampler import Sampler
from dashapp.model.formulas.derived import DerivedMetric
from dashapp.model.ticks import Metric, Tick
from dashapp.sources.push import pushed_metric
from dashapp.stores.memory import MemoryStore


class ChangingSource:
    """Returns `values`, which the test changes; `past`: its ticks from before the start."""

    is_optional = True
    past: Any = ()

    def __init__(self, **values: float) -> None:
        self.values: dict[str, float] = values

    def read(self) -> Mapping[Metric, float]:
        return {pushed_metric(key.replace("__", ".")): value for key, value in self.values.items()}

    def backfill(self, until: float, limit: int) -> Any:
        return self.past


class Collector:
    """A sampler of one source, and the notices of its page."""

    def __init__(self, *texts: str, store: MemoryStore | None = None, **values: float) -> None:
        self.source = ChangingSource(**values)
        self.store = store or MemoryStore()
        self.heard = Heard()
        derived = [DerivedMetric.parse(text) for text in texts]
        self.sampler = Sampler([self.source], self.store, 1.0, self.heard, derived=derived)
        self.time = 0.0

    def tick(self, seconds: float = 1.0) -> Mapping[str, float]:
        self.time += seconds
        tick = self.sampler.tick(self.time)
        return {} if tick is None else tick.values


HIT_RATE = "hit_rate = 100 * hits / (hits + misses) [%]"


def test_tick_contains_derived_metrics() -> None:
    collector = Collector("miss_rate = 100 - hit_rate", HIT_RATE, hits=3, misses=1)
    assert collector.tick() == {"hits": 3, "misses": 1, "hit_rate": 75, "miss_rate": 25}
    assert collector.store.since(0, 9)[-1].values["miss_rate"] == 25
    assert Metric("hit_rate", "hit_rate", "%", "hit_rate") in collector.store.metrics()
    assert collector.heard.said == []


def test_tick_has_gap_if_formula_has_no_value() -> None:
    collector = Collector(HIT_RATE, "miss_rate = 100 - hit_rate", hits=0, misses=0)
    assert collector.tick() == {"hits": 0, "misses": 0}
    collector.source.values = {"hits": 1}
    assert collector.tick() == {"hits": 1}
    collector.source.values = {}
    assert collector.tick() == {}
    collector.source.values = {"hits": 1, "misses": 1}
    assert collector.tick()["miss_rate"] == 50


def test_constant_alone_makes_no_tick() -> None:
    collector = Collector("limit = 80", hits=1)
    assert collector.tick() == {"hits": 1, "limit": 80}
    collector.source.values = {}
    assert collector.tick() == {}


def test_source_wins_over_derived_metric_for_good() -> None:
    collector = Collector("x = hits * 2", "y = x + 1", hits=3, x=100)
    assert collector.tick() == {"hits": 3, "x": 100, "y": 101}
    collector.source.values = {"hits": 3}
    # A line with values of both would be wrong.
    assert collector.tick() == {"hits": 3}
    assert collector.heard.said == ["the derived metric x is not computed: a source returns x too; rename it"]


def test_unknown_input_is_reported_once_after_a_while_and_until_it_appears() -> None:
    collector = Collector("x = hit / 2", "y = hit + `my-app`", hits=4)
    collector.tick()
    collector.tick(UNKNOWN_AFTER_S - 1)
    assert collector.heard.said == []
    collector.tick()
    collector.tick()
    assert collector.heard.said == ["the derived metric x needs hit and 1 more; did you mean hits?"]
    collector.source.values = {"hits": 4, "hit": 8}
    assert collector.tick()["x"] == 4
    assert collector.heard.said[1:] == ["the derived metric y needs `my-app`; nothing has returned it yet"]
    collector.source.values = {"hits": 4}
    collector.tick()
    assert len(collector.heard.said) == 2


def test_unknown_input_suggests_quotes_for_a_name_with_special_characters() -> None:
    collector = Collector("x = container.my-app.cpu * 2")
    collector.source.values = {"container__my-app__cpu": 1.0}
    collector.tick()
    collector.tick(UNKNOWN_AFTER_S)
    assert collector.heard.said == [
        "the derived metric x needs container.my and 1 more; did you mean `container.my-app.cpu`?"
    ]


def test_input_that_the_store_knows_is_not_reported() -> None:
    store = MemoryStore()
    Collector("x = 1", store=store, hits=1).tick()
    collector = Collector("y = hits / 2 + x", store=store, other=1)
    collector.tick()
    collector.tick(2 * UNKNOWN_AFTER_S)
    assert collector.heard.said == []


def test_backfilled_ticks_contain_derived_metrics() -> None:
    collector = Collector(HIT_RATE)
    hits, misses = pushed_metric("hits"), pushed_metric("misses")
    collector.source.past = [
        (1.0, {hits: 1, misses: 3}),
        (2.0, {hits: 0, misses: 0}),
        (3.0, {hits: 3, misses: 1}),
    ]
    collector.sampler.backfill(5.0, 10)
    assert [tick.values.get("hit_rate") for tick in collector.store.since(0, 9)] == [25, None, 75]


@pytest.mark.parametrize("size", [1, 300])
def test_derived_metrics_fit_into_a_tick_beside_too_many_values(size: int) -> None:
    collector = Collector(*(f"{'d' * 100}{number} = hits" for number in range(64)), hits=1)
    collector.source.values |= {f"{'n' * size}{number}": 1.0 for number in range(40_000)}
    values = collector.tick()
    assert sum(key.startswith("d") for key in values) == 64
    assert len(Tick(1.0, 1.0, values).encode()) <= 1_000_000
