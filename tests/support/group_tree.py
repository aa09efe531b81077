"""Control groups in a folder, as version 1, version 2 or hybrid."""

from __future__ import annotations

import itertools
from pathlib import Path

from dashapp.sources.system.groups.container_names import ContainerNames
from dashapp.sources.system.groups.source import GroupSource, NameFinder

VERSIONS = ("v1", "v2", "hybrid")
CORES = 4
MEMORY = 16 * 2**30


def container_id(number: int) -> str:
    return f"{number:064x}"


class GroupTree:
    """A machine with CORES cores and MEMORY bytes. A test sets `time`, in seconds, by hand.

    In `hybrid`, services count CPU only in version 2.
    """

    def __init__(self, folder: Path, version: str = "v2") -> None:
        self.root = folder / "root"
        self.sys = folder / "sys"
        self.proc = folder / "proc"
        self._removed = folder / "removed"
        self._numbers = itertools.count()
        self.version = version
        self.time = 100.0
        self.top = self.sys / "fs/cgroup"
        self.root.mkdir(parents=True)
        write(self.proc / "meminfo", f"MemTotal: {MEMORY // 1024} kB")
        write(self.sys / "devices/system/cpu/online", f"0-{CORES - 2},{CORES - 1}")
        for name in {"v1": ("cpu,cpuacct", "memory", "blkio", "systemd"), "v2": ()}.get(version, ("memory",)):
            (self.top / name).mkdir(parents=True)
        if version != "v1":
            write(self._unified / "cgroup.controllers", "cpu io memory" if version == "v2" else "")
        if version == "hybrid":
            (self.top / "cpuacct").mkdir()
            (self.top / "cpu").symlink_to("cpuacct")

    @property
    def _unified(self) -> Path:
        return self.top if self.version == "v2" else self.top / "unified"

    def now(self) -> float:
        return self.time

    def group(
        self,
        path: str,
        cpu: float = 0.0,
        memory: int = 0,
        cache: int = 0,
        disk: tuple[int, int] | None = None,
    ) -> None:
        """Write a group: CPU in seconds, memory without and with file cache, bytes read and written."""
        is_service = path.endswith(".service")
        if self.version == "v2" or (self.version == "hybrid" and is_service):
            write(
                self._unified / path / "cpu.stat",
                f"usage_usec {round(cpu * 1e6)}\nuser_usec 1\nsystem_usec 2",
            )
        else:
            folder = "cpu,cpuacct" if self.version == "v1" else "cpuacct"
            write(self.top / folder / path / "cpuacct.usage", round(cpu * 1e9))
        if self.version == "v2":
            write(self.top / path / "memory.current", memory + cache)
            write(self.top / path / "memory.stat", f"anon {memory}\ninactive_file {cache}\nactive_file 0")
            if disk:
                write(self.top / path / "io.stat", f"8:0 rbytes={disk[0]} wbytes={disk[1]} rios=1 wios=1")
            return
        write(self.top / "memory" / path / "memory.usage_in_bytes", memory + cache)
        write(
            self.top / "memory" / path / "memory.stat",
            f"cache 5\ninactive_file 1\ntotal_inactive_file {cache}",
        )
        if disk and self.version == "v1":
            text = f"8:0 Read {disk[0]}\n8:0 Write {disk[1]}\n8:0 Total {sum(disk)}\nTotal {sum(disk)}"
            write(self.top / "blkio" / path / "blkio.throttle.io_service_bytes_recursive", text)

    def remove(self, path: str) -> None:
        """Move the folders of a group out of the tree.

        A deleted folder would give its inode to the next one on some file systems. In the kernel's file
        system of groups no inode returns.
        """
        for folder in (self.top, self._unified, *self.top.iterdir()):
            if (folder / path).is_dir():
                self._removed.mkdir(exist_ok=True)
                (folder / path).rename(self._removed / str(next(self._numbers)))

    def source(self, finder: NameFinder | None = None) -> GroupSource:
        names = ContainerNames(str(self.root), lambda user: f"/home/u{user}", self.now)
        return GroupSource(str(self.sys), str(self.proc), names, finder, clock=self.now)


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{content}\n")
