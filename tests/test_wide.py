"""A thousand metrics a second: little work, each tick on disk at once, and sealed in parts like any other."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from pathlib import Path

from processes import stored

from dashapp.collector.sampler import Sampler
from dashapp.model.ticks import Metric
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore

METRICS = [Metric(f"wide.metric_{number}", f"{number}", "", "wide") for number in range(1000)]
START, TICKS = 1_800_000_001, 1300


class Wide:
    def __init__(self) -> None:
        self._random = random.Random(7)

    def read(self) -> Mapping[Metric, float]:
        return {metric: self._random.random() * 1000 for metric in METRICS}


def newest_row(folder: Path) -> float:
    return DiskReader(folder).rows(float("-inf"), float("inf"), 1)[-1].time


def test_a_thousand_metrics_are_stored_and_sealed_for_less_than_a_twentieth_of_a_core(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    sampler = Sampler([Wide()], store, 1.0)
    began = time.process_time()
    for second in range(TICKS):
        tick = sampler.tick(START + second)
        assert tick is not None
        assert len(tick.values) == 1000
        if second % 97 == 0 or second > TICKS - 20:
            # Neither what is sealed nor the large log that this leaves keeps a tick in memory alone.
            assert newest_row(tmp_path) == START + second
    seconds = time.process_time() - began
    store.close()
    assert seconds / TICKS < 0.05
    assert DiskReader(tmp_path).levels()[0].columns(-1, 1 << 60, None).t.size == 600
    assert stored(tmp_path) == [1000 * (START + second) for second in range(TICKS)]
