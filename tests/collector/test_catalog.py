"""The catalogue: metrics that come and go cost no more, and leave after their retention."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from effort import calls_of
from sampler_harness import Heard

from dashapp.collector import catalog
from dashapp.collector.sampler import Sampler
from dashapp.model.ticks import Metric
from dashapp.sources.external.prometheus import PrometheusSource
from dashapp.sources.named_values import MAX_METRICS, NamedValues
from dashapp.stores.base import Rewind, Store
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.document_kind import Document, Value
from dashapp.stores.documents import LAST_SEEN, METRICS
from dashapp.stores.memory import MemoryStore
from dashapp.stores.redis.bounded import MAX_DOCUMENT_BYTES

START = 1_700_000_000


class Pods:
    """An exporter of 100 series, of which `replaced` are new in each response."""

    def __init__(self, replaced: int) -> None:
        self._replaced, self._first = replaced, 0
        self.on_send: Callable[[], object] = list

    def fetch(self) -> bytes:
        self._first += self._replaced
        numbers = range(self._first, self._first + 100)
        rows = "".join(f'memory_bytes{{pod="api-{number:06x}"}} {number}\n' for number in numbers)
        return f"# TYPE memory_bytes gauge\n{rows}".encode()


class Changing:
    def __init__(self) -> None:
        self.names: list[str] = []

    def read(self) -> Mapping[Metric, float]:
        return {Metric(name, name, "", "all"): 1.0 for name in self.names}


class CountingStore(MemoryStore):
    writes = 0

    def write_document(self, document: Document[Value], value: Value) -> None:
        super().write_document(document, value)
        self.writes += document.name == "metrics"


def keys(store: Store) -> list[str]:
    return [metric.key for metric in store.metrics()]


def test_metric_leaves_catalog_after_its_retention() -> None:
    store, source = MemoryStore(), Changing()
    sampler = Sampler([source], store, 1.0, Heard(), retention=3600)
    source.names = ["a", "b"]
    sampler.tick(START)
    source.names = ["a"]
    for time in range(START + 10, START + 3590, 10):
        sampler.tick(time)
    assert keys(store) == ["a", "b"]
    for time in range(START + 3600, START + 3700, 10):
        sampler.tick(time)
    assert keys(store) == ["a"]


def test_retention_goes_on_over_restarts(tmp_path: Path) -> None:
    source, retention = Changing(), 3600
    source.names = ["a", "b"]
    for time in range(START, START + 7200, 300):
        store = DiskStore(tmp_path)
        sampler = Sampler([source], store, 1.0, Heard(), retention)
        for second in range(0, 200, 10):
            sampler.tick(time + second)
        assert ("b" in keys(store)) == (time - START <= retention)
        store.close()
        source.names = ["a"]


@pytest.mark.parametrize("letter", ["x", "é", "🚀", '"', "\\"])
def test_catalog_of_long_names_stays_below_limit_of_readers(letter: str) -> None:
    """A program can push other names in each tick, of 200 letters that JSON escapes."""
    store, source = MemoryStore(), Changing()
    sampler = Sampler([source], store, 1.0, Heard(), retention=1e9)
    for tick in range(100):
        source.names = [f"{tick}-{number}-{letter * 190}" for number in range(40)]
        sampler.tick(START + tick)
    sampler.tick(START + 200)
    for text in (
        METRICS.encode(store.read_document(METRICS)),
        LAST_SEEN.encode(store.read_document(LAST_SEEN)),
    ):
        assert len(text) < MAX_DOCUMENT_BYTES * 3 / 4
    # The newest stay.
    assert {*source.names} <= {*keys(store)}
    assert len(keys(store)) > 300


@pytest.mark.parametrize("count", [100, 999, 1500, 1999, 2000, 2500])
def test_newest_of_gone_metrics_stay(count: int) -> None:
    store, source = MemoryStore(), Changing()
    sampler = Sampler([source], store, 1.0, Heard(), retention=1e9)
    for tick in range(10):
        source.names = [f"k{number}" for number in range(count) if number % 10 == tick]
        sampler.tick(START + tick)
    source.names = ["k"]
    for time in (START + 100, START + 200):
        sampler.tick(time)
    assert len(keys(store)) == min(count, catalog.MAX_GONE) + 1
    assert {"k", "k9", f"k{count - count % 10 - 1}"} <= {*keys(store)}


def test_dropped_metric_returns_with_its_next_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "MAX_CHARS", 500)
    store, source = MemoryStore(), Changing()
    sampler = Sampler([source], store, 1.0, Heard())
    for time, names in enumerate((["a"], list("bcdefg"), ["h"], ["a"], ["a"])):
        source.names = names
        sampler.tick(START + 10 * time)
        assert {*names} <= {*keys(store)}
    assert len(keys(store)) <= 4


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("jump", [86_400 * 365, -86_400 * 365, 86_400 * 1100])
def test_clock_that_is_set_removes_no_metric(tmp_path: Path, jump: int, restarts: bool) -> None:
    """The history of a metric that is gone stays, so its name does too."""
    store, source, retention = DiskStore(tmp_path), Changing(), 7200
    sampler = Sampler([source], store, 1.0, Heard(), retention)
    source.names = ["a", "b"]
    sampler.tick(START)
    source.names = ["a"]
    for second in range(10, 600, 10):
        sampler.tick(START + second)
    if jump < 0:
        store.rewind(Rewind(1000 * (START + jump)))
    if restarts:
        store.close()
        store = DiskStore(tmp_path)
        sampler = Sampler([source], store, 1.0, Heard(), retention)
    for second in range(600, 7000, 100):
        sampler.tick(START + jump + second)
    assert keys(store) == ["a", "b"]
    for second in range(7000, 8000, 10):
        sampler.tick(START + jump + second)
    assert keys(store) == ["a"]
    store.close()


def test_catalog_is_written_at_most_every_few_seconds() -> None:
    store, source = CountingStore(), Changing()
    sampler = Sampler([source], store, 1.0, Heard())
    for second in range(300):
        source.names = [f"name{second}"]
        sampler.tick(START + second)
    assert store.writes <= 300 / catalog.WRITE_INTERVAL_S + catalog.MAX_BURST
    source.names = ["last"]
    for second in range(300, 304):
        sampler.tick(START + second)
    assert "last" in keys(store)


@pytest.mark.parametrize("set_back", [False, True])
def test_new_metric_is_in_catalog_before_its_tick(set_back: bool) -> None:
    store, source = MemoryStore(), Changing()
    sampler = Sampler([source], store, 1.0, Heard())
    source.names = ["a"]
    sampler.tick(START)
    source.names = ["a", "b"]
    sampler.tick(START - 1000 if set_back else START + 10)
    assert keys(store) == ["a", "b"]


def test_names_that_come_and_go_cost_no_more_than_constant_ones(tmp_path: Path) -> None:
    def cost(replaced: int) -> int:
        store = DiskStore(tmp_path / str(replaced))
        sampler = Sampler([PrometheusSource(Pods(replaced), "x")], store, 1.0, Heard())
        for second in range(150):
            sampler.tick(START + 350 + second)

        def some_ticks() -> None:
            for second in range(500, 510):
                sampler.tick(START + second)

        calls = calls_of(some_ticks)
        assert len(keys(store)) <= 100 + catalog.MAX_GONE + 61 * replaced
        store.close()
        return calls

    assert cost(7) < 2 * cost(0)


def test_function_can_return_other_names_each_time() -> None:
    names = NamedValues("f")
    for first in range(0, 20 * MAX_METRICS, 500):
        found = names.read({f"n{number}": 1.0 for number in range(first, first + MAX_METRICS)})
        assert len(found) == MAX_METRICS
        assert names.rejection == ""


def test_function_with_too_many_names_keeps_its_first_ones() -> None:
    names = NamedValues("f")
    first = {metric.key for metric in names.read({f"n{number}": 1.0 for number in range(MAX_METRICS)})}
    found = names.read({f"n{number}": 1.0 for number in reversed(range(MAX_METRICS + 7))})
    assert {metric.key for metric in found} == first
    assert names.rejection == "returned more than 1,000 metrics; 7 were dropped"
