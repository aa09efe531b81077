"""A thousand metrics: each tick is on disk at once and compacted in parts like any other."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from processes import stored
from thorough import amount

from dashapp.collector.sampler import Sampler
from dashapp.model.ticks import Metric
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore

METRICS = [Metric(f"wide.metric_{number}", f"{number}", "", "wide") for number in range(1000)]
STEP = amount(5, 1)
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
