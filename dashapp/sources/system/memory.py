"""Memory and swap: amounts by use, and the rates of pages to and from swap."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from dashapp.model.ticks import Metric
from dashapp.sources.rates import CounterRates
from dashapp.sources.system.procfs import ProcFile, number_after
from dashapp.sources.system.psutil_safe import PsutilCall, call_or_none, finite_fields

PERCENT = Metric("memory.percent", "Memory", "%", "memory", 0.0, 100.0)
SWAP_PERCENT = Metric("swap.percent", "Swap", "%", "swap", 0.0, 100.0)
BYTES = {
    "used": Metric("memory.used", "Used", "B", "memorybytes", 0.0),
    "available": Metric("memory.available", "Available", "B", "memorybytes", 0.0),
    "cached": Metric("memory.cached", "Cached", "B", "memorybytes", 0.0),
    "buffers": Metric("memory.buffers", "Buffers", "B", "memorybytes", 0.0),
    "swap_used": Metric("swap.used", "Swap used", "B", "memorybytes", 0.0),
}
SWAPPING = {
    "sin": Metric("swap.in", "From swap", "B/s", "swapping", 0.0),
    "sout": Metric("swap.out", "To swap", "B/s", "swapping", 0.0),
}

Amounts = dict[str, float]


class MemorySource:
    """Reads memory; `amounts` returns bytes by name.

    The names are total, available, cached, buffers, swap_total, swap_used, sin and sout.
    """

    name = "memory"

    def __init__(
        self,
        amounts: Callable[[], Amounts] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.status_message = ""
        self._amounts = amounts or memory_amounts()
        self._clock = clock
        self._rates: CounterRates[Metric] = CounterRates()
        read_at = clock()
        self._rates.per_second(_swap_counters(self._amounts()), read_at)

    def read(self) -> Mapping[Metric, float]:
        """Return amounts, percentages and swap rates.

        Used memory is what no program can get: total - available. Percent is relative to the total.
        """
        read_at = self._clock()
        amounts = self._amounts()
        values: dict[Metric, float] = {}
        total, available = amounts.get("total", 0), amounts.get("available")
        missing = "" if total > 0 else "MemTotal" if available is not None else "MemTotal and MemAvailable"
        missing = missing or ("" if available is not None else "MemAvailable")
        self.status_message = missing and f"memory use is not available: /proc/meminfo has no {missing}"
        if total > 0 and available is not None:
            amounts["used"] = max(0, total - available)
            values[PERCENT] = round(100 * amounts["used"] / total, 1)
        values |= {metric: amounts[name] for name, metric in BYTES.items() if name in amounts}
        if "swap_total" in amounts and "swap_used" in amounts:
            # A machine without swap uses 0 %.
            share = amounts["swap_used"] / amounts["swap_total"] if amounts["swap_total"] > 0 else 0
            values[SWAP_PERCENT] = round(100 * share, 1)
        for metric, rate in self._rates.per_second(_swap_counters(amounts), read_at).items():
            values[metric] = round(rate)
        return values


def _swap_counters(amounts: Amounts) -> dict[Metric, float]:
    return {metric: amounts[name] for name, metric in SWAPPING.items() if name in amounts}


def memory_amounts(proc: str = "/proc") -> Callable[[], Amounts]:
    """Return the best reader for this platform."""
    return ProcMemory(proc) if os.access(Path(proc, "meminfo"), os.R_OK) else PsutilMemory()


class ProcMemory:
    """Linux: reads /proc/meminfo, and /proc/vmstat for swapping.

    Raises OSError if /proc/meminfo is not readable.
    """

    def __init__(self, proc: str = "/proc", page: int | None = None) -> None:
        self._memory = ProcFile(f"{proc}/meminfo")
        self._events = ProcFile(f"{proc}/vmstat")
        self._page = page or os.sysconf("SC_PAGE_SIZE")

    def __call__(self) -> Amounts:
        content = self._memory.read()

        def read_amount(name: bytes) -> int | None:
            kilobytes = number_after(name + b":", content)
            return None if kilobytes is None else 1024 * kilobytes

        free, cached, buffers = read_amount(b"MemFree"), read_amount(b"Cached"), read_amount(b"Buffers")
        available = read_amount(b"MemAvailable")
        if available is None and free is not None and cached is not None:
            # Before Linux 3.14. Shared memory is in the cache, but no program can get it.
            shared, reclaimable = read_amount(b"Shmem") or 0, read_amount(b"SReclaimable") or 0
            available = max(free, free + cached + (buffers or 0) + reclaimable - shared)
        swap, swap_free = read_amount(b"SwapTotal"), read_amount(b"SwapFree")
        amounts = {
            "total": read_amount(b"MemTotal"),
            "available": available,
            # As free(1): reclaimable slabs are cache too.
            "cached": None if cached is None else cached + (read_amount(b"SReclaimable") or 0),
            "buffers": buffers,
            "swap_total": swap,
            "swap_used": None if swap is None or swap_free is None else max(0, swap - swap_free),
            **self._read_swap_counters(),
        }
        return {name: amount for name, amount in amounts.items() if amount is not None}

    def _read_swap_counters(self) -> dict[str, int | None]:
        try:
            content = self._events.read()
        except OSError:
            return {}
        pages = {"sin": number_after(b"pswpin ", content), "sout": number_after(b"pswpout ", content)}
        return {name: None if count is None else self._page * count for name, count in pages.items()}


class PsutilMemory:
    """Other platforms."""

    def __init__(
        self,
        memory: PsutilCall = lambda: psutil.virtual_memory(),
        swap: PsutilCall = lambda: psutil.swap_memory(),
    ) -> None:
        self._memory = memory
        self._swap = swap

    def __call__(self) -> Amounts:
        swap = finite_fields(call_or_none(self._swap), "total", "used", "sin", "sout")
        return finite_fields(call_or_none(self._memory), "total", "available", "cached", "buffers") | {
            {"total": "swap_total", "used": "swap_used"}.get(name, name): amount
            for name, amount in swap.items()
        }
