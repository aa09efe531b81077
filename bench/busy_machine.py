"""Cost of the collector with 200 processes, 20 containers and a GPU, from files in a folder."""

from __future__ import annotations

import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from threading import Event, Thread

from bench.cost import cpu, memory
from bench.served import ROOT, folder, serving
from bench.table import Row

SECONDS = 20.0
PROCESSES, CONTAINERS = 200, 20
FIRST_PID = 10_000_000


def run() -> list[Row]:
    # The trees of the tests: control groups, and a GPU of AMD.
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    with (
        folder() as store,
        closing(BusyMachine(store.parent / "machine")) as machine,
        serving(store, "--proc", str(machine.proc), "--sys", str(machine.sys)) as served,
    ):
        collector = served.collector()
        time.sleep(12)
        before, start = cpu(collector), time.monotonic()
        time.sleep(SECONDS)
        share = (cpu(collector) - before) / (time.monotonic() - start)
        used = memory(collector)
    name = f"{PROCESSES} processes, {CONTAINERS} containers, 1 GPU"
    return [
        Row(f"{name}: collector CPU", 100 * share, "% of a core", 0.6),
        Row(f"{name}: collector memory", used.rss, "MB", 32, f"RSS; {used.uss:.1f} MB USS"),
    ]


class BusyMachine:
    """This machine's /proc with other processes, and groups whose counters rise each second."""

    def __init__(self, directory: Path) -> None:
        from gpu_tree import AMD, AMD_FILES, GpuTree
        from group_tree import GroupTree

        directory.mkdir(parents=True)
        self._groups = GroupTree(directory / "groups")
        gpu = GpuTree(directory)
        gpu.card(0, AMD, AMD_FILES)
        self.proc, self.sys = directory / "proc", self._groups.sys
        (self.sys / "class").symlink_to(gpu.sys / "class")
        self._write_processes()
        self._second = 0
        self._work()
        self._stop = Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _write_processes(self) -> None:
        for path in Path("/proc").iterdir():
            if not path.name.isdecimal():
                with suppress(FileExistsError):
                    (self.proc / path.name).symlink_to(path)
        for number in range(PROCESSES):
            process = self.proc / str(FIRST_PID + number)
            (process / "fd").mkdir(parents=True)
            (process / "stat").write_text(
                f"{FIRST_PID + number} (worker {number % 20}) S 1 1 1 0 -1 4194560 {' '.join(['9'] * 43)}\n"
            )
            (process / "comm").write_text(f"worker {number % 20}\n")
        (self.proc / "1").mkdir()
        (self.proc / "1/net").symlink_to("/proc/self/net")

    def _work(self) -> None:
        from group_tree import container_id

        self._second += 1
        for number in range(CONTAINERS):
            moved = 1_000_000 * self._second * (number + 1)
            self._groups.group(
                f"system.slice/docker-{container_id(number << 200)}.scope",
                cpu=self._second * 0.01 * number,
                memory=10_000_000 * (number + 1),
                disk=(moved, moved // 2),
            )

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            self._work()
