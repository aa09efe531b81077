"""The overlay: the histories of several hosts as one, by the store's clock.

A reader like any other, in which each metric carries its host's name. Points of the same time become one, and
the points of a host with a wrong clock move to the store's clock. The history ends at the last time that all
live hosts have reached; hosts that stopped do not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from dashapp.model.events import MAX_EVENTS, Event, EventLog
from dashapp.model.notices import PublicNotice
from dashapp.model.thresholds import AlertChange, AlertState
from dashapp.model.ticks import Cursor, Curves, Metric, stale_after
from dashapp.query.host_reader import ClockSkews
from dashapp.query.overlay_levels import LEVEL_SPANS_S, OverlayLevel, OverlaySnapshot
from dashapp.query.overlay_metrics import compared_metrics, host_metric
from dashapp.query.overlay_sync import (
    HostProgress,
    common_end,
    host_progress,
    lagging_hosts,
    newest_marks,
    read_all,
)
from dashapp.stores.base import Level, Reader, Snapshot
from dashapp.stores.document_kind import Document, Value
from dashapp.stores.documents import (
    CHANGES,
    CURVES,
    EVENTS,
    MAX_CHANGES,
    METRICS,
    PANEL_KINDS,
    THRESHOLDS,
    ZONE,
)
from dashapp.stores.hosts import HostStore, sorted_hosts

# Milliseconds in which a returning host may deliver its backlog. Cursors are not valid during that time.
CATCH_UP_MS = 10_000


class OverlayReader(Reader):
    """Combines `readers`, by host name. `missing` are requested names without a host."""

    lag_ms = 0

    def __init__(
        self, readers: Mapping[str, Reader], hosts: HostStore, skews: ClockSkews, missing: Sequence[str] = ()
    ) -> None:
        self._readers = dict(readers)
        self._hosts = hosts
        self._skews = skews
        self._missing = missing
        self._awaited_hosts: set[str] | None = None
        self._returned_ms = float("-inf")
        self._logs: list[tuple[str, EventLog, int]] = []
        self._events = EventLog()
        self._catalogues: list[list[Metric]] | None = None
        self._metrics: list[Metric] = []
        self._keys: dict[str, dict[str, str]] = {}
        self._levels = tuple(OverlayLevel(step, span, self) for step, span in LEVEL_SPANS_S)

    @property
    def is_loaded(self) -> bool:
        return all(reader.is_loaded for reader in self._readers.values())

    @property
    def failed_reads(self) -> int:
        return sum(reader.failed_reads for reader in self._readers.values())

    def now(self) -> float:
        """Return the time by the store's clock in seconds UTC: all points move to this clock."""
        return self._hosts.now_ms() / 1000

    def newest(self) -> Cursor:
        return self._cursor(self.progress())

    def snapshot(self) -> OverlaySnapshot:
        members = self.progress(read_all([*self._readers.values()], lambda reader: reader.snapshot()))
        return OverlaySnapshot(self._cursor(members), self, members)

    def levels(self) -> Sequence[Level]:
        return self._levels

    def read_document(self, document: Document[Value]) -> Value:
        """Return the combined document of all hosts. Deliveries stay with each host."""
        combine = self._COMBINED.get(document)
        if combine is None:
            return document.empty()
        value: Value = combine(self)
        return value

    def names_of(self, name: str) -> Mapping[str, str]:
        """Return the keys of a host's compared metrics in the overlay, by their own keys."""
        self._update_catalog()
        return self._keys[name]

    def offsets(self) -> dict[str, tuple[Reader, int]]:
        """Return each host's reader, and the milliseconds by which its clock is ahead."""
        return {member.name: (member.reader, member.offset_ms) for member in self.progress()}

    def _all_metrics(self) -> list[Metric]:
        self._update_catalog()
        return self._metrics

    def _all_panel_kinds(self) -> Mapping[str, str]:
        return {
            panel: kind for reader in self._readers.values() for panel, kind in reader.panel_kinds().items()
        }

    def _common_zone(self) -> str:
        """Return the time zone of all hosts; empty text if they have several."""
        zones = {reader.read_document(ZONE) for reader in self._readers.values()}
        return zones.pop() if len(zones) == 1 else ""

    def _all_curves(self) -> Mapping[str, Curves]:
        combined: dict[str, Curves] = {}
        for name, reader in self._readers.items():
            for panel, curves in reader.curves().items():
                labelled = replace(curves, names=[f"{name} {label}".strip() for label in curves.names])
                first = combined.get(panel)
                if first is None:
                    combined[panel] = labelled
                elif first.unit == curves.unit:
                    joined: dict[str, Any] = {
                        part: getattr(first, part) + getattr(labelled, part) for part in ("x", "y", "names")
                    }
                    combined[panel] = replace(first, **joined)
        return combined

    def _all_thresholds(self) -> list[AlertState]:
        states = []
        for name, (reader, offset_ms) in self.offsets().items():
            keys = self.names_of(name)
            for state in reader.thresholds():
                if key := keys.get(state.threshold.metric):
                    since = None if state.since is None else state.since - offset_ms / 1000
                    states.append(AlertState(replace(state.threshold, metric=key), state.firing, since))
        return states

    def _all_changes(self) -> list[AlertChange]:
        """Return the changes of all hosts by one clock.

        They are numbered so that the newest gets another number whenever a change arrives.
        """
        changes: list[AlertChange] = []
        count = 0
        for name, (reader, offset_ms) in self.offsets().items():
            keys, log = self.names_of(name), reader.changes()
            count += log[-1].number if log else 0
            for change in log:
                if key := keys.get(change.threshold.metric):
                    limit = replace(change.threshold, metric=key)
                    changes.append(replace(change, threshold=limit, time=change.time - offset_ms / 1000))
        changes = sorted(changes, key=lambda change: change.time)[-MAX_CHANGES:]
        first = count - len(changes) + 1
        return [replace(change, number=first + index) for index, change in enumerate(changes)]

    def _all_events(self) -> EventLog:
        """Return the events of all hosts by one clock, each with the name of its host.

        They are numbered like changes. Every frame reads them, so they are combined only if one log differs.
        """
        logs = [(name, reader.events(), offset) for name, (reader, offset) in self.offsets().items()]
        if logs != self._logs:
            count = sum(log.events[-1].number for _name, log, _offset in logs if log.events)
            events = [
                Event(event.time_ms - offset, f"{name}: {event.text}", event.kind)
                for name, log, offset in logs
                for event in log.events
            ]
            events = sorted(events, key=lambda event: event.time_ms)[-MAX_EVENTS:]
            first = count - len(events) + 1
            numbered = (replace(event, number=first + index) for index, event in enumerate(events))
            self._events, self._logs = EventLog(tuple(numbered)), logs
        return self._events

    _COMBINED: ClassVar[Mapping[Document[Any], Callable[[OverlayReader], Any]]] = {
        METRICS: _all_metrics,
        PANEL_KINDS: _all_panel_kinds,
        CURVES: _all_curves,
        THRESHOLDS: _all_thresholds,
        CHANGES: _all_changes,
        EVENTS: _all_events,
        ZONE: _common_zone,
    }

    def notices(self) -> list[str]:
        notices = [*self._hosts.notices()]
        for name, reader in self._readers.items():
            notices += [
                type(notice)(f"{name}: {notice}") for notice in reader.notices() if notice not in notices
            ]
        hosts, now = sorted_hosts(self._hosts), self._hosts.now_ms()
        skews = [skew for name in self._readers if (skew := self._skews.describe_skew(name))]
        if skews:
            notices.append(PublicNotice(f"{_join_notices(skews)}; the points are moved to match."))
        stopped = [
            name
            for name in self._readers
            if name in hosts and hosts[name].silence_ms(now) > 1000 * stale_after(hosts[name].step)
        ]
        # If the store itself is silent, the hosts that stopped are unknown.
        if stopped and not self._hosts.notices():
            notices.append(PublicNotice(f"{', '.join(stopped)} stopped sending data."))
        if self._missing:
            missing = ", ".join(self._missing)
            notices.append(PublicNotice(f"There is no host {missing} in this store; the others are shown."))
        return notices

    def close(self) -> None:
        """Do nothing: the store of many hosts closes its readers."""

    def _update_catalog(self) -> None:
        catalogues = [reader.metrics() for reader in self._readers.values()]
        if catalogues != self._catalogues:
            combined = compared_metrics(dict(zip(self._readers, catalogues, strict=True)))
            self._keys = {
                name: {metric.key: host_metric(name, metric).key for metric in metrics}
                for name, metrics in combined.items()
            }
            alone = {
                (name, metric.panel): sum(other.panel == metric.panel for other in metrics) == 1
                for name, metrics in combined.items()
                for metric in metrics
            }
            self._metrics = [
                host_metric(name, metric, alone[name, metric.panel])
                for name, metrics in combined.items()
                for metric in metrics
            ]
            self._catalogues = catalogues

    def progress(self, snapshots: Sequence[Snapshot] | None = None) -> list[HostProgress]:
        """Return each host's progress, at its snapshot if there are snapshots."""
        hosts = sorted_hosts(self._hosts)
        now = self._hosts.now_ms()
        readers = [*self._readers.values()]
        moments: Sequence[Snapshot | None] = snapshots or [None] * len(readers)
        marks = [snapshot.cursor for snapshot in snapshots] if snapshots else newest_marks(readers)
        members = [
            host_progress(name, reader, mark, hosts.get(name), now, self._skews, snapshot)
            for (name, reader), mark, snapshot in zip(self._readers.items(), marks, moments, strict=True)
        ]
        waited_for = {member.name for member in lagging_hosts(members)}
        if self._awaited_hosts is not None and waited_for - self._awaited_hosts:
            self._returned_ms = now
        self._awaited_hosts = waited_for
        return members

    def _cursor(self, members: Sequence[HostProgress]) -> Cursor:
        return Cursor(self._generation(members), common_end(members))

    def _generation(self, members: Sequence[HostProgress]) -> str:
        """Return an identifier that is the same for the same view of the hosts.

        It changes while a returning host may still deliver older ticks.
        """
        returning = self._hosts.now_ms() - self._returned_ms < CATCH_UP_MS
        state = [returning, *((member.name, member.generation, member.offset_ms) for member in members)]
        return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def _join_notices(parts: Sequence[str]) -> str:
    sentence = ", ".join(parts)
    return sentence[0].upper() + sentence[1:]
