"""A /proc in a folder: processes whose name, CPU time and memory a test chooses."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree

# Jiffies per second, and bytes of a page, on Linux.
HZ, PAGE = 100, 4096
KERNEL_THREAD = 0x00200000


class ProcessTree:
    """A machine that started `seconds` ago. Its cores are idle until a process works."""

    def __init__(self, folder: Path, cores: int = 1) -> None:
        self.proc = folder / "proc"
        self.proc.mkdir(parents=True)
        self.seconds = 1000.0
        self._busy = 0.0
        self._cores = cores
        self._write_machine()

    def uptime(self) -> float:
        return self.seconds

    def pass_time(self, seconds: float, busy: float = 0.0) -> None:
        """`busy`: the CPU seconds of the whole machine meanwhile."""
        self.seconds += seconds
        self._busy += busy
        self._write_machine()

    def run(
        self,
        pid: int,
        name: bytes,
        cpu: float = 0.0,
        memory: int = 0,
        *,
        started: float = 500.0,
        shared: int = 0,
        flags: int = 0,
    ) -> None:
        """Start or change a process. `cpu`: its CPU seconds so far; `memory` in bytes."""
        jiffies = round(cpu * HZ)
        numbers = [1, 1, 1, 0, -1, flags, 0, 0, 0, 0, jiffies - jiffies // 3, jiffies // 3, 0, 0, 20, 0, 1, 0]
        numbers += [round(started * HZ), 10 * memory, memory // PAGE, *([0] * 28)]
        self.write(pid, b"%d (%s) S %s\n" % (pid, name, " ".join(map(str, numbers)).encode()))
        pages = f"{memory // PAGE * 10} {memory // PAGE} {shared // PAGE} 1 0 1 0\n"
        (self.proc / str(pid) / "statm").write_text(pages)

    def write(self, pid: int, stat: bytes) -> None:
        folder = self.proc / str(pid)
        folder.mkdir(exist_ok=True)
        (folder / "stat").write_bytes(stat)

    def end(self, pid: int) -> None:
        rmtree(self.proc / str(pid))

    def _write_machine(self) -> None:
        busy = round(self._busy * HZ / self._cores)
        idle = round(self.seconds * HZ) - busy
        cores = "".join(f"cpu{core} {busy} 0 0 {idle} 0 0 0 0 0 0\n" for core in range(self._cores))
        (self.proc / "stat").write_text(f"cpu  1 2 3 4\n{cores}intr 5\nctxt 5\n")
