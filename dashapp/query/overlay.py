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

from dashapp.model.notices import PublicNotice
from dashapp.model.thresholds import AlertChange, AlertState
from dashapp.model.ticks import Cursor, Curves, Metric, Tick, stale_after, to_milliseconds
from dashapp.query.host_reader import ClockSkews
from dashapp.query.overlay_levels import LEVEL_SPANS_S, OverlayLevel
from dashapp.query.overlay_metrics import compared_metrics, host_metric
from dashapp.query.overlay_sync import (
    MAX_TICKS_AHEAD,
    HostProgress,
    common_end,
    host_progress,
    lagging_hosts,
    newest_marks,
)
from dashapp.stores.base import MAX_CHANGES, Level, Reader
from dashapp.stores.documents import CHANGES, CURVES, METRICS, PANEL_KINDS, THRESHOLDS, Document, Value
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
        self._awaited: set[str] | None = None
        self._returned = float("-inf")
        self._catalogues: list[list[Metric]] | None = None
        self._metrics: list[Metric] = []
        self._named: dict[str, dict[str, str]] = {}
        self._points = tuple(OverlayLevel(step, span, self) for step, span in LEVEL_SPANS_S)

    def now(self) -> float:
        """Return the time by the store's clock in seconds UTC: all points move to this clock."""
        return self._hosts.now_ms() / 1000

    def newest(self) -> Cursor:
        members = self._progress()
        return Cursor(self._generation(members), common_end(members))

    def since(self, time: float, limit: int) -> list[Tick]:
        members = self._progress()
        end = common_end(members)
        found: dict[int, tuple[float, dict[str, float]]] = {}
        for member in members:
            named = self.names_of(member.name)
            for tick in member.reader.since(time + member.offset_ms / 1000, limit + MAX_TICKS_AHEAD):
                at = to_milliseconds(tick.time) - member.offset_ms
                if at > end:
                    break
                step, values = found.setdefault(at, (tick.step, {}))
                if tick.step < step:
                    found[at] = (tick.step, values)
                values.update((named[key], value) for key, value in tick.values.items() if key in named)
        return [Tick(at / 1000, *found[at]) for at in sorted(found)[-limit:]]

    def levels(self) -> Sequence[Level]:
        return self._points

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
        return self._named[name]

    def offsets(self) -> dict[str, tuple[Reader, int]]:
        """Return each host's reader, and the milliseconds by which its clock is ahead."""
        return {member.name: (member.reader, member.offset_ms) for member in self._progress()}

    def _all_metrics(self) -> list[Metric]:
        self._update_catalog()
        return self._metrics

    def _all_panel_kinds(self) -> Mapping[str, str]:
        return {
            panel: kind for reader in self._readers.values() for panel, kind in reader.panel_kinds().items()
        }

    def _all_curves(self) -> Mapping[str, Curves]:
        laid: dict[str, Curves] = {}
        for name, reader in self._readers.items():
            for panel, own in reader.curves().items():
                told = replace(own, names=[f"{name} {each}".strip() for each in own.names])
                first = laid.get(panel)
                if first is None:
                    laid[panel] = told
                elif first.unit == own.unit:
                    more: dict[str, Any] = {
                        part: getattr(first, part) + getattr(told, part) for part in ("x", "y", "names")
                    }
                    laid[panel] = replace(first, **more)
        return laid

    def _all_thresholds(self) -> list[AlertState]:
        states = []
        for name, (reader, shift) in self.offsets().items():
            named = self.names_of(name)
            for state in reader.thresholds():
                if key := named.get(state.threshold.metric):
                    since = None if state.since is None else state.since - shift / 1000
                    states.append(AlertState(replace(state.threshold, metric=key), state.firing, since))
        return states

    def _all_changes(self) -> list[AlertChange]:
        """Return the changes of all hosts by one clock.

        They are numbered so that the newest gets another number whenever a change arrives.
        """
        found: list[AlertChange] = []
        count = 0
        for name, (reader, shift) in self.offsets().items():
            named, own = self.names_of(name), reader.changes()
            count += own[-1].number if own else 0
            for each in own:
                if key := named.get(each.threshold.metric):
                    limit = replace(each.threshold, metric=key)
                    found.append(replace(each, threshold=limit, time=each.time - shift / 1000))
        found = sorted(found, key=lambda change: change.time)[-MAX_CHANGES:]
        first = count - len(found) + 1
        return [replace(each, number=first + place) for place, each in enumerate(found)]

    _COMBINED: ClassVar[Mapping[Document[Any], Callable[[OverlayReader], Any]]] = {
        METRICS: _all_metrics,
        PANEL_KINDS: _all_panel_kinds,
        CURVES: _all_curves,
        THRESHOLDS: _all_thresholds,
        CHANGES: _all_changes,
    }

    def notices(self) -> list[str]:
        said = [*self._hosts.notices()]
        for name, reader in self._readers.items():
            said += [type(notice)(f"{name}: {notice}") for notice in reader.notices() if notice not in said]
        known, now = sorted_hosts(self._hosts), self._hosts.now_ms()
        skews = [told for name in self._readers if (told := self._skews.describe_skew(name))]
        if skews:
            said.append(PublicNotice(f"{_join_notices(skews)}; the points are moved to match."))
        stopped = [
            name
            for name in self._readers
            if name in known and now - known[name].arrived_ms > 1000 * stale_after(known[name].step)
        ]
        # If the store itself is silent, the hosts that stopped are unknown.
        if stopped and not self._hosts.notices():
            of = "it" if len(stopped) == 1 else "them"
            said.append(PublicNotice(f"{', '.join(stopped)} stopped: nothing new comes of {of}."))
        if self._missing:
            missing = ", ".join(self._missing)
            said.append(PublicNotice(f"There is no host {missing} in this store; the others are shown."))
        return said

    def close(self) -> None:
        """Do nothing: the store of many hosts closes its readers."""

    def _update_catalog(self) -> None:
        catalogues = [reader.metrics() for reader in self._readers.values()]
        if catalogues != self._catalogues:
            laid = compared_metrics(dict(zip(self._readers, catalogues, strict=True)))
            self._named = {
                name: {metric.key: host_metric(name, metric).key for metric in metrics}
                for name, metrics in laid.items()
            }
            alone = {
                (name, metric.panel): sum(each.panel == metric.panel for each in metrics) == 1
                for name, metrics in laid.items()
                for metric in metrics
            }
            self._metrics = [
                host_metric(name, metric, alone[name, metric.panel])
                for name, metrics in laid.items()
                for metric in metrics
            ]
            self._catalogues = catalogues

    def _progress(self) -> list[HostProgress]:
        known = sorted_hosts(self._hosts)
        now = self._hosts.now_ms()
        marks = zip(self._readers.items(), newest_marks([*self._readers.values()]), strict=True)
        members = [
            host_progress(name, reader, mark, known.get(name), now, self._skews)
            for (name, reader), mark in marks
        ]
        waited_for = {member.name for member in lagging_hosts(members)}
        if self._awaited is not None and waited_for - self._awaited:
            self._returned = now
        self._awaited = waited_for
        return members

    def _generation(self, members: Sequence[HostProgress]) -> str:
        """Return an identifier that is the same for the same view of the hosts.

        It changes while a returning host may still deliver older ticks.
        """
        returning = self._hosts.now_ms() - self._returned < CATCH_UP_MS
        told = [returning, *((member.name, member.generation, member.offset_ms) for member in members)]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _join_notices(parts: Sequence[str]) -> str:
    whole = ", ".join(parts)
    return whole[0].upper() + whole[1:]
