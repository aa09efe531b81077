"""Rankings of process names, from the difference between two scans."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dashapp.model.top import (
    CPU,
    CPU_DIGITS,
    MEMORY,
    RANKING_LENGTH,
    Ranking,
    TopEntry,
    rank,
    shorten_bytes,
)
from dashapp.sources.system.cpu import CpuCounts, busy_time, time_between
from dashapp.sources.system.top.scan import Scan, Scanner

# Error of a start time in seconds: the kernel counts hundredths, and psutil reads whole seconds.
START_TOLERANCE_S = {True: 0.02, False: 2.0}

# Processes of a name whose shared memory is read. More of them share as much on average.
MAX_SHARED_READS = 64


@dataclass(slots=True)
class _Group:
    """All processes of one name."""

    cpu: float = 0.0
    memory: int = 0
    pids: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Usage:
    """The rankings of the last `seconds`, which a suspend does not count; see TopRecord."""

    rankings: Mapping[str, Ranking]
    unknown: float | None
    seconds: float


class TopRanking:
    """Compares each scan with the one before. `steady`: seconds of a clock that is never set."""

    def __init__(self, scan: Scanner, steady: Callable[[], float] = time.monotonic) -> None:
        self._scan = scan
        self._steady = steady
        self._previous: Scan | None = None
        self._scanned_at = 0.0

    def read(self) -> Usage | None:
        """Return the use since the last call; None at the first one. Raises OSError."""
        at, scan = self._steady(), self._scan()
        previous, seconds = self._previous, at - self._scanned_at
        self._previous, self._scanned_at = scan, at
        if previous is None or seconds <= 0:
            return None
        groups, known = _group(scan, previous)
        busy, total = _machine_time(scan.machine, previous.machine)
        capacity = total or seconds * scan.units_per_s * _core_count(scan, previous)
        # The kernel rounds the times of processes and of cores in different ways.
        percent = 100 / max(capacity, known)
        unknown = round(max(0.0, busy * percent - known * percent), CPU_DIGITS) if total else None
        rankings = {
            CPU: rank(
                TopEntry(name, round(group.cpu * percent, CPU_DIGITS), len(group.pids))
                for name, group in groups.items()
            ),
            MEMORY: _rank_memory(groups, scan.shared),
        }
        return Usage(rankings, unknown, seconds)


def _group(scan: Scan, previous: Scan) -> tuple[dict[str, _Group], float]:
    """Return the processes by name, and the CPU time of all of them since the previous scan."""
    oldest_new = previous.now - START_TOLERANCE_S[scan.units_per_s > 1] * scan.units_per_s
    elapsed = max(0.0, scan.now - previous.now)
    limit = max(elapsed, scan.units_per_s) * _core_count(scan, previous)
    groups: dict[str, _Group] = {}
    known = 0.0
    before = previous.processes
    for key, (name, cpu, memory) in scan.processes.items():
        group = groups.get(name)
        if group is None:
            groups[name] = group = _Group()
        group.memory += memory
        group.pids.append(key[0])
        if (old := before.get(key)) is not None:
            used = cpu - old.cpu
        elif key[1] >= oldest_new:
            used = cpu
        else:
            continue  # it is older than the previous scan, which could not read it
        # A counter can step back by a hundredth, and no process uses more than all cores.
        if 0 < used <= limit:
            group.cpu += used
            known += used
    return groups, known


def _core_count(scan: Scan, previous: Scan) -> int:
    return max(len(scan.machine.cores), len(previous.machine.cores)) or os.cpu_count() or 1


def _machine_time(counts: CpuCounts, previous: CpuCounts) -> tuple[float, float]:
    """Return the busy and the whole CPU time of all cores between two readings; 0, 0 if unknown."""
    if not counts.cores_are_numbered and len(counts.cores) != len(previous.cores):
        return 0.0, 0.0
    pairs = [(times, previous.cores.get(core)) for core, times in counts.cores.items()]
    if not counts.cores:
        pairs = [(counts.total, previous.total or None)]
    differences = [time_between(times, old) for times, old in pairs]
    totals = [sum(difference.values()) for difference in differences]
    busy = [busy_time(difference, total) for difference, total in zip(differences, totals, strict=True)]
    return math.fsum(busy), math.fsum(totals)


def _rank_memory(groups: Mapping[str, _Group], shared: Callable[[int], int]) -> list[TopEntry]:
    """Rank by memory, and count what the processes of a name share with each other once.

    Otherwise many workers with one large buffer would have more memory than the machine.
    """
    largest: list[TopEntry] = []
    for name, group in sorted(groups.items(), key=lambda item: -item[1].memory):
        # The memory of a name is at most the sum over its processes.
        if len(largest) == RANKING_LENGTH and largest[-1].value >= group.memory:
            break
        memory = group.memory
        if len(group.pids) > 1:
            memory -= round(_repeated_bytes(group.pids, shared))
        largest = rank([*largest, TopEntry(name, memory, len(group.pids))])
    return [entry._replace(value=shorten_bytes(entry.value)) for entry in largest]


def _repeated_bytes(pids: Sequence[int], shared: Callable[[int], int]) -> float:
    """Return the bytes that a sum over processes counts more than once."""
    sizes = [shared(pid) for pid in pids[:MAX_SHARED_READS]]
    return sum(sizes) / len(sizes) * len(pids) - max(sizes)
