"""The documents of a store: values that are replaced as a whole, and their JSON text.

Each backend keeps the texts by name: the disk in files, Redis in the fields of a hash.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from types import NoneType
from typing import Any

from dashapp.model.alerts.controls import (
    ACTION_KINDS,
    MAX_ACTIONS,
    MAX_COMMENT_CHARS,
    MAX_USER_CHARS,
    AlertAction,
    AlertControls,
)
from dashapp.model.alerts.rules import MAX_RULES
from dashapp.model.events import EVENT_KINDS, MAX_EVENT_CHARS, MAX_EVENTS, Event, EventLog
from dashapp.model.runs import MAX_CONFIG_ENTRIES, MAX_RUNS, STATES, Run
from dashapp.model.text import parse_json
from dashapp.model.thresholds import CHANGE, REMINDER, TEST, AlertChange, AlertState, Threshold
from dashapp.model.ticks import MAX_EPOCH_MS, MAX_VALUE, Curves, Metric, to_milliseconds
from dashapp.model.top import AlertProcesses, checked_ranking
from dashapp.stores.document_kind import INVALID, Document

# Maximum characters of a text of a metric.
MAX_TEXT_CHARS = 1000
MAX_ZONE_CHARS = 64
MAX_DETAIL_CHARS = 200
# More than the shortest names that fit into a tick.
MAX_METRICS = 40_000
# Clock steps and notification addresses, of which a collector has far fewer.
MAX_CLOCK_STEPS = MAX_ADDRESSES = 1000
# The log of alerts.
MAX_CHANGES = 500
# Panels of curves, and the numbers of the curves of one.
MAX_CURVE_PANELS, MAX_CURVE_NUMBERS = 200, 100_000
# Above it a double skips integers, and JavaScript has only doubles.
MAX_INTEGER = 1 << 53


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
    for number, text, firing, time, value, *details in rows:
        if (threshold := thresholds.get(text)) is None:
            threshold = thresholds[text] = Threshold.parse(text)
        value = None if value is None else _number(value)
        # Earlier versions wrote fewer of them.
        kind, silence, detail = details + [CHANGE, "", ""][len(details) :]
        if kind not in (CHANGE, REMINDER, TEST):
            raise ValueError
        changes.append(
            AlertChange(
                *(threshold, firing is True, _time(time), value, _count(number), kind, str(silence)[:16]),
                str(detail)[:MAX_DETAIL_CHARS],
            )
        )
    return changes


def _change_to_json(change: AlertChange) -> Any:
    row = (change.number, change.threshold.text, change.firing, _to_ms(change.time), change.value)
    # An earlier version reads a log without details.
    if change.detail:
        return (*row, change.kind, change.silence, change.detail)
    return (*row, change.kind, change.silence) if change.kind or change.silence else row


def _action_to_json(action: AlertAction) -> Any:
    return {
        "id": action.id,
        "kind": action.kind,
        "rule": action.rule.text,
        "time": _to_ms(action.time),
        "user": action.user,
        "comment": action.comment,
        "until": _to_ms(action.until),
        "replaces": action.replaces and action.replaces.text,
    }


def _action_from_json(row: Any) -> AlertAction:
    texts, limits = (row["id"], row["user"], row["comment"]), (64, MAX_USER_CHARS, MAX_COMMENT_CHARS)
    for text, limit in zip(texts, limits, strict=True):
        if not (isinstance(text, str) and len(text) <= limit):
            raise ValueError
    if row["kind"] not in ACTION_KINDS:
        raise ValueError
    until, replaces = row["until"], row["replaces"]
    return AlertAction(
        row["id"],
        row["kind"],
        Threshold.parse(row["rule"]),
        _time(row["time"]),
        row["user"],
        row["comment"],
        None if until is None else _time(until),
        None if replaces is None else Threshold.parse(replaces),
    )


def action_record(action: AlertAction) -> bytes:
    """Return an action as a record of the push queue."""
    return json.dumps(_action_to_json(action)).encode()


def parse_action_record(record: bytes) -> AlertAction | None:
    """Return the action of a record; None if `action_record` did not write it."""
    try:
        return _action_from_json(parse_json(record))
    except INVALID:
        return None


def _controls_to_json(controls: AlertControls) -> Any:
    return {
        "rules": [rule.text for rule in controls.rules],
        "mutes": [_action_to_json(action) for action in controls.mutes.values()],
        "acknowledgements": [_action_to_json(action) for action in controls.acknowledgements.values()],
        "log": [_action_to_json(action) for action in controls.log],
    }


def _controls_from_json(fields: Any) -> AlertControls:
    mutes, acknowledgements, log = (
        [_action_from_json(row) for row in fields[name][-MAX_ACTIONS:]]
        for name in ("mutes", "acknowledgements", "log")
    )
    return AlertControls(
        tuple(Threshold.parse(text) for text in fields["rules"][:MAX_RULES]),
        {action.rule.condition: action for action in mutes},
        {action.rule.condition: action for action in acknowledgements},
        tuple(log),
    )


def _alert_processes_from_json(rows: Any) -> Mapping[int, AlertProcesses]:
    return {
        _count(number): AlertProcesses(_count(time_ms), str(kind), checked_ranking(ranking))
        for number, time_ms, kind, ranking in rows
    }


def _events_to_json(log: EventLog) -> Any:
    rows = [(event.number, event.time_ms, event.kind, event.text) for event in log.events]
    return {"boot": log.boot, "host": log.host, "events": rows}


def _events_from_json(fields: Any) -> EventLog:
    events = []
    for number, time_ms, kind, text in fields["events"][-MAX_EVENTS:]:
        if kind not in EVENT_KINDS or not isinstance(text, str) or len(text) > MAX_EVENT_CHARS:
            raise ValueError
        _time(time_ms)
        events.append(Event(_count(time_ms), text, kind, _count(number)))
    return EventLog(tuple(events), str(fields["boot"])[:64], str(fields["host"])[:MAX_TEXT_CHARS])


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
        if sum(map(len, columns)) > MAX_CURVE_NUMBERS:
            raise ValueError
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


def _runs_from_json(rows: Any) -> list[Run]:
    runs = []
    for row in rows:
        start, end = _time(row["start"]), row["end"]
        run = Run(**{**row, "start": start, "end": None if end is None else _time(end)})
        texts = (run.id, run.name, run.title, run.error, *run.config)
        texts += tuple(value for value in run.config.values() if isinstance(value, str))
        if not all(isinstance(text, str) and len(text) <= MAX_TEXT_CHARS for text in texts):
            raise ValueError
        for value in run.config.values():
            if not isinstance(value, str | bool | NoneType):
                _number(value)
                # A response has integers of 64 bits, and the collector stores each number as a double.
                if type(value) is int and abs(value) > MAX_INTEGER:
                    raise ValueError
        if run.state not in STATES or len(run.config) > MAX_CONFIG_ENTRIES:
            raise ValueError
        _count(run.revision)
        runs.append(run)
    return runs


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
_RUN_FIELDS = tuple(field.name for field in fields(Run))

METRICS: Document[list[Metric]] = Document(
    name="metrics",
    empty=list,
    to_json=lambda metrics: [{name: getattr(metric, name) for name in _METRIC_FIELDS} for metric in metrics],
    from_json=_metrics_from_json,
    max_entries=MAX_METRICS,
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
    max_entries=MAX_CURVE_PANELS,
)
THRESHOLDS: Document[list[AlertState]] = Document(
    name="thresholds",
    empty=list,
    to_json=lambda states: [(state.threshold.text, state.firing, _to_ms(state.since)) for state in states],
    from_json=_states_from_json,
    # The settings and the page have as many each.
    max_entries=2 * MAX_RULES,
)
CHANGES: Document[list[AlertChange]] = Document(
    name="changes",
    empty=list,
    to_json=lambda changes: [_change_to_json(change) for change in changes],
    from_json=_changes_from_json,
    max_entries=MAX_CHANGES,
)
# By the number of the change with which an alert fired. The time is that of the change: if a crash lost the
# change, a later one has its number.
ALERT_PROCESSES: Document[Mapping[int, AlertProcesses]] = Document(
    name="processes",
    empty=dict,
    to_json=lambda alerts: [(number, *processes) for number, processes in alerts.items()],
    from_json=_alert_processes_from_json,
    max_entries=MAX_CHANGES,
)
ALERT_CONTROLS: Document[AlertControls] = Document(
    name="controls",
    empty=AlertControls,
    to_json=_controls_to_json,
    from_json=_controls_from_json,
)
DELIVERIES: Document[Mapping[str, int]] = Document(
    name="sent",
    empty=dict,
    to_json=dict,
    from_json=lambda marks: {address: _count(int(number)) for address, number in marks.items()},
    max_entries=MAX_ADDRESSES,
)
# When the clock was set and the log was corrected, in milliseconds, oldest first.
CLOCK_STEPS: Document[list[int]] = Document(
    name="clock",
    empty=list,
    to_json=list,
    from_json=lambda times: [_count(int(time_ms)) for time_ms in times],
    max_entries=MAX_CLOCK_STEPS,
)
# The time zone of the machine: a name of the IANA, an offset such as "+05:30", or empty text.
ZONE: Document[str] = Document(name="zone", empty=str, to_json=str, from_json=_zone_from_json)
EVENTS: Document[EventLog] = Document(
    name="events",
    empty=EventLog,
    to_json=_events_to_json,
    from_json=_events_from_json,
)
RUNS: Document[list[Run]] = Document(
    name="runs",
    empty=list,
    to_json=lambda runs: [
        {name: getattr(run, name) for name in _RUN_FIELDS}
        | {"start": _to_ms(run.start), "end": _to_ms(run.end)}
        for run in runs
    ],
    from_json=_runs_from_json,
    max_entries=MAX_RUNS,
)
# Waiting documents are written in this order. The deliveries precede the changes, because a target without an
# entry receives only later changes, and so do the processes, which a message contains. The states follow the
# changes, from which the collector can repair them.
DOCUMENTS: tuple[Document[Any], ...] = (
    METRICS,
    LAST_SEEN,
    PANEL_KINDS,
    ZONE,
    CURVES,
    CLOCK_STEPS,
    EVENTS,
    ALERT_CONTROLS,
    DELIVERIES,
    ALERT_PROCESSES,
    CHANGES,
    THRESHOLDS,
    RUNS,
)
