"""CPU, memory and disk of each container and each service, from control groups only."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

from dashapp.model.ticks import Metric
from dashapp.sources.named_values import plain_label
from dashapp.sources.rates import CounterRates
from dashapp.sources.slug import SlugRegistry
from dashapp.sources.spec import MachineFiles
from dashapp.sources.system.groups.busiest import Busiest
from dashapp.sources.system.groups.container_names import SHORT_ID_LENGTH, ContainerNames
from dashapp.sources.system.groups.hierarchy import Folder, Folders, find_groups, find_roots
from dashapp.sources.system.groups.identity import CONTAINER, SERVICE, Identity
from dashapp.sources.system.groups.usage import DiskBytes, cpu_seconds, memory_bytes, memory_limit
from dashapp.sources.system.procfs import number_after, read_file

# Maximum lines of each kind; the others have one together.
MAX_LINES = 50
# No container has this name, so that none can take the key of the others.
OTHERS, NO_NAME = "others", "\0"
# Seconds between two searches for groups, at least, and as a multiple of what a search takes.
SCAN_INTERVAL_S, SCAN_COST_FACTOR = 5.0, 200.0
# Seconds until the next search if a group has vanished, or if the name of one is not known yet.
RETRY_S = 1.0
# With more groups the readings are less frequent, so that their cost stays the same.
GROUPS_PER_SECOND = 200
MAX_SLUG_LENGTH, MAX_METRICS = 100, 4000

_PANELS = {
    CONTAINER: {
        "cpu": "containers",
        "memory": "containermemory",
        "read": "containerdisk",
        "write": "containerdisk",
    },
    SERVICE: {"cpu": "services", "memory": "servicememory"},
}
_UNITS = {"cpu": "%", "memory": "B", "read": "B/s", "write": "B/s"}
_DIGITS = {"cpu": 2, "memory": 0, "read": 0, "write": 0}
_SUFFIXES = {"read": " read", "write": " written"}


class Entry(NamedTuple):
    """A line. Groups with one name share it, such as a container before and after its restart."""

    kind: str
    name: str
    runtime: str


class NameFinder(Protocol):
    """Asks elsewhere for the names of containers."""

    status_message: str

    def name(self, container_id: str) -> str | None:
        """Return the name of a container, empty text if it has none, None if that is not known yet."""


class GroupSource:
    """Reads the containers and services below `sys`.

    Raises OSError at construction if there are no control groups.
    `every` is the number of seconds between two readings, 0 for each tick. CPU is in percent of the whole
    machine, which has `cores` cores.
    """

    is_optional = True

    def __init__(
        self,
        sys: str = "/sys",
        proc: str = "/proc",
        names: ContainerNames | None = None,
        finder: NameFinder | None = None,
        cores: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.every = 0.0
        self.status_message = ""
        self._sys = sys
        self._proc = proc
        self._names = names or ContainerNames()
        self._finder = finder
        self._cores = cores or (lambda: machine_cores(sys, proc))
        self._clock = clock
        self._roots = find_roots(sys)
        if not self._roots:
            raise OSError("this machine has no control groups that count anything")
        self._disks = DiskBytes(sys)
        self._next_scan = float("-inf")
        self._groups: Mapping[Identity, Folders] = {}
        self._entries: dict[Identity, Entry] = {}
        # The groups that had CPU time in the last reading.
        self._counting: Collection[tuple[Identity, int]] = ()
        self._cpu_rates: CounterRates[tuple[Identity, int]] = CounterRates()
        self._disk_rates: CounterRates[tuple[Identity, int, str]] = CounterRates()
        # Values of the slow readings, by entry and quantity.
        self._slow_values: dict[tuple[Entry, str], float] = {}
        self._slow_totals: dict[Metric, float] = {}
        # Bytes that a line may use, if all of its groups have a limit.
        self._limits: dict[Entry, float] = {}
        self._cpu: dict[Entry, float] = {}
        self._busiest = {kind: Busiest[Entry](MAX_LINES) for kind in _PANELS}
        self._shown: set[Entry] = set()
        self._slugs = {kind: SlugRegistry(False, MAX_SLUG_LENGTH, others=NO_NAME) for kind in _PANELS}
        # The runtime of the first line with a name; another runtime is a part of its own label.
        self._owners: dict[tuple[str, str], str] = {}
        self._metrics: dict[tuple[Entry, str], Metric] = {}
        self.read()

    def read(self) -> Mapping[Metric, float]:
        """Return the usage of the busiest containers and services, and of all others together.

        CPU percent = Δusage / (Δtime x cores) x 100. Memory and disk are read every SCAN_INTERVAL_S.
        """
        read_at = self._clock()
        if is_scan := read_at >= self._next_scan:
            self._scan(read_at)
        self._cpu = self._read_cpu(read_at)
        if is_scan:
            self._read_slow(read_at)
            self._choose()
            self._slow_totals = self._totals(self._slow_values)
        return (
            self._totals({(entry, "cpu"): percent for entry, percent in self._cpu.items()})
            | self._slow_totals
        )

    def _totals(self, amounts: Mapping[tuple[Entry, str], float]) -> dict[Metric, float]:
        """Return the amounts by metric, those of entries without a line as one, last."""
        values: dict[Metric, float] = {}
        others: dict[tuple[str, str], float] = {}
        for (entry, quantity), amount in amounts.items():
            if entry in self._shown:
                values[self._metric(entry, quantity)] = round(amount, _DIGITS[quantity])
            else:
                key = (entry.kind, quantity)
                others[key] = others.get(key, 0.0) + amount
        for (kind, quantity), amount in others.items():
            values[self._metric(Entry(kind, "", ""), quantity)] = round(amount, _DIGITS[quantity])
        return values

    def _scan(self, read_at: float) -> None:
        """Find the groups again, and their names."""
        self._groups = find_groups(self._roots)
        self._next_scan = read_at + max(SCAN_INTERVAL_S, SCAN_COST_FACTOR * (self._clock() - read_at))
        self._entries = self._name_entries()
        group_count = len(self._groups)
        self.every = 0.0 if group_count <= GROUPS_PER_SECOND else group_count / GROUPS_PER_SECOND

    def _name_entries(self) -> dict[Identity, Entry]:
        """Return the line of each group; a container whose name is not known yet has none."""
        entries = {}
        owners: dict[Entry, Identity] = {}
        for identity in self._groups:
            name = identity.name
            if identity.kind == CONTAINER:
                found = self._names.name(identity)
                if not found and self._finder is not None:
                    answer = self._finder.name(identity.id)
                    if answer is None:
                        self._next_scan = min(self._next_scan, self._clock() + RETRY_S)
                        continue
                    found = answer
                name = found or identity.id[:SHORT_ID_LENGTH]
            # A user has runtimes of their own, with names of their own.
            runtime = identity.runtime if identity.user is None else f"{identity.runtime} of {identity.user}"
            entry = Entry(identity.kind, plain_label(name) or "unnamed", runtime)
            if identity.kind == SERVICE and owners.setdefault(entry, identity) != identity:
                # Two units with one name after their escapes are replaced.
                entry = entry._replace(name=plain_label(identity.id))
            entries[identity] = entry
        if self._finder is not None:
            self.status_message = self._finder.status_message
        self._names.keep({identity.id for identity in self._groups})
        # Lines that are new appear in this order.
        order = sorted(entries, key=lambda identity: (entries[identity], identity))
        return {identity: entries[identity] for identity in order}

    def _read_cpu(self, read_at: float) -> dict[Entry, float]:
        seconds: dict[tuple[Identity, int], float] = {}
        for identity, folder in self._folders("cpu"):
            if (used := cpu_seconds(folder)) is not None:
                seconds[identity, folder.inode] = used
            elif (identity, folder.inode) in self._counting:
                self._next_scan = min(self._next_scan, read_at + RETRY_S)
        self._counting = seconds.keys()
        rates = self._cpu_rates.per_second(seconds, read_at)
        cores = max(1, self._cores())
        percents: dict[Entry, float] = {}
        for (identity, _), rate in rates.items():
            entry = self._entries[identity]
            percents[entry] = percents.get(entry, 0.0) + 100 * rate / cores
        # A tick that comes late makes it exceed 100 a little.
        return {entry: min(100.0, percent) for entry, percent in percents.items()}

    def _read_slow(self, read_at: float) -> None:
        values: dict[tuple[Entry, str], float] = {}

        def add(identity: Identity, quantity: str, amount: float) -> None:
            key = (self._entries[identity], quantity)
            values[key] = values.get(key, 0.0) + amount

        limits: dict[Entry, list[float | None]] = {}
        for identity, folder in self._folders("memory"):
            if (used := memory_bytes(folder)) is not None:
                add(identity, "memory", used)
                limits.setdefault(self._entries[identity], []).append(memory_limit(folder))
        self._set_limits(
            {entry: sum(filter(None, parts)) for entry, parts in limits.items() if None not in parts}
        )
        counters: dict[tuple[Identity, int, str], float] = {}
        for identity, folder in self._folders("io"):
            if identity.kind == CONTAINER:
                for quantity, count in self._disks.read(folder).items():
                    counters[identity, folder.inode, quantity] = count
        for (identity, _, quantity), rate in self._disk_rates.per_second(counters, read_at).items():
            add(identity, quantity, rate)
        self._slow_values = values

    def _set_limits(self, limits: dict[Entry, float]) -> None:
        """Describe the metrics again whose limit has changed."""
        for entry in self._limits.keys() | limits.keys():
            if self._limits.get(entry) != limits.get(entry):
                self._metrics.pop((entry, "memory"), None)
        self._limits = limits

    def _choose(self) -> None:
        memory = 1024 * (number_after(b"MemTotal:", read_file(f"{self._proc}/meminfo")) or 0)
        entries = dict.fromkeys(self._entries.values())
        self._shown = set()
        for kind, busiest in self._busiest.items():
            loads = {
                entry: self._cpu.get(entry, 0.0)
                + (100 * self._slow_values.get((entry, "memory"), 0.0) / memory if memory else 0.0)
                for entry in entries
                if entry.kind == kind
            }
            self._shown |= busiest.choose(loads)

    def _folders(self, role: str) -> Iterable[tuple[Identity, Folder]]:
        return (
            (identity, self._groups[identity][role])
            for identity in self._entries
            if role in self._groups[identity]
        )

    def _metric(self, entry: Entry, quantity: str) -> Metric:
        key = (entry, quantity)
        if key not in self._metrics:
            if len(self._metrics) > MAX_METRICS:
                # Containers that ran once would stay here for ever.
                self._forget()
            slug, label = self._slugs[entry.kind](NO_NAME), "Others"
            if entry.name:
                owner = self._owners.setdefault((entry.kind, entry.name), entry.runtime)
                label = entry.name if owner == entry.runtime else f"{entry.name} ({entry.runtime})"
                slug = self._slugs[entry.kind](label)
            unit = _UNITS[quantity]
            self._metrics[key] = Metric(
                f"{entry.kind}.{slug}.{quantity}",
                plain_label(label + _SUFFIXES.get(quantity, "")),
                unit,
                _PANELS[entry.kind][quantity],
                0.0,
                100.0 if unit == "%" else self._limits.get(entry) if quantity == "memory" else None,
            )
        return self._metrics[key]

    def _forget(self) -> None:
        """Forget the names of everything that has no line now."""
        self._metrics.clear()
        self._owners = {
            (entry.kind, entry.name): runtime
            for entry in self._shown
            if (runtime := self._owners.get((entry.kind, entry.name)))
        }
        for kind, slugs in self._slugs.items():
            names = [entry for entry in self._shown if entry.kind == kind]
            slugs.keep(
                {NO_NAME, *(entry.name for entry in names), *(f"{e.name} ({e.runtime})" for e in names)}
            )


def group_source(machine: MachineFiles) -> GroupSource:
    """Return the source of a machine; it asks Docker for names only if there is a socket."""
    names = ContainerNames(machine.root)
    if not machine.docker:
        return GroupSource(machine.sys, machine.proc, names)
    # Imported only if needed, because it needs an HTTP client.
    from dashapp.sources.system.groups.docker_api import DockerNames

    return GroupSource(machine.sys, machine.proc, names, DockerNames(machine.docker))


def machine_cores(sys: str = "/sys", proc: str = "/proc") -> int:
    """Return the number of CPUs that are online."""
    ranges = read_file(f"{sys}/devices/system/cpu/online").decode(errors="replace").strip()
    try:
        bounds = [part.partition("-") for part in ranges.split(",")]
        return sum(int(last or first) - int(first) + 1 for first, _, last in bounds)
    except ValueError:
        lines = read_file(f"{proc}/stat").split(b"\n")
        return sum(line[:3] == b"cpu" and line[3:4].isdigit() for line in lines) or os.cpu_count() or 1
