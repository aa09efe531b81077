"""Read the counters of one control group."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dashapp.sources.system.cgroup import UNLIMITED
from dashapp.sources.system.groups.hierarchy import Folder
from dashapp.sources.system.procfs import number_after, read_file

# Major numbers of devices above another one, whose bytes that one counts too: memory, loop devices, ZFS.
_NO_DISK_MAJORS = ("1", "7", "230")


def cpu_seconds(folder: Folder) -> float | None:
    """Return the CPU time that the group and its children have used; None if nothing counts it."""
    if folder.version == 1:
        return _scaled(number_after(b"", read_file(f"{folder.path}/cpuacct.usage")), 1e-9)
    return _scaled(number_after(b"usage_usec ", read_file(f"{folder.path}/cpu.stat")), 1e-6)


def memory_bytes(folder: Folder) -> float | None:
    """Return the memory in use without inactive file cache, which the kernel frees first."""
    is_v1 = folder.version == 1
    used = number_after(
        b"", read_file(f"{folder.path}/{'memory.usage_in_bytes' if is_v1 else 'memory.current'}")
    )
    name = b"total_inactive_file " if is_v1 else b"inactive_file "
    cache = number_after(name, read_file(f"{folder.path}/memory.stat"))
    if used is None or cache is None or used < 0:
        return None
    return float(max(0, used - cache))


def memory_limit(folder: Folder) -> float | None:
    """Return the bytes that the group may use; None without a limit."""
    name = "memory.limit_in_bytes" if folder.version == 1 else "memory.max"
    limit = number_after(b"", read_file(f"{folder.path}/{name}"))
    return float(limit) if limit is not None and 0 < limit < UNLIMITED else None


class DiskBytes:
    """Sums the bytes read and written, each byte once: not again for a device above another one."""

    def __init__(self, sys: str = "/sys") -> None:
        self._sys = sys
        self._is_base: dict[str, bool] = {}

    def read(self, folder: Folder) -> Mapping[str, float]:
        """Return `read` and `write` since the group was created, or nothing if nothing counts them."""
        totals = {"read": 0.0, "write": 0.0}
        if folder.version == 1:
            content = read_file(f"{folder.path}/blkio.throttle.io_service_bytes_recursive")
            content = content or read_file(f"{folder.path}/blkio.throttle.io_service_bytes")
            if not content:
                return {}
            for words in (line.split() for line in content.decode(errors="replace").splitlines()):
                if len(words) == 3 and words[1] in ("Read", "Write") and words[2].isdecimal():
                    totals[words[1].lower()] += int(words[2]) * self._counts(words[0])
            return totals
        if not Path(folder.path, "io.stat").exists():
            return {}
        content = read_file(f"{folder.path}/io.stat")
        for device, *words in map(
            str.split, filter(str.strip, content.decode(errors="replace").splitlines())
        ):
            for word in words:
                name, _, number = word.partition("=")
                if name in ("rbytes", "wbytes") and number.isdecimal():
                    kind = "read" if name == "rbytes" else "write"
                    totals[kind] += int(number) * self._counts(device)
        return totals

    def _counts(self, device: str) -> bool:
        """Return whether no device below `device`, as "major:minor", counts its bytes as well."""
        if device not in self._is_base:
            try:
                is_above = any(Path(self._sys, "dev/block", device, "slaves").iterdir())
            except (OSError, ValueError):
                is_above = False
            self._is_base[device] = not is_above and device.partition(":")[0] not in _NO_DISK_MAJORS
        return self._is_base[device]


def _scaled(count: int | None, unit: float) -> float | None:
    return None if count is None or count < 0 else count * unit
