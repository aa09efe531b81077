"""Thousands of metrics: each tick is on disk at once and compacted in parts like any other."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from changing_store import limit_caches
from effort import calls_of
from processes import stored
from sampler_harness import Heard
from thorough import amount

from dashapp.collector.sampler import Sampler
from dashapp.model.ticks import Metric, Tick
from dashapp.sources.push import PushSource
from dashapp.stores.disk.push_queue import DiskPushQueue
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.row_log import RowLog
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.tick_cache import TickCache

METRICS = [Metric(f"wide.metric_{number}", f"{number}", "", "wide") for number in range(1000)]
STEP = amount(5, 1)
T0 = 1_700_000_400
TIMES = range(1_800_000_000 + STEP, 1_800_001_300, STEP)


class Wide:
    def __init__(self) -> None:
        self._random = random.Random(7)

    def read(self) -> Mapping[Metric, float]:
        return {metric: self._random.random() * 1000 for metric in METRICS}


def test_disk_store_compacts_ticks_of_1000_metrics(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    sampler = Sampler([Wide()], store, STEP)
    for number, time in enumerate(TIMES):
        sampler.tick(time)
        if number % 97 == 0 or number > len(TIMES) - 20:
            # Neither compaction nor the large log that it leaves keeps a tick in memory only.
            (newest,) = DiskReader(tmp_path).read_ticks(float("-inf"), float("inf"), 1)
            assert newest.time == time
            assert len(newest.values) == 1000
    store.close()
    assert DiskReader(tmp_path).levels()[0].columns(-1, 1 << 60, None).t.size == 600 // STEP
    assert stored(tmp_path) == [1000 * time for time in TIMES]


class ManyMetrics:
    def __init__(self, name: str, count: int) -> None:
        self.name = name
        self._metrics = [Metric(f"{name}.service{number}.requests", "", "", name) for number in range(count)]

    def read(self) -> Mapping[Metric, float]:
        return dict.fromkeys(self._metrics, 1.5)


def test_tick_holds_5000_metrics_and_pushes(tmp_path: Path) -> None:
    store, queue, heard = DiskStore(tmp_path), DiskPushQueue(tmp_path), Heard()
    sources = [ManyMetrics(f"app{number}", 1000) for number in range(5)]
    push = PushSource(queue, lambda: store.newest().time_ms)
    sampler = Sampler([*sources, push], store, 1.0, heard)
    sampler.tick(1_700_000_000)
    queue.put(json.dumps({f"train.metric{number:04}.of.the.run": 1.0 for number in range(900)}).encode())
    tick = sampler.tick(1_700_000_001)
    assert tick is not None
    assert len(tick.values) == 5900
    assert DiskReader(tmp_path).since(1_700_000_000.5, 1) == [tick]
    store.close()
    assert heard.said == []


def test_request_for_one_metric_needs_no_room_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table of all names and ticks of this log has 140 MB; most names have a single value."""
    limit_caches(monkeypatch)
    monkeypatch.setattr("dashapp.stores.cached_reader.MAX_VALUES_DECODED", 5_000)
    with closing(DiskStore(tmp_path)) as store:
        for number in range(600):
            values = {f"pod{50 * number + each}": 1.0 for each in range(50)}
            store.append(Tick(1_795_176_001 + number, 1, {"cpu.percent": number, **values}))
    with closing(DiskReader(tmp_path)) as reader:
        reader._cache = TickCache(max_values=10_000)
        reader.newest()
        tracemalloc.start()
        try:
            snapshot = reader.snapshot()
            columns, is_complete = snapshot.ticks(1_795_176_001_000, 1 << 60, ["cpu.percent"])
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert is_complete
    assert columns.mean.tolist() == [[*range(1, 600)]]
    assert peak < 20_000_000


def test_push_is_stored_when_other_sources_fill_the_tick(tmp_path: Path) -> None:
    store, queue, heard = DiskStore(tmp_path), DiskPushQueue(tmp_path), Heard()
    push = PushSource(queue, lambda: store.newest().time_ms)
    sampler = Sampler([ManyMetrics("full", 30_000), push], store, 1.0, heard)
    queue.put(json.dumps({f"train.metric{number:04}.of.the.run": 1.0 for number in range(900)}).encode())
    tick = sampler.tick(1_700_000_000)
    assert tick is not None
    assert sum(key.startswith("train.") for key in tick.values) == 900
    assert 10_000 < len(tick.values) < 30_000
    assert DiskReader(tmp_path).since(0, 1) == [tick]
    store.close()
    assert "full returned 30,000 values" in heard.said[0]


def test_compaction_of_5000_metrics_works_in_small_steps(tmp_path: Path) -> None:
    """Blocks end early, and their work is spread over the ticks, counted in calls."""
    chance = random.Random(3)
    store = DiskStore(tmp_path)
    keys = [f"app.service{number}.requests" for number in range(5000)]
    costs: list[int] = []
    run = store._compactor.run

    def count(rows: RowLog, newest: int) -> None:
        costs.append(calls_of(lambda: run(rows, newest)))

    store._compactor.run = count  # type: ignore[method-assign, assignment]
    for second in range(5, 500, 5):
        store.append(Tick(T0 + second, 5.0, {key: round(chance.random(), 2) for key in keys}))
    store.close()
    reader = DiskReader(tmp_path)
    ticks, minutes, _ = reader.levels()
    assert ticks.newest() == minutes.newest() >= 1000 * (T0 + 120)
    assert stored(tmp_path) == [1000 * (T0 + second) for second in range(5, 500, 5)]
    assert max(costs) < sum(costs) / 5
