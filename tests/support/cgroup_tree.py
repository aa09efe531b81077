"""Control groups in a folder, as a container with cgroup v1 or v2 sees its own."""

from __future__ import annotations

from pathlib import Path

from dashapp.sources.system.container import ContainerSource

GIB = 2**30


class Tree:
    """Control groups in a folder; a test sets `time`, in seconds, by hand."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.top = folder / "cgroup"
        self.time = 100.0
        (self.proc / "self").mkdir(parents=True)
        self.top.mkdir()
        self.write(self.proc / "meminfo", f"MemTotal: {16 * GIB // 1024} kB\n")
        self.mounts = ""
        self.paths = ""

    def now(self) -> float:
        return self.time

    @staticmethod
    def write(path: Path, content: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")

    def mount(self, point: str, kind: str, options: str, root: str = "/") -> Path:
        place = self.top / point
        place.mkdir(parents=True, exist_ok=True)
        self.mounts += f"31 23 0:28 {root} {place} rw,nosuid shared:9 - {kind} cgroup {options}\n"
        self.write(self.proc / "self/mountinfo", "22 27 0:21 / /proc rw - proc proc rw\n" + self.mounts)
        return place

    def path(self, line: str) -> None:
        self.paths += line + "\n"
        self.write(self.proc / "self/cgroup", self.paths)

    def v2(self, group: Path, **content: object) -> None:
        """Write files of a v2 group: `cpu_max="50000 100000"` becomes cpu.max."""
        for name, text in content.items():
            self.write(group / name.replace("_", ".", 1), text)

    def source(self, cpus: int = 4) -> ContainerSource:
        return ContainerSource(str(self.proc), lambda: cpus, self.now)
