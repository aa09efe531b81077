"""Processes that use a GPU: their names, and the memory of the GPU that they use."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from dashapp.sources.named_values import plain_label
from dashapp.sources.system.gpu.reading import GpuProcess
from dashapp.sources.system.procfs import read_file

# The name and the bytes of each process.
ProcessMemory = Sequence[tuple[str, int]]

UNKNOWN_NAME = "unknown process"


def process_name(pid: int, proc: str = "/proc") -> str:
    """Return the kernel's name of a process, empty if there is none."""
    return plain_label(read_file(f"{proc}/{pid}/comm").decode(errors="replace"))


def device_user_name(pid: int, device: str, proc: str = "/proc") -> str:
    """Return the name of a process that has opened a file that begins with `device`.

    In a container the driver reports the host's numbers, and another process here can have such a number.
    """
    try:
        files = list(Path(proc, str(pid), "fd").iterdir())
    except PermissionError:
        return process_name(pid, proc) or UNKNOWN_NAME
    except OSError:
        return UNKNOWN_NAME
    is_user = any(os.fspath(target).startswith(device) for target in map(_target, files) if target)
    return (process_name(pid, proc) if is_user else "") or UNKNOWN_NAME


def _target(link: Path) -> Path | None:
    try:
        return link.readlink()
    except OSError:
        return None


def group_by_name(memory: Iterable[tuple[str, int]]) -> list[GpuProcess]:
    """Return the processes by name, the one with the most memory first.

    >>> group_by_name([("python", 5), ("Xorg", 7), ("python", 4)])[0]
    GpuProcess(name='python', bytes=9, count=2)
    """
    totals: dict[str, tuple[int, int]] = {}
    for name, size in memory:
        total, count = totals.get(name, (0, 0))
        totals[name] = (total + size, count + 1)
    processes = [GpuProcess(name, total, count) for name, (total, count) in totals.items()]
    return sorted(processes, key=lambda process: (-process.bytes, process.name))
