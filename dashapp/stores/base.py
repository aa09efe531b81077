"""Stores: one file each, all with the same few verbs.

A store is an ordered, bounded log of ticks. Exactly one process appends; any number read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from dashapp.model.notices import NoticeSink
from dashapp.model.thresholds import AlertChange, AlertState
from dashapp.model.ticks import Cursor, Curves, Metric, Tick, to_milliseconds
from dashapp.stores.documents import (
    CHANGES,
    CURVES,
    DELIVERIES,
    METRICS,
    PANEL_KINDS,
    THRESHOLDS,
    Document,
    Value,
)

if TYPE_CHECKING:
    # They bring numpy, which the collector does without.
    from dashapp.model.columns import Columns


# How long a tick stays in the log before it may be sealed: what nearly every reader asks for.
LOG_RETENTION_MS = 600_000
# Changes of thresholds that are remembered.
MAX_CHANGES = 500


class Level(Protocol):
    """One level of a history: points of `step` seconds (0: ticks as they came), in stretches of `span_ms`."""

    step: float
    span_ms: int

    def oldest(self) -> int | None:
        """The time of the oldest point, in epoch milliseconds; None where there is none."""

    def newest(self) -> int:
        """That of the newest; 0 where there is none."""

    def columns(self, start: int, end: int, wanted: Sequence[str] | None) -> Columns:
        """The points in (start, end], epoch milliseconds; all metrics, or those `wanted` that are there."""


class Reader(Protocol):
    """What the web side asks of a store. No verb blocks for longer than a second."""

    @property
    def lag_ms(self) -> int:
        """How far other processes may be ahead of what this one was told; 0 where all see the same."""

    def newest(self) -> Cursor:
        """The store's life and its newest tick's time (0 where it is empty). Cheap: asked per request."""

    def since(self, time: float, limit: int) -> list[Tick]:
        """The newest `limit` ticks later than `time` (seconds), oldest first."""

    def levels(self) -> Sequence[Level]:
        """Sealed ticks, minutes and hours, finest first; empty where nothing is sealed."""

    def read_document(self, document: Document[Value]) -> Value:
        """The document as the collector last wrote it; an empty one before. Cheap: asked per request."""

    def notices(self) -> list[str]:
        """Sentences for the page: what is wrong with this store, or was mended in it."""

    def close(self) -> None: ...

    def metrics(self) -> list[Metric]:
        """The catalogue, as the collector last described it."""
        return self.read_document(METRICS)

    def panel_kinds(self) -> Mapping[str, str]:
        """How panels are drawn, by their names, where the sources say it."""
        return self.read_document(PANEL_KINDS)

    def curves(self) -> Mapping[str, Curves]:
        """The newest curves, by their panels' names."""
        return self.read_document(CURVES)

    def thresholds(self) -> list[AlertState]:
        """Where each threshold stands, as the collector last judged."""
        return self.read_document(THRESHOLDS)

    def changes(self) -> list[AlertChange]:
        """What became of the thresholds, oldest first, at most MAX_CHANGES."""
        return self.read_document(CHANGES)

    def deliveries(self) -> Mapping[str, int]:
        """The number of the last change that each address was told of."""
        return self.read_document(DELIVERIES)


class Store(Reader, Protocol):
    """What the collector asks of a store."""

    def append(self, tick: Tick) -> bool:
        """Keep a tick; False, counted in `dropped`, where it is not newer than the last."""

    def write_document(self, document: Document[Value], value: Value) -> None:
        """Replace a document, before the tick that it came with. Any thread may call it.

        Never raises for a disk or a server that refuses: such a write is repeated later.
        """

    def notice_sink(self, name: str) -> NoticeSink:
        """One speaker's place among the notices."""

    def describe(self, metrics: Iterable[Metric], looks: Mapping[str, str] | None = None) -> None:
        """Set the catalogue, and how panels are drawn."""
        self.write_document(METRICS, list(metrics))
        self.write_document(PANEL_KINDS, dict(looks or {}))

    def set_curves(self, curves: Mapping[str, Curves]) -> None:
        self.write_document(CURVES, dict(curves))

    def set_thresholds(self, states: Iterable[AlertState]) -> None:
        self.write_document(THRESHOLDS, list(states))

    def set_changes(self, changes: Iterable[AlertChange]) -> None:
        """Set what `changes` answers, numbers and all; the newest MAX_CHANGES."""
        self.write_document(CHANGES, list(changes)[-MAX_CHANGES:])

    def set_deliveries(self, sent: Mapping[str, int]) -> None:
        self.write_document(DELIVERIES, dict(sent))


def ticks_since_position(store: Reader, place: Cursor, limit: int) -> list[Tick] | None:
    """What came after the tick that `place` names; None where the store no longer knows that tick."""
    ticks = store.since((place.time_ms - 1) / 1000, limit + 1)
    if place.time_ms == 0:
        return None if ticks else []
    if not ticks or to_milliseconds(ticks[0].time) != place.time_ms:
        return None
    return ticks[1:]


def row_time(row: str) -> float:
    """The time of an encoded tick in seconds, without decoding the rest. ValueError if it has none."""
    return float(row[1 : row.index(",")])
