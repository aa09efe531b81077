"""Control groups, version 1, 2 and hybrid: their limits and their usage.

The container source computes percentages of them. https://docs.kernel.org/admin-guide/cgroup-v2.html and
cgroup-v1/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dashapp.sources.system.procfs import ProcFile, number_after

# Version 1 writes "no limit" as the largest number of whole pages, which depends on the page size.
UNLIMITED = 2**60

# Key for version 2, which has one tree for all controllers.
UNIFIED = ""

_OCTAL_ESCAPE = re.compile(r"\\([0-7]{3})")

# By controller: this process's group and all visible ancestors, the innermost first.
CgroupPaths = Mapping[str, Sequence[Path]]


class CgroupLimit(NamedTuple):
    """A limit of `amount` cores (quota / period) or bytes, set at `group` of this version."""

    amount: float
    group: Path
    version: int


def own_cgroups(proc: str = "/proc") -> CgroupPaths:
    """Return this process's groups, or nothing if there are none or they cannot be read."""
    try:
        paths = Path(proc, "self/cgroup").read_text().splitlines()
        mounts = Path(proc, "self/mountinfo").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    roots = list(_parse_mounts(mounts))
    groups: dict[str, Sequence[Path]] = {}
    for line in paths:
        _, _, rest = line.partition(":")
        names, colon, path = rest.partition(":")
        for name in names.split(",") if colon else ():
            for controllers, root, point in roots:
                if name in controllers and (chain := _group_and_ancestors(point, root, path)):
                    groups.setdefault(name, chain)
    return groups


def _parse_mounts(lines: Sequence[str]) -> list[tuple[Sequence[str], str, Path]]:
    """Return controllers, root and mount point of each mount (proc_pid_mountinfo(5))."""
    trees: list[tuple[Sequence[str], str, Path]] = []
    for line in lines:
        mount_text, _, type_text = line.partition(" - ")
        mount, filesystem = mount_text.split(), type_text.split()
        if len(mount) >= 5 and len(filesystem) >= 3 and filesystem[0] in ("cgroup", "cgroup2"):
            root, point = (
                _OCTAL_ESCAPE.sub(lambda match: chr(int(match[1], 8)), word) for word in mount[3:5]
            )
            controllers = [UNIFIED] if filesystem[0] == "cgroup2" else filesystem[2].split(",")
            trees.append((controllers, root, Path(point)))
    return trees


def _group_and_ancestors(point: Path, root: str, path: str) -> list[Path]:
    """Return the group and its ancestors up to the mount point.

    If the path is not below the mounted root (a namespace, a bind mount), the mount point is the group.
    """
    group_path = PurePosixPath(path)
    relative_path = (
        group_path.relative_to(root)
        if group_path.is_relative_to(root) and ".." not in group_path.parts
        else PurePosixPath()
    )
    if not (point / relative_path).is_dir():
        relative_path = PurePosixPath()
    chain = (
        [point / relative_path, *(point / parent for parent in relative_path.parents)]
        if relative_path.parts
        else [point]
    )
    return chain if point.is_dir() else []


def cpu_limit(groups: CgroupPaths) -> CgroupLimit | None:
    """Return the smallest quota of the group and its ancestors, or None."""
    candidates = []
    for group in groups.get("cpu", ()):
        quota, period = _read_words(group / "cpu.cfs_quota_us"), _read_words(group / "cpu.cfs_period_us")
        candidates.append((quota[:1] + period[:1], group, 1))
    candidates += [(_read_words(group / "cpu.max"), group, 2) for group in groups.get(UNIFIED, ())]
    limits = [
        CgroupLimit(int(words[0]) / int(words[1]), group, version)
        for words, group, version in candidates
        if len(words) == 2 and _positive_number(words[0]) and _positive_number(words[1])
    ]
    return min(limits, key=lambda limit: limit.amount, default=None)


def memory_limit(groups: CgroupPaths) -> CgroupLimit | None:
    """Return the smallest limit of the group and its ancestors, or None."""
    candidates = [
        (_read_words(group / "memory.limit_in_bytes"), group, 1) for group in groups.get("memory", ())
    ]
    candidates += [(_read_words(group / "memory.max"), group, 2) for group in groups.get(UNIFIED, ())]
    limits = [
        CgroupLimit(int(words[0]), group, version)
        for words, group, version in candidates
        if len(words) == 1 and _positive_number(words[0]) and int(words[0]) < UNLIMITED
    ]
    return min(limits, key=lambda limit: limit.amount, default=None)


def _read_words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except (OSError, UnicodeDecodeError):
        return []


def _positive_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and int(word) > 0


class CgroupUsage:
    """Reads the usage of the group that has the limit, or else of this process's group.

    The usage of all children counts towards a limit.
    """

    def __init__(self, groups: CgroupPaths, cpu: CgroupLimit | None, memory: CgroupLimit | None) -> None:
        group, version = _usage_group(groups, "cpu", cpu, memory)
        self._cpu_stat = _open_file(group, "cpu.stat")
        self._nanoseconds = _open_file(
            _cpuacct_group(groups, group) if version == 1 else None, "cpuacct.usage"
        )
        group, version = _usage_group(groups, "memory", memory, cpu)
        self._version = version
        self._memory = _open_file(group, "memory.usage_in_bytes" if version == 1 else "memory.current")
        self._memory_stat = _open_file(group, "memory.stat")
        self._oom_events = _open_file(group, "memory.oom_control" if version == 1 else "memory.events")

    def cpu(self) -> dict[str, float]:
        """Return `usage` in seconds, `nr_periods` and `nr_throttled`, those that are available."""
        stat = _read_file(self._cpu_stat)
        counts: dict[str, float] = {}
        for name in ("nr_periods", "nr_throttled"):
            if (count := number_after(name.encode() + b" ", stat)) is not None:
                counts[name] = count
        if (microseconds := number_after(b"usage_usec ", stat)) is not None:
            counts["usage"] = microseconds / 1e6
        elif (nanoseconds := number_after(b"", _read_file(self._nanoseconds))) is not None:
            counts["usage"] = nanoseconds / 1e9
        return counts

    def memory(self) -> dict[str, float]:
        """Return `used` in bytes, without inactive file cache, and `oom_kills`, if available."""
        usage: dict[str, float] = {}
        if (current := number_after(b"", _read_file(self._memory))) is not None:
            name = b"total_inactive_file " if self._version == 1 else b"inactive_file "
            cache = number_after(name, _read_file(self._memory_stat)) or 0
            usage["used"] = max(0, current - cache)
        if (kills := number_after(b"oom_kill ", _read_file(self._oom_events))) is not None:
            usage["oom_kills"] = kills
        return usage


def _usage_group(
    groups: CgroupPaths, controller: str, limit: CgroupLimit | None, other_limit: CgroupLimit | None
) -> tuple[Path | None, int]:
    """Return the group to read and its version.

    It is the group that has the limit. Without a limit it is this process's group, or the group of version 2
    that limits the other resource.
    """
    if limit:
        return limit.group, limit.version
    if controller in groups:
        return groups[controller][0], 1
    if other_limit and other_limit.version == 2:
        return other_limit.group, 2
    return (groups[UNIFIED][0], 2) if UNIFIED in groups else (None, 0)


def _cpuacct_group(groups: CgroupPaths, group: Path | None) -> Path | None:
    """Return the same group in the cpuacct tree, if that differs from the cpu tree.

    Otherwise return this process's group in the cpuacct tree.
    """
    quotas, accounts = groups.get("cpu", ()), groups.get("cpuacct", ())
    if group in quotas and len(quotas) == len(accounts):
        return accounts[quotas.index(group)]
    return accounts[0] if accounts else None


def _open_file(group: Path | None, name: str) -> ProcFile | None:
    return ProcFile(group / name) if group else None


def _read_file(file: ProcFile | None) -> bytes:
    try:
        return file.read() if file else b""
    except OSError:
        return b""  # older kernels lack some of the files, and a group can disappear
