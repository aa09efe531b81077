"""A shared view: some panels over some time range, and a reader that shows nothing else.

A page or an API on top of this reader cannot show more than the view, for any request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from dashapp.model.columns import Columns
from dashapp.model.panels import Panel, keys_of_panels
from dashapp.model.thresholds import AlertChange, AlertState
from dashapp.model.ticks import Cursor, Curves, Metric, Tick, to_milliseconds
from dashapp.stores.base import Level, Reader
from dashapp.stores.documents import CHANGES, CURVES, METRICS, PANEL_KINDS, THRESHOLDS, Document, Value

# Maximum ticks of the log to search for a past range.
MAX_TICKS_SEARCHED = 80_000
FOREVER_MS = 1 << 62


@dataclass(frozen=True, slots=True)
class SharedView:
    """The panels of a share link, by name, and their time range.

    The range is the newest `window` seconds or, if set, `time_range`: (start, end] in epoch milliseconds.
    """

    panels: tuple[str, ...]
    window: float
    time_range: tuple[int, int] | None = None

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

    def newest(self) -> Cursor:
        newest = self._store.newest()
        end = self.view.time_range[1] if self.view.time_range else FOREVER_MS
        return newest._replace(time_ms=min(newest.time_ms, end))

    def since(self, time: float, limit: int) -> list[Tick]:
        start, end = self._time_range()
        time = max(time, start / 1000)
        is_past = self.view.time_range is not None
        ticks = self._store.since(time, MAX_TICKS_SEARCHED if is_past else limit)
        if is_past:
            ticks = [tick for tick in ticks if to_milliseconds(tick.time) <= end][-limit:]
        keys = self._keys()
        return [replace(tick, values=_allowed_only(tick.values, keys)) for tick in ticks]

    def levels(self) -> Sequence[Level]:
        start, end = self._time_range()
        keys = self._keys()
        return [_SharedLevel(reader, start, end, keys) for reader in self._store.levels()]

    def read_document(self, document: Document[Value]) -> Value:
        """Return the visible part of a document; nothing of one without a filter here."""
        visible = self._FILTERS.get(document)
        if visible is None:
            return document.empty()
        value: Value = visible(self, self._store.read_document(document))
        return value

    def _visible_metrics(self, metrics: Sequence[Metric]) -> list[Metric]:
        keys = keys_of_panels(self.view.panels, metrics, self._chosen)
        return [metric for metric in metrics if metric.key in keys]

    def _visible_panel_kinds(self, kinds: Mapping[str, str]) -> Mapping[str, str]:
        return _allowed_only(kinds, self.view.panels)

    def _visible_curves(self, curves: Mapping[str, Curves]) -> Mapping[str, Curves]:
        return {} if self.view.time_range else _allowed_only(curves, self.view.panels)

    def _visible_thresholds(self, states: Sequence[AlertState]) -> list[AlertState]:
        keys = self._keys()
        return [state for state in states if state.threshold.metric in keys]

    def _visible_changes(self, changes: Sequence[AlertChange]) -> list[AlertChange]:
        start, end = self._time_range()
        keys = self._keys()
        return [
            change
            for change in changes
            if change.threshold.metric in keys and start < to_milliseconds(change.time) <= end
        ]

    _FILTERS: ClassVar[Mapping[Document[Any], Callable[..., Any]]] = {
        METRICS: _visible_metrics,
        PANEL_KINDS: _visible_panel_kinds,
        CURVES: _visible_curves,
        THRESHOLDS: _visible_thresholds,
        CHANGES: _visible_changes,
    }

    def notices(self) -> list[str]:
        """Return nothing: only the operator sees what is wrong with the server."""
        return []

    def close(self) -> None: ...

    def _time_range(self) -> tuple[int, int]:
        if self.view.time_range:
            return self.view.time_range
        return self._store.newest().time_ms - to_milliseconds(self.view.window), FOREVER_MS

    def _keys(self) -> frozenset[str]:
        return frozenset(metric.key for metric in self.metrics())


class _SharedLevel:
    """One level of a store, restricted to a view."""

    def __init__(self, reader: Level, start: int, end: int, keys: frozenset[str]) -> None:
        self._reader = reader
        self._start = start
        self._end = end
        self._keys = keys
        self.step = reader.step
        self.span_ms = reader.span_ms

    def oldest(self) -> int | None:
        return self._reader.oldest()

    def newest(self) -> int:
        return self._reader.newest()

    def columns(self, start: int, end: int, metrics: Sequence[str] | None) -> Columns:
        keys = sorted(self._keys) if metrics is None else [key for key in metrics if key in self._keys]
        return self._reader.columns(max(start, self._start), min(end, self._end), keys)


def _allowed_only(values: Mapping[str, Value], allowed: frozenset[str] | tuple[str, ...]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name in allowed}
