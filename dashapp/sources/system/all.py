"""All sources that work on this machine, in the order of their lines in a panel."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from dashapp.sources.base import Source
from dashapp.sources.polling import BackgroundSource, CachedSource
from dashapp.sources.spec import OWN_MACHINE, MachineFiles
from dashapp.sources.system.connections import ConnectionSource
from dashapp.sources.system.container import ContainerSource, GroupCpu
from dashapp.sources.system.cpu import CpuSource, FrequencySource, cpu_counts
from dashapp.sources.system.disk import DiskSource, ProcDisks, disk_counts
from dashapp.sources.system.filesystem import FilesystemSource, ProcMounts, PsutilMounts, psutil_size
from dashapp.sources.system.gpu.source import gpu_sources
from dashapp.sources.system.groups.failed_units import INTERVAL_S, FailedUnitsSource, is_booted_by_systemd
from dashapp.sources.system.groups.source import group_source
from dashapp.sources.system.load import LoadSource, PressureSource
from dashapp.sources.system.memory import MemorySource, memory_amounts
from dashapp.sources.system.network import NetworkSource, ProcNetwork, network_counts
from dashapp.sources.system.processes import ProcessSource, UptimeSource
from dashapp.sources.system.sensors import SensorSource, has_sensors
from dashapp.sources.system.topology import base_disks, base_links

log = logging.getLogger("dashapp")

SourceFactory = Callable[[], Source]


def system_sources(machine: MachineFiles = OWN_MACHINE) -> list[Source]:
    """Return new sources for this machine, without those that fail on it.

    Each has read its counters, so that the first reading has true rates.
    """
    is_linux = Path(machine.proc, "self").is_dir()
    factories = _linux_factories(machine) if is_linux else _other_factories()
    if has_sensors(machine.sys) or not is_linux:
        factories.append(lambda: BackgroundSource(SensorSource(), every=5.0))
    return [*available_sources(factories), *gpu_sources(machine)]


def _linux_factories(machine: MachineFiles) -> list[SourceFactory]:
    proc, sys = machine.proc, machine.sys
    has_systemd = machine.is_own and is_booted_by_systemd()
    # The container is first, so that in a shared panel the host is the second line.
    own = [lambda: ContainerSource(proc)] if machine.is_own else []
    return [
        *own,
        lambda: CpuSource(cpu_counts(proc), group=GroupCpu(proc) if machine.is_own else None),
        lambda: LoadSource(proc),
        lambda: MemorySource(memory_amounts(proc)),
        lambda: _disk_source(machine),
        lambda: _network_source(machine),
        lambda: UptimeSource(proc),
        lambda: CachedSource(FrequencySource(proc, sys), every=5.0),
        lambda: CachedSource(ProcessSource(proc), every=5.0),
        lambda: PressureSource(proc),
        lambda: CachedSource(ConnectionSource(machine.network_proc), every=10.0),
        # Disks, chips on a slow bus and thousands of groups can block. The other sources read values that the
        # kernel has in memory.
        lambda: BackgroundSource(FilesystemSource(ProcMounts(machine.mounts), root=machine.root), every=10.0),
        lambda: BackgroundSource(group_source(machine)),
        # This machine's own systemd, whatever the folders are.
        *([lambda: BackgroundSource(FailedUnitsSource(), every=INTERVAL_S)] if has_systemd else []),
    ]


def _other_factories() -> list[SourceFactory]:
    return [
        CpuSource,
        LoadSource,
        MemorySource,
        DiskSource,
        NetworkSource,
        UptimeSource,
        lambda: CachedSource(FrequencySource(), every=5.0),
        lambda: CachedSource(ProcessSource(), every=5.0),
        lambda: BackgroundSource(FilesystemSource(PsutilMounts(), psutil_size), every=10.0),
    ]


def _disk_source(machine: MachineFiles) -> Source:
    counts = disk_counts(machine.proc)
    is_linux = isinstance(counts, ProcDisks)
    return DiskSource(counts, select=partial(base_disks, sys=machine.sys) if is_linux else None)


def _network_source(machine: MachineFiles) -> Source:
    counts = network_counts(machine.network_proc)
    is_linux = isinstance(counts, ProcNetwork)
    return NetworkSource(counts, select=partial(base_links, sys=machine.sys) if is_linux else None)


def available_sources(factories: Sequence[SourceFactory]) -> list[Source]:
    """Return the sources that can be created; log the reason for the others."""
    sources = []
    for factory in factories:
        try:
            sources.append(factory())
        except Exception as error:
            # A platform may lack anything; the other sources work without it.
            log.info("a source is not available: %s", error)
    return sources
