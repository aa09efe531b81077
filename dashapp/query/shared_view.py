"""A shared view: some panels over some time range, and a reader that shows nothing else.

A page or an API on top of this reader cannot show more than the view, for any request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dashapp.model.columns import Columns
from dashapp.model.events import EventLog
from dashapp.model.formulas.chart_formulas import visible_inputs
from dashapp.model.panels import Panel, keys_of_panels
from dashapp.model.thresholds import AlertChange, AlertState
from dashapp.model.ticks import Cursor, Curves, Metric, Tick, to_milliseconds
from dashapp.query.public_reader import public_events
from dashapp.stores.base import FOREVER_MS, Level, Reader, Snapshot
from dashapp.stores.document_kind import Document, Value
from dashapp.stores.documents import CHANGES, CURVES, EVENTS, METRICS, PANEL_KINDS, THRESHOLDS, ZONE
from dashapp.stores.proxy import LevelProxy


@dataclass(frozen=True, slots=True)
class SharedView:
    """The panels and the metrics of a share link, and their time range.

    `panels` are names. `metrics` are keys, for charts that the user built.

    The range is the newest `window` seconds or, if set, `time_range`: (start, end] in epoch milliseconds.
    """

    panels: tuple[str, ...]
    window: float
    time_range: tuple[int, int] | None = None
    metrics: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return (self.time_range[1] - self.time_range[0]) / 1000 if self.time_range else self.window


class SharedViewReader(Reader):
    """A reader that restricts `store` to a view."""

    def __init__(self, store: Reader, view: SharedView, chosen: Sequence[Panel] = ()) -> None:
        """`chosen`: the panels that the settings add to the built-in ones."""
        self._store = store
        self._chosen = chosen
        self.view = view

    @property
    def lag_ms(self) -> int:
        return self._store.lag_ms

    @property
    def is_loaded(self) -> bool:
        return self._store.is_loaded

    @property
    def failed_reads(self) -> int:
        return self._store.failed_reads

    def newest(self) -> Cursor:
        return self._visible_cursor(self._store.newest())

    def snapshot(self) -> Snapshot:
        snapshot = self._store.snapshot()
        start, end = self._time_range(snapshot.cursor)
        return _SharedSnapshot(snapshot, self._visible_cursor(snapshot.cursor), start, end, self._keys())

    def levels(self) -> Sequence[Level]:
        return self.snapshot().levels()

    def read_document(self, document: Document[Value]) -> Value:
        """Return the visible part of a document; nothing of one without a filter here."""
        visible = self._FILTERS.get(document)
        if visible is None:
            return document.empty()
        value: Value = visible(self, self._store.read_document(document))
        return value

    def _visible_metrics(self, metrics: Sequence[Metric]) -> list[Metric]:
        chosen = {*self.view.metrics, *visible_inputs(self.view.metrics)}
        keys = keys_of_panels(self.view.panels, metrics, self._chosen) | chosen
        return [metric for metric in metrics if metric.key in keys]

    def _visible_panel_kinds(self, kinds: Mapping[str, str]) -> Mapping[str, str]:
        return _allowed_only(kinds, self.view.panels)

    def _visible_curves(self, curves: Mapping[str, Curves]) -> Mapping[str, Curves]:
        return {} if self.view.time_range else _allowed_only(curves, self.view.panels)

    def _visible_thresholds(self, states: Sequence[AlertState]) -> list[AlertState]:
        keys = self._keys()
        return [state for state in states if state.threshold.metric in keys]

    def _visible_changes(self, changes: Sequence[AlertChange]) -> list[AlertChange]:
        start, end = self._time_range(self._store.newest())
        keys = self._keys()
        return [
            change
            for change in changes
            if change.threshold.metric in keys and start < to_milliseconds(change.time) <= end
        ]

    def _visible_events(self, log: EventLog) -> EventLog:
        start, end = self._time_range(self._store.newest())
        events = public_events(log).events
        return EventLog(tuple(event for event in events if start < event.time_ms <= end))

    _FILTERS: ClassVar[Mapping[Document[Any], Callable[..., Any]]] = {
        METRICS: _visible_metrics,
        PANEL_KINDS: _visible_panel_kinds,
        CURVES: _visible_curves,
        THRESHOLDS: _visible_thresholds,
        CHANGES: _visible_changes,
        ZONE: lambda _reader, zone: zone,
        EVENTS: _visible_events,
    }

    def notices(self) -> list[str]:
        """Return nothing: only the operator sees what is wrong with the server."""
        return []

    def close(self) -> None: ...

    def _visible_cursor(self, newest: Cursor) -> Cursor:
        end = self.view.time_range[1] if self.view.time_range else FOREVER_MS
        return newest._replace(time_ms=min(newest.time_ms, end))

    def _time_range(self, newest: Cursor) -> tuple[int, int]:
        if self.view.time_range:
            return self.view.time_range
        return newest.time_ms - to_milliseconds(self.view.window), FOREVER_MS

    def _keys(self) -> frozenset[str]:
        return frozenset(metric.key for metric in self.metrics())


class _SharedSnapshot(Snapshot):
    """A store at one moment, restricted to (start, end] and `keys`."""

    def __init__(
        self, snapshot: Snapshot, cursor: Cursor, start: int, end: int, keys: frozenset[str]
    ) -> None:
        self.cursor = cursor
        self._snapshot = snapshot
        self._start = start
        self._end = end
        self._keys = keys
        self.newest = self._visible_tick(snapshot.newest)

    def ticks(self, start: int, end: int, metrics: Sequence[str] | None) -> tuple[Columns, bool]:
        keys = _allowed_keys(metrics, self._keys)
        return self._snapshot.ticks(max(start, self._start), min(end, self._end), keys)

    def is_in_memory(self, start: int) -> bool:
        return self._snapshot.is_in_memory(max(start, self._start))

    def levels(self) -> Sequence[Level]:
        return [_SharedLevel(level, self._start, self._end, self._keys) for level in self._snapshot.levels()]

    def _visible_tick(self, newest: Tick | None) -> Tick | None:
        if newest is not None and to_milliseconds(newest.time) <= self._end:
            return Tick(newest.time, newest.step, _allowed_only(newest.values, self._keys))
        ticks, _is_complete = self.ticks(self._start, self._end, None)
        return ticks.between(ticks.t[-1] - 1, self._end).ticks()[0] if len(ticks.t) else None


class _SharedLevel(LevelProxy):
    """One level of a store, restricted to a view."""

    def __init__(self, level: Level, start: int, end: int, keys: frozenset[str]) -> None:
        super().__init__(level)
        self._start = start
        self._end = end
        self._keys = keys

    def columns(self, start: int, end: int, metrics: Sequence[str] | None) -> Columns:
        keys = _allowed_keys(metrics, self._keys)
        return self._level.columns(max(start, self._start), min(end, self._end), keys)


def _allowed_keys(metrics: Sequence[str] | None, allowed: frozenset[str]) -> list[str]:
    return sorted(allowed) if metrics is None else [key for key in metrics if key in allowed]


def _allowed_only(values: Mapping[str, Value], allowed: frozenset[str] | tuple[str, ...]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name in allowed}
