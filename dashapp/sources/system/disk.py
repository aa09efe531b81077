"""Disks: bytes and operations per second, and how busy each whole physical disk is.

A disk's traffic includes that of its partitions. `topology` selects the disks, so that each byte counts once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from dashapp.model.ticks import Metric
from dashapp.sources.rates import CounterRates
from dashapp.sources.slug import SlugRegistry
from dashapp.sources.system.procfs import ProcFile, whole_numbers
from dashapp.sources.system.psutil_safe import PsutilCall, as_mapping, call_or_none, finite_fields
from dashapp.sources.system.topology import CachedSelection, Select, base_disks, disks_by_name

READ = Metric("disk.read", "Read", "B/s", "disk", 0.0)
WRITTEN = Metric("disk.write", "Written", "B/s", "disk", 0.0)

# With more disks only the totals are shown: a line for each would flood the page.
MAX_DISKS = 16

# By disk, since its start: read and written in bytes, reads and writes in operations, busy in milliseconds.
Counts = Mapping[str, Mapping[str, float]]


class DiskSource:
    """Computes rates; `counts` reads the counters of every block device and partition.

    `select` returns the disks to count; without it their names decide, except on Linux.
    """

    is_optional = True

    def __init__(
        self,
        counts: Callable[[], Counts] | None = None,
        clock: Callable[[], float] = time.monotonic,
        select: Select | None = None,
    ) -> None:
        self._counts = counts or disk_counts()
        if select is None:
            is_linux = counts is None and isinstance(self._counts, ProcDisks)
            select = base_disks if is_linux else disks_by_name
        self._base_disks = CachedSelection(select)
        self._clock = clock
        self._rates: CounterRates[tuple[str, str]] = CounterRates()
        self._slugs = SlugRegistry()
        self._metrics: dict[tuple[str, str], Metric] = {}
        self._read_rates()

    def read(self) -> Mapping[Metric, float]:
        """Return the totals, then the values of each disk.

        A new disk is omitted once. A disk without any operation since its start is omitted always.
        """
        rates = self._read_rates()
        values: dict[Metric, float] = {}
        for name, metric in (("read", READ), ("written", WRITTEN)):
            if disk_rates := [rate for (_, kind), rate in rates.items() if kind == name]:
                values[metric] = round(sum(disk_rates))
        if len({disk for disk, _ in rates}) > MAX_DISKS:
            return values
        for (disk, kind), rate in rates.items():
            metric = self._metric(disk, kind)
            # Milliseconds per second are tenths of a percent.
            values[metric] = round(min(100.0, rate / 10), 1) if kind == "busy" else round(rate)
        return values

    def _read_rates(self) -> dict[tuple[str, str], float]:
        read_at = self._clock()
        counts_by_disk = self._counts()
        base_disks = self._base_disks(counts_by_disk, read_at)
        counters = {
            (disk, kind): count
            for disk, counts in counts_by_disk.items()
            if disk in base_disks and any(counts.values())
            for kind, count in counts.items()
        }
        rates = self._rates.per_second(counters, read_at)
        if len(rates) < len(counters):
            self._base_disks.forget()
        return rates

    def _metric(self, disk: str, kind: str) -> Metric:
        if (disk, kind) not in self._metrics:
            slug, name = self._slugs(disk), disk[:32]
            self._metrics[disk, kind] = {
                "read": Metric(f"disk.{slug}.read", f"{name} read", "B/s", "disks", 0.0),
                "written": Metric(f"disk.{slug}.write", f"{name} written", "B/s", "disks", 0.0),
                "reads": Metric(f"disk.{slug}.reads", f"{name} reads", "1/s", "diskops", 0.0),
                "writes": Metric(f"disk.{slug}.writes", f"{name} writes", "1/s", "diskops", 0.0),
                "busy": Metric(f"disk.{slug}.busy", f"{name} busy", "%", "diskbusy", 0.0, 100.0),
            }[kind]
        return self._metrics[disk, kind]


def disk_counts(proc: str = "/proc") -> Callable[[], Counts]:
    """Return the best reader for this platform."""
    return ProcDisks(proc) if os.access(Path(proc, "diskstats"), os.R_OK) else PsutilDisks()


class ProcDisks:
    """Linux: reads /proc/diskstats, whose sectors are always 512 bytes."""

    def __init__(self, proc: str = "/proc") -> None:
        self._file = ProcFile(f"{proc}/diskstats")

    def __call__(self) -> Counts:
        counts = {}
        for line in self._file.read().splitlines():
            words = line.split()
            # https://docs.kernel.org/admin-guide/iostats.html: field n is fields[n - 1].
            fields = whole_numbers(words[3:])
            if len(fields) >= 11 and (fields[0] or fields[4]):
                counts[os.fsdecode(words[2])] = {
                    "read": 512 * fields[2],
                    "written": 512 * fields[6],
                    "reads": fields[0],
                    "writes": fields[4],
                    "busy": fields[9],
                }
        return counts


class PsutilDisks:
    """Other platforms; psutil returns None on a machine without disks."""

    def __init__(self, counters: PsutilCall = lambda: psutil.disk_io_counters(perdisk=True)) -> None:
        self._counters = counters

    def __call__(self) -> Counts:
        names = {
            "read_bytes": "read",
            "write_bytes": "written",
            "read_count": "reads",
            "write_count": "writes",
            "busy_time": "busy",
        }
        return {
            disk: {names[field]: count for field, count in finite_fields(result, *names).items()}
            for disk, result in as_mapping(call_or_none(self._counters)).items()
        }
