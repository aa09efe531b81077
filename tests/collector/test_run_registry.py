"""Training runs in the collector: names, states, steps, and runs that are lost."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from push_pipeline import PushPipeline, refused

from dashapp.collector.run_registry import LOST_AFTER_S, RunRegistry
from dashapp.model.runs import (
    FAILED,
    FINISHED,
    LOST,
    MAX_RUNS,
    OWN_STEP_PREFIX,
    RUNNING,
    STEP,
    Run,
    combine_steps,
)
from dashapp.sources.push import PushSource
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.documents import RUNS
from dashapp.stores.memory import MemoryStore

NAMES = st.sampled_from(["loss", "val", "f1"])
ROWS = st.lists(
    st.tuples(st.integers(0, 9), st.dictionaries(NAMES, st.integers(0, 99), min_size=1)), max_size=8
)


class Registry:
    """A registry with a store in memory and clocks that the test sets."""

    def __init__(self, runs: Sequence[Run] = ()) -> None:
        self.now = 1_800_000_000.0
        self.written: list[Run] = list(runs)
        self.registry = RunRegistry(runs, self.write, lambda: self.now, lambda: self.now)

    def write(self, runs: list[Run]) -> None:
        self.written = runs

    def push(self, run: Mapping[str, Any], step: float | None = None, **metrics: float) -> dict[str, float]:
        """Return the values of a tick with one entry."""
        self.registry.observe({"run": {"id": run["name"], **run}, "step": step, "metrics": metrics})
        return self.registry.finish_tick()

    def states(self) -> dict[str, str]:
        return {run.name: run.state for run in self.written}


@given(rows=ROWS)
def test_combined_value_has_its_own_step_for_any_order_of_rows(
    rows: list[tuple[int, dict[str, int]]],
) -> None:
    result = combine_steps([{STEP: step, **values} for step, values in rows])
    newest = {name: (value, step) for step, values in rows for name, value in values.items()}
    for name, (value, step) in newest.items():
        assert result[name] == value
        assert result.get(OWN_STEP_PREFIX + name, result[STEP]) == step


@given(rows=ROWS, split=st.integers(0, 8))
def test_combined_rows_can_be_combined_again(rows: list[tuple[int, dict[str, int]]], split: int) -> None:
    steps: list[Mapping[str, float]] = [{STEP: step, **values} for step, values in rows]
    parts = [combine_steps(part) for part in (steps[:split], steps[split:]) if part]
    assert combine_steps([part for part in parts if part]) == combine_steps(steps)


def test_equal_names_of_different_runs_get_a_number() -> None:
    registry = Registry()
    assert registry.push({"id": "a", "name": "resnet"}, 1, loss=0.5) == {
        "run.resnet.loss": 0.5,
        "run.resnet.step": 1,
    }
    assert registry.push({"id": "b", "name": "resnet"}, 7, loss=0.4) == {
        "run.resnet-2.loss": 0.4,
        "run.resnet-2.step": 7,
    }
    assert registry.push({"id": "a", "name": "resnet"}, 2, loss=0.3)["run.resnet.loss"] == 0.3
    assert registry.states() == {"resnet": RUNNING, "resnet-2": RUNNING}


def test_run_keeps_its_name_after_the_collector_restarts() -> None:
    first = Registry()
    first.push({"id": "a", "name": "resnet"}, 1, loss=1)
    first.push({"id": "b", "name": "resnet"}, 1, loss=1)
    again = Registry(first.written)
    assert again.push({"id": "b", "name": "resnet"}, 2, loss=1) == {
        "run.resnet-2.loss": 1,
        "run.resnet-2.step": 2,
    }


@pytest.mark.parametrize(("title", "name"), [("a b", "a-b"), ("v1.2", "v1-2"), ("/", "run"), ("été", "été")])
def test_name_in_keys_has_no_dots_and_spaces(title: str, name: str) -> None:
    registry = Registry()
    assert registry.push({"name": title}, None, loss=1) == {f"run.{name}.loss": 1}
    assert registry.written[0].title == title


def test_end_of_run_is_stored_once_with_its_reason() -> None:
    registry = Registry()
    registry.push({"name": "a", "config": {"lr": 0.1}})
    registry.now += 5
    registry.push({"name": "a", "state": FAILED, "error": "ValueError"}, 3, loss=9)
    registry.now += 1000
    registry.push({"name": "a"}, 4, loss=8)
    (run,) = registry.written
    assert (run.state, run.error, run.end, run.config) == (FAILED, "ValueError", run.start + 5, {"lr": 0.1})


def test_silent_run_is_lost_at_its_last_sign_of_life_and_comes_back() -> None:
    registry = Registry()
    registry.push({"name": "a"}, 1, loss=1)
    registry.push({"name": "b", "state": FINISHED})
    registry.now += LOST_AFTER_S
    registry.registry.finish_tick()
    assert registry.states() == {"a": RUNNING, "b": FINISHED}
    registry.now += 1
    registry.registry.finish_tick()
    assert registry.states() == {"a": LOST, "b": FINISHED}
    assert registry.written[0].end == registry.now - LOST_AFTER_S - 1
    registry.push({"name": "a"})
    assert registry.states()["a"] == RUNNING
    assert registry.written[0].end is None


def test_run_is_not_lost_while_no_collector_ran() -> None:
    first = Registry()
    first.push({"name": "a"})
    again = Registry(first.written)
    again.now += 10 * LOST_AFTER_S
    again.push({"name": "a"})
    assert again.states() == {"a": RUNNING}


def test_start_of_run_is_by_the_clock_of_the_collector() -> None:
    registry = Registry()
    registry.push({"name": "a", "age": 100.0})
    assert registry.written[0].start == registry.now - 100


def test_oldest_finished_run_is_forgotten_first() -> None:
    registry = Registry()
    registry.push({"name": "old but running"})
    registry.push({"name": "finished", "state": FINISHED})
    for number in range(MAX_RUNS):
        registry.now += 1
        registry.push({"name": f"n{number}"})
    names = [run.title for run in registry.written]
    assert len(names) == MAX_RUNS
    assert "finished" not in names


def test_unchanged_runs_are_not_written_again() -> None:
    registry = Registry()
    registry.push({"name": "a", "config": {"lr": 1.0}}, 1, loss=1)
    registry.written = []
    registry.push({"name": "a", "config": {"lr": 1.0}}, 2, loss=1)
    assert registry.written == []
    registry.push({"name": "a", "config": {"lr": 2.0}})
    assert registry.written[0].config == {"lr": 2.0}


def test_plain_push_of_run_keys_makes_a_run() -> None:
    pipeline = with_runs()
    assert pipeline.push({"metrics": {"run.resnet.loss": 0.5, "run.resnet.step": 7, "x": 1}}).status == 200
    assert pipeline.tick() == {"run.resnet.loss": 0.5, "run.resnet.step": 7, "x": 1}
    (run,) = pipeline.store.runs()
    assert (run.name, run.state) == ("resnet", RUNNING)
    assert {metric.panel for metric in pipeline.store.metrics()} == {"run:resnet", "pushed"}


def with_runs() -> PushPipeline:
    """Return a push pipeline whose collector knows runs."""
    pipeline = PushPipeline()
    store = pipeline.store
    registry = RunRegistry(store.runs(), store.set_runs)
    source = PushSource(pipeline.queue, lambda: store.newest().time_ms, registry)
    pipeline.sampler._sources = [source]
    return pipeline


def test_values_of_several_steps_in_one_tick_keep_their_steps() -> None:
    pipeline = with_runs()
    run = {"id": "1", "name": "r"}
    entries = [
        {"run": run, "step": 100, "metrics": {"loss": 0.5, "val": 0.6}},
        {"run": run, "step": 101, "metrics": {"loss": 0.4}},
    ]
    assert pipeline.push(entries[:1]).status == 200
    assert pipeline.push(entries[1:]).json == {"accepted": 1}
    assert pipeline.tick() == {"run.r.loss": 0.4, "run.r.val": 0.6, "run.r.step": 101, "run.r.step:val": 100}
    pipeline.push(entries)
    assert pipeline.tick() == {"run.r.loss": 0.4, "run.r.val": 0.6, "run.r.step": 101, "run.r.step:val": 100}


@pytest.mark.parametrize(
    "entry",
    [
        {"run": 5},
        {"run": {}},
        {"run": {"name": ""}},
        {"run": {"name": " "}},
        {"run": {"name": "a\nb"}},
        {"run": {"name": "x" * 65}},
        {"run": {"name": 5}},
        {"run": {"name": "a", "id": 5}},
        {"run": {"name": "a", "colour": "red"}},
        {"run": {"name": "a", "state": "lost"}},
        {"run": {"name": "a", "state": ["failed"]}},
        {"run": {"name": "a", "error": 5}},
        {"run": {"name": "a", "age": -1}},
        {"run": {"name": "a", "age": True}},
        {"run": {"name": "a", "config": []}},
        {"run": {"name": "a", "config": {"lr": [1]}}},
        {"run": {"name": "a", "config": {"lr": 1e999}}},
        {"run": {"name": "a", "config": {"": 1}}},
        {"run": {"name": "a", "config": {str(number): 1 for number in range(101)}}},
        {"run": {"name": "a", "config": {"x": "y" * 201}}},
        {"run": {"name": "a"}, "step": "5"},
        {"run": {"name": "a"}, "step": -1},
        {"run": {"name": "a"}, "step": True},
        {"run": {"name": "a"}, "metrics": {"step": 5}},
        {"run": {"name": "a"}, "metrics": {"step:x": 5}},
        {"run": {"name": "a"}, "metrics": {"x" * 121: 5}},
        {"run": {"name": "a"}, "metrics": {"x": None}},
        {"metrics": {"x": 1}, "step": 5},
    ],
)
def test_invalid_entry_of_run_is_rejected_with_one_sentence(entry: dict[str, Any]) -> None:
    refused(with_runs(), entry)


@pytest.mark.parametrize(
    "record",
    [
        {"": 5},
        {"": [5]},
        {"": [{"run": 5}]},
        {"": [{"run": {"id": "a"}}]},
        {"": [{"run": {"id": "a", "name": "b"}, "metrics": 5}]},
        {"": [{"run": {"id": "a", "name": "b", "config": 5}}]},
        {"": [{"run": {"id": "a", "name": "b", "age": "5"}}]},
        {"": [{"run": {"id": "a", "name": "b", "state": "paused"}}]},
        {"": [{"run": {"id": "a", "name": "b" * 5000}}]},
        {"": [{"run": {"id": "a", "name": "b"}, "step": "5"}]},
        *(
            {"": [{"run": {"id": "a", "name": "b", "age": age}}]}
            for age in (10**400, math.inf, -math.inf, math.nan, -1e300, True)
        ),
        *(
            {"": [{"run": {"id": "a", "name": "b", "config": {"x": value}}}]}
            for value in ([1], {"y": 1}, 10**400, 1 << 60, math.nan, math.inf, 1e301, "x" * 5000)
        ),
        {"": [{"run": {"id": "a", "name": "b", "config": {"x" * 5000: 1.0}}}]},
        {"": [{"run": {"id": "a", "name": "b", "config": {f"x{n}": 1.0 for n in range(200)}}}]},
        {"": [{"run": {"id": "a", "name": "b"}, "metrics": {"x" * 5000: 1.0}}]},
    ],
)
def test_forged_record_of_runs_is_ignored(record: Any) -> None:
    pipeline = with_runs()
    pipeline.queue.put(json.dumps(record).encode())
    pipeline.push({"metrics": {"x": 1}})
    assert pipeline.tick() == {"x": 1}
    assert pipeline.store.runs() == []
    assert RUNS.parse(RUNS.encode(pipeline.store.runs())) == []


def test_runs_survive_in_a_folder(tmp_path: Path) -> None:
    run = Run("1", "a", "A", FAILED, 1_800_000_000.5, 1_800_000_001.0, "OSError", {"lr": 0.1, "x": None}, 3)
    store = DiskStore(tmp_path)
    store.set_runs([run])
    store.close()
    assert DiskStore(tmp_path).runs() == [run]


@pytest.mark.parametrize(
    "change",
    [
        {"state": "unknown"},
        {"start": "x"},
        {"end": -1},
        {"config": {"a": [1]}},
        {"config": None},
        {"id": 5},
        {"revision": 0.5},
        {"more": 1},
    ],
)
def test_damaged_document_of_runs_is_empty(change: dict[str, Any]) -> None:
    (row,) = json.loads(RUNS.encode([Run("1", "a", "A", RUNNING, 1_800_000_000.0)]))
    assert RUNS.decode(json.dumps([row])) != []
    assert RUNS.decode(json.dumps([row | change])) == []


def test_memory_store_has_no_runs_at_first() -> None:
    assert MemoryStore().runs() == []
