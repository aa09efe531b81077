"""Disks: bytes and operations per second, and how busy each whole physical disk is.

A disk's traffic includes that of its partitions. Loop, RAID and device-mapper devices are omitted, because
the disks below them count the same traffic.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from dashapp.model.ticks import Metric
from dashapp.sources.rates import CounterRates
from dashapp.sources.slug import SlugRegistry
from dashapp.sources.system.procfs import ProcFile
from dashapp.sources.system.psutil_safe import PsutilCall, as_mapping, call_or_none, finite_fields

READ = Metric("disk.read", "Read", "B/s", "disk", 0.0)
WRITTEN = Metric("disk.write", "Written", "B/s", "disk", 0.0)

# With more disks only the totals are shown: a line for each would flood the page.
MAX_DISKS = 16

_STACKED_DEVICE = re.compile(r"(loop|ram|zram|dm-|md|sr|fd|nbd|drbd)\d|mmcblk\d+(boot|rpmb)|nvme\d+c\d")

# By disk, since its start: read and written in bytes, reads and writes in operations, busy in milliseconds.
Counts = Mapping[str, Mapping[str, float]]


class DiskSource:
    """Computes rates; `counts` reads the counters of every block device and partition."""

    def __init__(
        self,
        counts: Callable[[], Counts] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counts = counts or disk_counts()
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
        return self._rates.per_second(self._flatten_counts(), read_at)

    def _flatten_counts(self) -> dict[tuple[str, str], float]:
        counts_by_disk = self._counts()
        return {
            (disk, kind): count
            for disk, counts in counts_by_disk.items()
            if is_whole_disk(disk, counts_by_disk) and any(counts.values())
            for kind, count in counts.items()
        }

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


def is_whole_disk(name: str, names: Mapping[str, object]) -> bool:
    """Return whether `name` is a physical disk: not stacked on another, nor part of one.

    >>> names = {"sda": 0, "sda1": 0, "nvme0n1": 0, "nvme0n1p2": 0, "xvda1": 0, "dm-0": 0}
    >>> [name for name in names if is_whole_disk(name, names)]
    ['sda', 'nvme0n1', 'xvda1']
    """
    if _STACKED_DEVICE.match(name):
        return False
    disk = name.rstrip("0123456789")
    if disk == name:
        return True
    # If the name of a disk ends with a digit, a "p" precedes the number of a partition.
    parent = disk[:-1] if disk[-1:] == "p" and disk[-2:-1].isdigit() else disk
    return parent not in names


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
            # https://docs.kernel.org/admin-guide/iostats.html: field n is word n + 2.
            if len(words) >= 14 and (words[3] != b"0" or words[7] != b"0"):
                counts[os.fsdecode(words[2])] = {
                    "read": 512 * int(words[5]),
                    "written": 512 * int(words[9]),
                    "reads": int(words[3]),
                    "writes": int(words[7]),
                    "busy": int(words[12]),
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
