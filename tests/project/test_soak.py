"""Parts of `make soak` whose failure would hide defects."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

from bench.faults.disk import FolderFaults
from bench.faults.stepped_clock import SteppedClock
from dashapp.model.ticks import Tick
from dashapp.stores.disk.store import DiskStore

PRINT_TIME = "import sys, time\nfor line in sys.stdin: print(time.time(), time.time_ns() / 1e9, flush=True)"


def test_stepped_clock_changes_time_of_running_process(tmp_path: Path) -> None:
    clock = SteppedClock(tmp_path / "clock", Random(1))
    environ = {**os.environ, **clock.environ()}
    pipe = subprocess.PIPE
    argv = [sys.executable, "-c", PRINT_TIME]
    with subprocess.Popen(argv, env=environ, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def shifts() -> list[float]:
            """Return by how many hours each clock of the process is wrong."""
            print(file=process.stdin, flush=True)
            line = process.stdout.readline() if process.stdout else ""
            return [round((float(word) - time.time()) / 3600, 1) for word in line.split()]

        assert shifts() == [0, 0]
        with clock._shift(3600):
            assert shifts() == [1, 1]
        with clock._shift(-7200):
            assert shifts() == [-2, -2]
        assert shifts() == [0, 0]


def test_folder_counts_each_tick_of_log_and_blocks(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    for second in range(1_700_000_400, 1_700_001_900):
        store.append(Tick(second, 1, {"a": 1.0}))
    store.close()
    counts = FolderFaults(tmp_path, False, Random(1)).tick_counts()
    assert counts == Counter(range(1_700_000_400_000, 1_700_001_900_000, 1000))
