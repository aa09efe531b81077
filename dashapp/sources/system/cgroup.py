"""Control groups: where this process's are, and what they allow. Versions 1, 2 and both at once.

Knows no metric. https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

# Version 1 writes "no limit" as the largest number of whole pages, which depends on the size of a page.
UNLIMITED = 2**60

# The name under which version 2 is listed, which has one tree for every controller.
V2 = ""

_OCTAL = re.compile(r"\\([0-7]{3})")

# By controller: its group of ours and every ancestor that can be seen, the innermost first.
Groups = Mapping[str, Sequence[Path]]


class Limit(NamedTuple):
    """`amount` of cores (quota / period) or of bytes, set at `group`, which is of this version."""

    amount: float
    group: Path
    version: int


def own_groups(proc: str = "/proc") -> Groups:
    """Empty where there are none, or they cannot be seen."""
    try:
        paths = Path(proc, "self/cgroup").read_text().splitlines()
        mounts = Path(proc, "self/mountinfo").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    roots = list(_mounted(mounts))
    groups: dict[str, Sequence[Path]] = {}
    for line in paths:
        _, _, rest = line.partition(":")
        names, colon, path = rest.partition(":")
        for name in names.split(",") if colon else ():
            for controllers, root, point in roots:
                if name in controllers and (chain := _chain(point, root, path)):
                    groups.setdefault(name, chain)
    return groups


def _mounted(lines: Sequence[str]) -> list[tuple[Sequence[str], str, Path]]:
    """Controllers, root within the tree and mount point of each mount (proc_pid_mountinfo(5))."""
    found: list[tuple[Sequence[str], str, Path]] = []
    for line in lines:
        before, _, after = line.partition(" - ")
        mount, kind = before.split(), after.split()
        if len(mount) >= 5 and len(kind) >= 3 and kind[0] in ("cgroup", "cgroup2"):
            root, point = (_OCTAL.sub(lambda match: chr(int(match[1], 8)), word) for word in mount[3:5])
            controllers = [V2] if kind[0] == "cgroup2" else kind[2].split(",")
            found.append((controllers, root, Path(point)))
    return found


def _chain(point: Path, root: str, path: str) -> list[Path]:
    """From the group up to the mount point.

    Where the path is not below what is mounted (a namespace, a bind mount), the mount point is the group.
    """
    own = PurePosixPath(path)
    inner = own.relative_to(root) if own.is_relative_to(root) and ".." not in own.parts else PurePosixPath()
    if not (point / inner).is_dir():
        inner = PurePosixPath()
    chain = [point / inner, *(point / parent for parent in inner.parents)] if inner.parts else [point]
    return chain if point.is_dir() else []


def cpu_limit(groups: Groups) -> Limit | None:
    """The smallest quota of all ancestors; None where none has one."""
    found = []
    for group in groups.get("cpu", ()):
        quota, period = _words(group / "cpu.cfs_quota_us"), _words(group / "cpu.cfs_period_us")
        found.append((quota[:1] + period[:1], group, 1))
    found += [(_words(group / "cpu.max"), group, 2) for group in groups.get(V2, ())]
    limits = [
        Limit(int(words[0]) / int(words[1]), group, version)
        for words, group, version in found
        if len(words) == 2 and _positive(words[0]) and _positive(words[1])
    ]
    return min(limits, key=lambda limit: limit.amount, default=None)


def memory_limit(groups: Groups) -> Limit | None:
    """The smallest limit of all ancestors; None where none has one."""
    found = [(_words(group / "memory.limit_in_bytes"), group, 1) for group in groups.get("memory", ())]
    found += [(_words(group / "memory.max"), group, 2) for group in groups.get(V2, ())]
    limits = [
        Limit(int(words[0]), group, version)
        for words, group, version in found
        if len(words) == 1 and _positive(words[0]) and int(words[0]) < UNLIMITED
    ]
    return min(limits, key=lambda limit: limit.amount, default=None)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except (OSError, UnicodeDecodeError):
        return []


def _positive(word: str) -> bool:
    return word.isascii() and word.isdigit() and int(word) > 0
