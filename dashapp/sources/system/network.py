"""Network: bytes, packets, errors and drops per second, in total and by interface.

The totals count each byte once: `topology` selects the interfaces.
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
from dashapp.sources.system.topology import (
    CachedSelection,
    Select,
    base_links,
    is_ephemeral,
    links_by_name,
)

RECEIVED = Metric("network.received", "Received", "B/s", "network", 0.0)
SENT = Metric("network.sent", "Sent", "B/s", "network", 0.0)

# With more interfaces only the totals are shown.
MAX_INTERFACES = 16

# By interface, since its start: received and sent in bytes; in, out, errors and drops in packets.
Counts = Mapping[str, Mapping[str, float]]


class NetworkSource:
    """Computes rates; `counts` reads the counters of every interface.

    `select` returns the interfaces that the totals count; without it their names decide, except on Linux.
    """

    is_optional = True

    def __init__(
        self,
        counts: Callable[[], Counts] | None = None,
        clock: Callable[[], float] = time.monotonic,
        select: Select | None = None,
    ) -> None:
        self._counts = counts or network_counts()
        if select is None:
            is_linux = counts is None and isinstance(self._counts, ProcNetwork)
            select = base_links if is_linux else links_by_name
        self._base_links = CachedSelection(select)
        self._clock = clock
        self._rates: CounterRates[tuple[str, str]] = CounterRates()
        self._slugs = SlugRegistry()
        self._metrics: dict[tuple[str, str], Metric] = {}
        self.read()

    def read(self) -> Mapping[Metric, float]:
        """Return the totals, then the values of each interface.

        A new interface is omitted once. A counter that is still 0 has no line, because most machines have
        silent interfaces and few errors.
        """
        read_at = self._clock()
        counts_by_link = self._counts()
        base_links = self._base_links(counts_by_link, read_at)
        counters = {
            (link, kind): count
            for link, counts in counts_by_link.items()
            if link in base_links or not is_ephemeral(link)
            for kind, count in counts.items()
            # Loopback receives what it sends, so one direction is enough.
            if link != "lo" or kind not in ("sent", "out")
        }
        rates = self._rates.per_second(counters, read_at)
        if len(rates) < len(counters):
            self._base_links.forget()
        values: dict[Metric, float] = {}
        for name, metric in (("received", RECEIVED), ("sent", SENT)):
            base_rates = [rate for (link, kind), rate in rates.items() if kind == name and link in base_links]
            if base_rates:
                values[metric] = round(sum(base_rates))
        active_rates = {
            (link, kind): rate
            for (link, kind), rate in rates.items()
            if counters[link, kind] and not is_ephemeral(link)
        }
        if len({link for link, _ in active_rates}) <= MAX_INTERFACES:
            values |= {self._metric(*counter): round(rate) for counter, rate in active_rates.items()}
        return values

    def _metric(self, link: str, kind: str) -> Metric:
        if (link, kind) not in self._metrics:
            key, name = f"network.{self._slugs(link)}", link[:32]
            self._metrics[link, kind] = {
                "received": Metric(f"{key}.received", f"{name} received", "B/s", "interfaces", 0.0),
                "sent": Metric(f"{key}.sent", f"{name} sent", "B/s", "interfaces", 0.0),
                "in": Metric(f"{key}.packets_in", f"{name} in", "1/s", "packets", 0.0),
                "out": Metric(f"{key}.packets_out", f"{name} out", "1/s", "packets", 0.0),
                "errors": Metric(f"{key}.errors", f"{name} errors", "1/s", "networkerrors", 0.0),
                "drops": Metric(f"{key}.drops", f"{name} drops", "1/s", "networkerrors", 0.0),
            }[kind]
        return self._metrics[link, kind]


def network_counts(proc: str = "/proc") -> Callable[[], Counts]:
    """Return the best reader for this platform."""
    return ProcNetwork(proc) if os.access(Path(proc, "net/dev"), os.R_OK) else PsutilNetwork()


class ProcNetwork:
    """Linux: reads /proc/net/dev, which has a line for each interface of this network namespace."""

    def __init__(self, proc: str = "/proc") -> None:
        self._file = ProcFile(f"{proc}/net/dev")

    def __call__(self) -> Counts:
        counts = {}
        for line in self._file.read().splitlines():
            # The two header lines have no colon.
            name, _, rest = line.rpartition(b":")
            numbers = whole_numbers(rest.split())
            if name and len(numbers) >= 12:
                counts[os.fsdecode(name.strip())] = {
                    "received": numbers[0],
                    "sent": numbers[8],
                    "in": numbers[1],
                    "out": numbers[9],
                    "errors": numbers[2] + numbers[10],
                    "drops": numbers[3] + numbers[11],
                }
        return counts


class PsutilNetwork:
    """Other platforms."""

    def __init__(self, counters: PsutilCall = lambda: psutil.net_io_counters(pernic=True)) -> None:
        self._counters = counters

    def __call__(self) -> Counts:
        names = {
            "bytes_recv": "received",
            "bytes_sent": "sent",
            "packets_recv": "in",
            "packets_sent": "out",
            "errin": "errors",
            "errout": "errors",
            "dropin": "drops",
            "dropout": "drops",
        }
        counts_by_link: dict[str, dict[str, float]] = {}
        for link, result in as_mapping(call_or_none(self._counters)).items():
            counts = counts_by_link.setdefault(link, {})
            for field, count in finite_fields(result, *names).items():
                counts[names[field]] = counts.get(names[field], 0) + count
        return counts_by_link
