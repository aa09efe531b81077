"""What a control group has used so far: CPU, periods it was held up in, memory, and kills for want of it.

Counts only: shares of a limit are the container source's work.
"""

from __future__ import annotations

from pathlib import Path

from dashapp.sources.system.cgroup import V2, Groups, Limit
from dashapp.sources.system.procfs import ProcFile, number_after


class GroupUse:
    """Of the group that the limit is set at, for its children's use counts against it; else of our own."""

    def __init__(self, groups: Groups, cpu: Limit | None, memory: Limit | None) -> None:
        group, version = _place(groups, "cpu", cpu, memory)
        self._cpu_stat = _file(group, "cpu.stat")
        self._nanoseconds = _file(_accounting(groups, group) if version == 1 else None, "cpuacct.usage")
        group, version = _place(groups, "memory", memory, cpu)
        self._version = version
        self._memory = _file(group, "memory.usage_in_bytes" if version == 1 else "memory.current")
        self._memory_stat = _file(group, "memory.stat")
        self._kills = _file(group, "memory.oom_control" if version == 1 else "memory.events")

    def cpu(self) -> dict[str, float]:
        """`usage` in seconds, `nr_periods` and `nr_throttled`, as far as they are told."""
        stat = _content(self._cpu_stat)
        found: dict[str, float] = {}
        for name in ("nr_periods", "nr_throttled"):
            if (count := number_after(name.encode() + b" ", stat)) is not None:
                found[name] = count
        if (microseconds := number_after(b"usage_usec ", stat)) is not None:
            found["usage"] = microseconds / 1e6
        elif (nanoseconds := number_after(b"", _content(self._nanoseconds))) is not None:
            found["usage"] = nanoseconds / 1e9
        return found

    def memory(self) -> dict[str, float]:
        """`used` in bytes, without the inactive file cache, and `oom_kills`, as far as they are told."""
        found: dict[str, float] = {}
        if (current := number_after(b"", _content(self._memory))) is not None:
            name = b"total_inactive_file " if self._version == 1 else b"inactive_file "
            cache = number_after(name, _content(self._memory_stat)) or 0
            found["used"] = max(0, current - cache)
        if (kills := number_after(b"oom_kill ", _content(self._kills))) is not None:
            found["oom_kills"] = kills
        return found


def _place(
    groups: Groups, controller: str, limit: Limit | None, other: Limit | None
) -> tuple[Path | None, int]:
    """The group, and its version: the limit's; else our own, or where version 2 limits the other resource."""
    if limit:
        return limit.group, limit.version
    if controller in groups:
        return groups[controller][0], 1
    if other and other.version == 2:
        return other.group, 2
    return (groups[V2][0], 2) if V2 in groups else (None, 0)


def _accounting(groups: Groups, group: Path | None) -> Path | None:
    """The same group in the tree of cpuacct, where that is another tree than cpu's; else our own there."""
    quotas, accounts = groups.get("cpu", ()), groups.get("cpuacct", ())
    if group in quotas and len(quotas) == len(accounts):
        return accounts[quotas.index(group)]
    return accounts[0] if accounts else None


def _file(group: Path | None, name: str) -> ProcFile | None:
    return ProcFile(group / name) if group else None


def _content(file: ProcFile | None) -> bytes:
    try:
        return file.read() if file else b""
    except OSError:
        return b""  # older kernels lack some of them, and a group may be gone
