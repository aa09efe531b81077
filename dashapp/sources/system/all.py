"""All sources that work on this machine, in the order of their lines in a panel."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from dashapp.sources.base import Source
from dashapp.sources.polling import BackgroundSource, CachedSource
from dashapp.sources.system.connections import ConnectionSource
from dashapp.sources.system.container import ContainerSource
from dashapp.sources.system.cpu import CpuSource, FrequencySource
from dashapp.sources.system.disk import DiskSource
from dashapp.sources.system.filesystem import FilesystemSource, PsutilMounts, psutil_size
from dashapp.sources.system.load import LoadSource, PressureSource
from dashapp.sources.system.memory import MemorySource
from dashapp.sources.system.network import NetworkSource
from dashapp.sources.system.processes import ProcessSource, UptimeSource
from dashapp.sources.system.sensors import SensorSource, has_sensors

log = logging.getLogger("dashapp")

SourceFactory = Callable[[], Source]

COMMON_SOURCES: tuple[SourceFactory, ...] = (
    CpuSource,
    LoadSource,
    MemorySource,
    DiskSource,
    NetworkSource,
    UptimeSource,
    lambda: CachedSource(FrequencySource(), every=5.0),
    lambda: CachedSource(ProcessSource(), every=5.0),
)
LINUX_SOURCES: tuple[SourceFactory, ...] = (
    # The container is first, so that in a shared panel the host is the second line.
    ContainerSource,
    *COMMON_SOURCES,
    PressureSource,
    lambda: CachedSource(ConnectionSource(), every=10.0),
    # Disks and chips on a slow bus can block. The other sources read values that the kernel has in memory.
    lambda: BackgroundSource(FilesystemSource(), every=10.0),
)
OTHER_SOURCES: tuple[SourceFactory, ...] = (
    *COMMON_SOURCES,
    lambda: BackgroundSource(FilesystemSource(PsutilMounts(), psutil_size), every=10.0),
)


def system_sources() -> list[Source]:
    """Return new sources for this machine, without those that fail on it.

    Each has read its counters, so that the first reading has true rates.
    """
    is_linux = Path("/proc/self").is_dir()
    factories: list[SourceFactory] = list(LINUX_SOURCES if is_linux else OTHER_SOURCES)
    if has_sensors() or not is_linux:
        factories.append(lambda: BackgroundSource(SensorSource(), every=5.0))
    return available_sources(factories)


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
