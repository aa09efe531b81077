"""Readers for a page without a login: no mount points, names of containers or alert rules.

A page or an API on top of these readers cannot show more, for any request.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from dashapp.model.columns import Columns
from dashapp.model.events import BOOT, GAP, EventLog
from dashapp.model.panels import Panel
from dashapp.model.runs import Run
from dashapp.model.ticks import Cursor, Metric, Tick
from dashapp.stores.base import Level, Reader, Snapshot, TopLevel
from dashapp.stores.document_kind import Document, Value
from dashapp.stores.documents import (
    CHANGES,
    CLOCK_STEPS,
    CURVES,
    EVENTS,
    METRICS,
    PANEL_KINDS,
    RUNS,
    THRESHOLDS,
    ZONE,
)
from dashapp.stores.hosts import Host, HostStore
from dashapp.stores.proxy import LevelProxy, ReaderProxy

# Keys that contain a mount point. Every machine has the root.
MOUNT_PREFIX, ROOT_KEY = "filesystem.", "filesystem.root.percent"

# Keys with the name of a container, of a service, or of a user. The first part alone is not enough: the
# container that dashapp runs in has keys without a name.
_NAMED_GROUP = re.compile(r"container\.[^.]+\.(cpu|memory|read|write)|service\.[^.]+\.(cpu|memory|failed)")
# Patterns of all file systems.
MOUNT_PATTERNS = ("filesystem.*", "filesystem.*.percent")


class PublicReader(ReaderProxy):
    """A reader that gives numbers to the file systems of `store`, and hides its alert rules.

    `shows_processes`: whether it shows the names of processes.
    """

    def __init__(self, store: Reader, shows_processes: bool = False) -> None:
        self._store = store
        self._shows_processes = shows_processes
        self._names = PublicNames(())
        self._catalogue: list[Metric] = []

    def reader(self) -> Reader:
        return self._store

    def newest(self) -> Cursor:
        return self.names().cursor(self._store.newest())

    def snapshot(self) -> Snapshot:
        return _PublicSnapshot(self._store.snapshot(), self.names())

    def levels(self) -> Sequence[Level]:
        return [_PublicLevel(level, self.names()) for level in self._store.levels()]

    def top_levels(self) -> Sequence[TopLevel]:
        return self._store.top_levels() if self._shows_processes else ()

    def read_document(self, document: Document[Value]) -> Value:
        """Return the public part of a document; nothing of one without a filter here."""
        visible = self._FILTERS.get(document)
        if visible is None:
            return document.empty()
        value: Value = visible(self, self._store.read_document(document))
        return value

    def names(self) -> PublicNames:
        """Return the public names of the metrics in the catalogue."""
        catalogue = self._store.metrics()
        if catalogue != self._catalogue:
            self._names, self._catalogue = PublicNames(catalogue), catalogue
        return self._names

    def _public_metrics(self, metrics: Sequence[Metric]) -> list[Metric]:
        return self.names().metrics(metrics)

    def _runs_without_config(self, runs: Sequence[Run]) -> list[Run]:
        """A configuration can contain paths and addresses."""
        return [replace(run, config={}) for run in runs]

    def _unchanged(self, value: object) -> object:
        return value

    def _public_events(self, log: EventLog) -> EventLog:
        return public_events(log)

    _FILTERS: ClassVar[Mapping[Document[Any], Callable[..., Any]]] = {
        METRICS: _public_metrics,
        PANEL_KINDS: _unchanged,
        CURVES: _unchanged,
        ZONE: _unchanged,
        EVENTS: _public_events,
        RUNS: _runs_without_config,
    }


class GraphReader(ReaderProxy):
    """A reader that shows what the LiveGraphs of an application draw.

    It shows no configurations of runs and no comments. `is_public`: everybody can see the application, so it
    also shows no marks of people.
    """

    _VISIBLE = frozenset((METRICS, PANEL_KINDS, CURVES, ZONE, THRESHOLDS, CHANGES, CLOCK_STEPS, EVENTS))

    def __init__(self, store: Reader, is_public: bool) -> None:
        self._store = store
        self._is_public = is_public

    def reader(self) -> Reader:
        return self._store

    def top_levels(self) -> Sequence[TopLevel]:
        return ()

    def read_document(self, document: Document[Value]) -> Value:
        """Return a document; nothing of one that no LiveGraph draws."""
        if document not in self._VISIBLE:
            return document.empty()
        value: Any = self._store.read_document(document)
        return public_events(value) if self._is_public and document is EVENTS else value  # type: ignore[return-value]


class PublicNames:
    """The public keys of metrics whose own keys contain a mount point.

    >>> names = PublicNames([Metric("filesystem.srv-plan.percent", "/srv/plan", "%", "filesystem")])
    >>> names.visible({"filesystem.srv-plan.percent": 4.0, "filesystem.unknown.percent": 5.0})
    {'filesystem.disk1.percent': 4.0}
    """

    def __init__(self, catalogue: Iterable[Metric]) -> None:
        private = [metric for metric in catalogue if _is_mount_key(metric.key)]
        self._renamed = {
            metric.key: replace(metric, key=f"{MOUNT_PREFIX}disk{number}.percent", label=f"Disk {number}")
            for number, metric in enumerate(private, 1)
        }
        self._public = {key: metric.key for key, metric in self._renamed.items()}
        self._private = {public: key for key, public in self._public.items()}

    def cursor(self, cursor: Cursor) -> Cursor:
        """Return the cursor in another generation for other names: a key may now be another disk's."""
        if not self._public:
            return cursor
        names = repr((cursor.generation, [*self._public]))
        return cursor._replace(generation=hashlib.sha256(names.encode()).hexdigest()[:16])

    def metrics(self, metrics: Iterable[Metric]) -> list[Metric]:
        return [self._renamed.get(metric.key, metric) for metric in metrics if self._is_visible(metric.key)]

    def visible(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the values by public key, without those that have none."""
        return {self._public.get(key, key): value for key, value in values.items() if self._is_visible(key)}

    def tick(self, tick: Tick | None) -> Tick | None:
        return tick and Tick(tick.time, tick.step, self.visible(tick.values))

    def keys(self, public: Sequence[str] | None) -> list[str] | None:
        """Return the own keys of the metrics with these public keys; None for all metrics."""
        if public is None:
            return None
        return [
            self._private.get(key, key) for key in public if key in self._private or not is_private_key(key)
        ]

    def columns(self, columns: Columns) -> Columns:
        """Return the columns by public key, without those that have none."""
        if not any(map(is_private_key, columns.keys)):
            return columns
        visible = [key for key in columns.keys if self._is_visible(key)]
        return columns.select(visible).shifted(0, {key: self._public.get(key, key) for key in visible})

    def _is_visible(self, key: str) -> bool:
        return key in self._public or not is_private_key(key)


def public_panels(panels: Iterable[Panel]) -> list[Panel]:
    """Return panels without the patterns of single mount points, which the page contains."""
    return [
        replace(panel, metrics=_public_patterns(panel.metrics), right=_public_patterns(panel.right))
        for panel in panels
    ]


def _public_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    return tuple(pattern for pattern in patterns if not is_private_key(pattern) or pattern in MOUNT_PATTERNS)


def public_events(log: EventLog) -> EventLog:
    """Return the events that explain a chart, without what people wrote and the names of hosts."""
    return EventLog(tuple(event for event in log.events if event.kind in (BOOT, GAP)))


def is_private_key(key: str) -> bool:
    """Return whether a key of this machine contains a mount point or the name of a group."""
    return _is_mount_key(key) or _NAMED_GROUP.fullmatch(key) is not None


def _is_mount_key(key: str) -> bool:
    return key.startswith(MOUNT_PREFIX) and key != ROOT_KEY


class _PublicSnapshot(Snapshot):
    """A store at one moment, by public names."""

    def __init__(self, snapshot: Snapshot, names: PublicNames) -> None:
        self._snapshot = snapshot
        self._names = names
        self.cursor = names.cursor(snapshot.cursor)
        self.newest = names.tick(snapshot.newest)

    def ticks(self, start: int, end: int, metrics: Sequence[str] | None) -> tuple[Columns, bool]:
        columns, is_complete = self._snapshot.ticks(start, end, self._names.keys(metrics))
        return self._names.columns(columns), is_complete

    def is_in_memory(self, start: int) -> bool:
        return self._snapshot.is_in_memory(start)

    def levels(self) -> Sequence[Level]:
        return [_PublicLevel(level, self._names) for level in self._snapshot.levels()]


class _PublicLevel(LevelProxy):
    """One level of a store, by public names."""

    def __init__(self, level: Level, names: PublicNames) -> None:
        super().__init__(level)
        self._names = names

    def columns(self, start: int, end: int, metrics: Sequence[str] | None) -> Columns:
        return self._names.columns(self._level.columns(start, end, self._names.keys(metrics)))


def _public_host(host: Host) -> Host:
    if not any(map(is_private_key, host.values)):
        return host
    return replace(host, values={key: value for key, value in host.values.items() if not is_private_key(key)})


class PublicHosts(HostStore):
    """A store of many hosts whose readers are public."""

    def __init__(self, hosts: HostStore, shows_processes: bool = False) -> None:
        self._hosts = hosts
        self._shows_processes = shows_processes
        # The list of the store, and its public form. Each request needs it several times, and there can be
        # 10,000 hosts.
        self._listing: tuple[list[Host], list[Host]] = ([], [])

    @property
    def is_loaded(self) -> bool:
        return self._hosts.is_loaded

    def hosts(self) -> list[Host]:
        listed = self._hosts.hosts()
        known, public = self._listing
        if listed is not known:
            public = [_public_host(host) for host in listed]
            self._listing = listed, public
        return public

    def now_ms(self) -> int:
        return self._hosts.now_ms()

    def reader(self, name: str) -> Reader | None:
        reader = self._hosts.reader(name)
        return None if reader is None else PublicReader(reader, self._shows_processes)

    def notices(self) -> list[str]:
        return self._hosts.notices()
