"""The documents of a store: values that are replaced as a whole, and their JSON text.

Each backend keeps the texts by name: the disk in files, Redis in the fields of a hash.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import NoneType
from typing import Any, Generic, TypeVar

from dashapp.model.thresholds import AlertChange, AlertState, Threshold
from dashapp.model.ticks import MAX_EPOCH_MS, MAX_VALUE, Curves, Metric, to_milliseconds

Value = TypeVar("Value")
# Maximum characters of a text of a metric.
MAX_TEXT_CHARS = 1000
MAX_ZONE_CHARS = 64
# Above it a double skips integers, and JavaScript has only doubles.
MAX_INTEGER = 1 << 53


@dataclass(frozen=True, slots=True, eq=False)
class Document(Generic[Value]):
    """One kind of document. `name` is its Redis field and, with ".json", its file name."""

    name: str
    empty: Callable[[], Value]
    to_json: Callable[[Value], Any]
    from_json: Callable[[Any], Value]

    def encode(self, value: Value) -> str:
        return json.dumps(self.to_json(value))

    def decode(self, text: str | bytes | None) -> Value:
        """Return the value; an empty one if there is no text or `encode` did not write it."""
        if text is None or (value := self.parse(text)) is None:
            return self.empty()
        return value

    def parse(self, text: str | bytes) -> Value | None:
        """Return the value; None if `encode` did not write the text."""
        try:
            return self.from_json(json.loads(text))
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, KeyError):
            return None


def _curves_to_json(curves: Mapping[str, Curves]) -> Any:
    # Not asdict, which copies each number.
    keys = [field.name for field in fields(Curves)]
    return {
        panel: {key: getattr(panel_curves, key) for key in keys} for panel, panel_curves in curves.items()
    }


def _states_from_json(rows: Any) -> list[AlertState]:
    return [
        AlertState(Threshold.parse(text), firing is True, None if since is None else _time(since))
        for text, firing, since in rows
    ]


def _changes_from_json(rows: Any) -> list[AlertChange]:
    thresholds: dict[str, Threshold] = {}
    changes = []
    for number, text, firing, time, value in rows:
        threshold = thresholds.setdefault(text, Threshold.parse(text))
        value = None if value is None else _number(value)
        changes.append(AlertChange(threshold, firing is True, _time(time), value, _count(number)))
    return changes


def _metrics_from_json(rows: Any) -> list[Metric]:
    metrics = [Metric(**row) for row in rows]
    for metric in metrics:
        texts = (metric.key, metric.label, metric.unit, metric.panel)
        if not all(isinstance(text, str) and len(text) <= MAX_TEXT_CHARS for text in texts):
            raise ValueError
        for bound in (metric.low, metric.high):
            if bound is not None:
                _number(bound)
    return metrics


def _curves_from_json(panels: Any) -> Mapping[str, Curves]:
    curves = {panel: Curves(**panel_curves) for panel, panel_curves in panels.items()}
    for panel_curves in curves.values():
        for text in (*panel_curves.names, panel_curves.unit):
            if not isinstance(text, str):
                raise ValueError
        columns: list[Any] = [*panel_curves.x, *panel_curves.y]
        for column in columns:
            if not set(map(type, column)) <= {int, float, NoneType}:
                raise ValueError
            # A response has integers of 64 bits. The sum of the numbers is finite only if all are.
            numbers = [float(value) for value in column if value is not None]
            if not math.isfinite(sum(numbers)) or any(
                type(value) is int and abs(value) > MAX_INTEGER for value in column
            ):
                raise ValueError
        for bound in (panel_curves.low, panel_curves.high):
            if bound is not None:
                _number(bound)
    return curves


def _zone_from_json(text: Any) -> str:
    if not (isinstance(text, str) and len(text) <= MAX_ZONE_CHARS and text.isprintable()):
        raise ValueError
    return text


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, str | bool) or not abs(number) <= MAX_VALUE:
        raise ValueError
    return number


def _time(time_ms: Any) -> float:
    """Return epoch milliseconds as seconds."""
    if not 0 <= _number(time_ms) <= MAX_EPOCH_MS:
        raise ValueError
    return float(time_ms / 1000)


def _count(value: Any) -> int:
    """Return a whole number that a response can contain."""
    if not (type(value) is int and abs(value) <= MAX_EPOCH_MS):
        raise ValueError
    return value


def _to_ms(time: float | None) -> int | None:
    return None if time is None else to_milliseconds(time)


# The catalogue can have thousands of metrics, and asdict takes ten times as long.
_METRIC_FIELDS = tuple(field.name for field in fields(Metric))

METRICS: Document[list[Metric]] = Document(
    name="metrics",
    empty=list,
    to_json=lambda metrics: [{name: getattr(metric, name) for name in _METRIC_FIELDS} for metric in metrics],
    from_json=_metrics_from_json,
)
# By key, in milliseconds: when a metric of the catalogue that is gone had its last value.
LAST_SEEN: Document[Mapping[str, int]] = Document(
    name="seen",
    empty=dict,
    to_json=dict,
    from_json=lambda times: {key: _count(int(time_ms)) for key, time_ms in times.items()},
)
PANEL_KINDS: Document[Mapping[str, str]] = Document(
    name="looks",
    empty=dict,
    to_json=dict,
    from_json=lambda kinds: {str(panel): str(kind) for panel, kind in kinds.items()},
)
CURVES: Document[Mapping[str, Curves]] = Document(
    name="curves",
    empty=dict,
    to_json=_curves_to_json,
    from_json=_curves_from_json,
)
THRESHOLDS: Document[list[AlertState]] = Document(
    name="thresholds",
    empty=list,
    to_json=lambda states: [(state.threshold.text, state.firing, _to_ms(state.since)) for state in states],
    from_json=_states_from_json,
)
CHANGES: Document[list[AlertChange]] = Document(
    name="changes",
    empty=list,
    to_json=lambda changes: [
        (change.number, change.threshold.text, change.firing, _to_ms(change.time), change.value)
        for change in changes
    ],
    from_json=_changes_from_json,
)
DELIVERIES: Document[Mapping[str, int]] = Document(
    name="sent",
    empty=dict,
    to_json=dict,
    from_json=lambda marks: {address: _count(int(number)) for address, number in marks.items()},
)
# When the clock was set and the log was corrected, in milliseconds, oldest first.
CLOCK_STEPS: Document[list[int]] = Document(
    name="clock",
    empty=list,
    to_json=list,
    from_json=lambda times: [int(time_ms) for time_ms in times],
)
# The time zone of the machine: a name of the IANA, an offset such as "+05:30", or empty text.
ZONE: Document[str] = Document(name="zone", empty=str, to_json=str, from_json=_zone_from_json)
# Waiting documents are written in this order. The deliveries precede the changes, because a target without an
# entry receives only later changes. The states follow the changes, from which the collector can repair them.
DOCUMENTS: tuple[Document[Any], ...] = (
    METRICS,
    LAST_SEEN,
    PANEL_KINDS,
    ZONE,
    CURVES,
    CLOCK_STEPS,
    DELIVERIES,
    CHANGES,
    THRESHOLDS,
)
