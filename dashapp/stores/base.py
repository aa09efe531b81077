"""The interface of all stores.

A store is an ordered, bounded log of ticks, and some documents. Exactly one process writes to it; any number
of processes read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dashapp.model.alerts.controls import AlertControls
from dashapp.model.events import EventLog
from dashapp.model.notices import NoticeSink
from dashapp.model.runs import Run
from dashapp.model.thresholds import AlertChange, AlertState
from dashapp.model.ticks import Cursor, Curves, Metric, Tick, to_milliseconds
from dashapp.model.top import AlertProcesses, TopRecord
from dashapp.stores.document_kind import Document, Value
from dashapp.stores.documents import (
    ALERT_CONTROLS,
    ALERT_PROCESSES,
    CHANGES,
    CLOCK_STEPS,
    CURVES,
    DELIVERIES,
    EVENTS,
    MAX_CHANGES,
    METRICS,
    PANEL_KINDS,
    RUNS,
    THRESHOLDS,
)

if TYPE_CHECKING:
    # It imports numpy, which the collector does without.
    from dashapp.model.columns import Columns


# How long a tick stays in the log before compaction: nearly every request reads these.
LOG_RETENTION_MS = 600_000
# Maximum characters of an encoded tick: at least 8,000 metrics.
MAX_ROW_CHARS = 1 << 20
# Later than every other time, in milliseconds.
FOREVER_MS = 1 << 62


@dataclass(frozen=True, slots=True)
class Rewind:
    """A correction after the clock was set: the ticks later than `after_ms` have wrong times.

    `restores`: the ticks that an earlier rewind to the same time has set aside are right after all.
    """

    after_ms: int
    restores: bool = False


class Level(Protocol):
    """One level of a history: points of `step` seconds (0: ticks), in blocks of `span_ms`."""

    step: float
    span_ms: int

    def oldest(self) -> int | None:
        """Return the time of the oldest point in epoch milliseconds; None if there is none."""

    def newest(self) -> int:
        """Return the time of the newest point in epoch milliseconds; 0 if there is none."""

    def columns(self, start: int, end: int, metrics: Sequence[str] | None) -> Columns:
        """Return the points in (start, end], epoch milliseconds: all metrics or the given ones."""


class MeanLevel(Protocol):
    """The means of points of `step` seconds."""

    step: float

    def means(self, start: int, end: int, keys: Sequence[str]) -> dict[str, list[tuple[int, float]]]:
        """Return the means of points in (start, end], milliseconds, by metric, oldest first."""


class TopLevel(Protocol):
    """One level of the records of top processes, of about `step` seconds each."""

    step: float

    def newest(self) -> int:
        """Return the time of the newest record in epoch milliseconds; 0 if there is none."""

    def records(self, start: int, end: int) -> Sequence[TopRecord]:
        """Return the records that end in (start, end], epoch milliseconds, oldest first."""


class Snapshot(Protocol):
    """A store at one moment. All numbers of a response come from one snapshot.

    A tick that arrives later is not in it, and a tick that moves from the log into a block stays in it. So
    read ticks from the log first, and from the levels what the log lacks.
    """

    cursor: Cursor
    newest: Tick | None

    def ticks(self, start: int, end: int, metrics: Sequence[str] | None) -> tuple[Columns, bool]:
        """Return the log's ticks in (start, end], and whether the log reaches back to `start`.

        Times are epoch milliseconds. If it does not, the first level has the older ticks. A metric without
        any value is left out.
        """

    def is_in_memory(self, start: int) -> bool:
        """Whether memory has all ticks later than `start`, epoch milliseconds."""

    def levels(self) -> Sequence[Level]:
        """Return the compacted ticks, minutes and hours, finest first; empty if there are none."""


class Reader(Protocol):
    """The interface of the web side. No method blocks for longer than a second."""

    @property
    def lag_ms(self) -> int:
        """How far other processes may be ahead of this one; 0 if all see the same."""

    @property
    def is_loaded(self) -> bool:
        """Whether the first data of a remote store has arrived. Without it, a store looks empty."""
        return True

    @property
    def failed_reads(self) -> int:
        """How many reads have failed so far. A response during which this rises may lack data."""
        return 0

    def newest(self) -> Cursor:
        """Return generation and newest tick's time (0: empty store). Cheap: runs in each request."""

    def snapshot(self) -> Snapshot:
        """Return the store at this moment. Cheap: reads older ticks only if they are requested."""

    def levels(self) -> Sequence[Level]:
        """Return the compacted ticks, minutes and hours, finest first; empty if there are none."""

    def top_levels(self) -> Sequence[TopLevel]:
        """Return the records of top processes, finest first; none if this reader does not show them."""
        return ()

    def read_document(self, document: Document[Value]) -> Value:
        """Return a document as last written; else empty. Cheap: runs in each request."""

    def notices(self) -> list[str]:
        """Return sentences for the page: problems of this store, and repairs."""

    def close(self) -> None: ...

    def since(self, time: float, limit: int) -> list[Tick]:
        """Return the newest `limit` ticks of the log later than `time` (seconds), oldest first."""
        start = -FOREVER_MS if math.isinf(time) else math.floor(round(1000 * time, 3))
        columns, _is_complete = self.snapshot().ticks(start, FOREVER_MS, None)
        return columns.ticks()[-limit:]

    def metrics(self) -> list[Metric]:
        """The catalogue of metrics, as the collector last described it."""
        return self.read_document(METRICS)

    def panel_kinds(self) -> Mapping[str, str]:
        """The kinds of panels, by panel name, for those that a source sets."""
        return self.read_document(PANEL_KINDS)

    def curves(self) -> Mapping[str, Curves]:
        """The newest curves, by panel name."""
        return self.read_document(CURVES)

    def thresholds(self) -> list[AlertState]:
        """The state of each threshold, as the collector last evaluated it."""
        return self.read_document(THRESHOLDS)

    def changes(self) -> list[AlertChange]:
        """The alerts that fired or resolved, oldest first; at most MAX_CHANGES."""
        return [change for change in self.alert_log() if not change.kind]

    def alert_log(self) -> list[AlertChange]:
        """The changes, and the entries of the log that are only messages."""
        return self.read_document(CHANGES)

    def alert_controls(self) -> AlertControls:
        """The rules of the page, and which alerts people have muted or acknowledged."""
        return self.read_document(ALERT_CONTROLS)

    def alert_processes(self) -> Mapping[int, AlertProcesses]:
        """The processes that used the most before an alert fired, by the number of that change."""
        return self.read_document(ALERT_PROCESSES)

    def clock_steps(self) -> list[int]:
        """When the clock was set and the log was corrected, in milliseconds, oldest first."""
        return self.read_document(CLOCK_STEPS)

    def events(self) -> EventLog:
        """The newest MAX_EVENTS marks of people and observations of the collector."""
        return self.read_document(EVENTS)

    def runs(self) -> list[Run]:
        """The training runs, oldest first; at most MAX_RUNS."""
        return self.read_document(RUNS)

    def deliveries(self) -> Mapping[str, int]:
        """The number of the last change that each notification target received."""
        return self.read_document(DELIVERIES)


class Store(Reader, Protocol):
    """The interface of the collector."""

    def append(self, tick: Tick) -> bool:
        """Add a tick. Return False, and count it in `dropped`, if it is not newer than the last."""

    def rewind(self, rewind: Rewind) -> None:
        """Begin a new generation without the ticks that have wrong times. The store sets them aside.

        Never raises for a disk or a server that refuses: the store repeats it later.
        """

    def append_top(self, record: TopRecord) -> None:
        """Add a record of top processes, which readers see soon.

        Never raises for a disk or a server that refuses: the store repeats such a write later.
        """

    def mean_levels(self) -> tuple[MeanLevel, MeanLevel]:
        """Return the means of minutes and of hours, which need no numpy. Any thread may call this."""

    def write_document(self, document: Document[Value], value: Value) -> None:
        """Replace a document, before the tick that it belongs to. Any thread may call this.

        Never raises for a disk or a server that refuses: the store repeats such a write later.
        """

    def notice_sink(self, name: str) -> NoticeSink:
        """Return the notice of one speaker."""

    def lost_ticks(self) -> int | None:
        """Return how many ticks are lost while the disk or the server takes none.

        The others wait in memory. None if it takes them.
        """
        return None

    def drain(self, seconds: float) -> bool:
        """Wait until all that was written is stored; False if that takes too long."""
        return True

    def describe(self, metrics: Iterable[Metric], panel_kinds: Mapping[str, str] | None = None) -> None:
        """Replace the catalogue of metrics and the kinds of panels."""
        self.write_document(METRICS, list(metrics))
        self.write_document(PANEL_KINDS, dict(panel_kinds or {}))

    def set_curves(self, curves: Mapping[str, Curves]) -> None:
        self.write_document(CURVES, dict(curves))

    def set_thresholds(self, states: Iterable[AlertState]) -> None:
        self.write_document(THRESHOLDS, list(states))

    def set_changes(self, changes: Iterable[AlertChange]) -> None:
        """Replace the log of alerts, numbers included, by the newest MAX_CHANGES of these."""
        self.write_document(CHANGES, list(changes)[-MAX_CHANGES:])

    def set_runs(self, runs: Iterable[Run]) -> None:
        """Replace the training runs, oldest first."""
        self.write_document(RUNS, list(runs))

    def set_deliveries(self, deliveries: Mapping[str, int]) -> None:
        self.write_document(DELIVERIES, dict(deliveries))


def row_time(row: str) -> float:
    """Return an encoded tick's time in seconds, without decoding the rest. Raises ValueError."""
    return float(row[1 : row.index(",")])


def row_time_ms(row: object) -> int:
    """Return an encoded tick's time in epoch milliseconds; 0 if it begins with no time."""
    try:
        return to_milliseconds(row_time(row)) if isinstance(row, str) else 0
    except (ValueError, OverflowError):
        return 0
