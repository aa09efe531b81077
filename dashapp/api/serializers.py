"""JSON of the alerts, metrics, health and hosts in a store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dashapp.alerts.message import Processes, explanation_of
from dashapp.api.params import query_fields
from dashapp.api.top import ranking_json
from dashapp.http.responses import encode_json
from dashapp.model.alerts.controls import AlertAction, AlertControls
from dashapp.model.panel_spec import compile_pattern
from dashapp.model.text import quote_value
from dashapp.model.thresholds import MISSING_OP, AlertChange, AlertState, Threshold
from dashapp.model.ticks import BadRequestError, is_stale, stale_after, tick_age, to_milliseconds
from dashapp.stores.base import Reader
from dashapp.stores.documents import MAX_CHANGES
from dashapp.stores.hosts import Host, HostStore

# Alert changes in a response without a limit parameter.
DEFAULT_CHANGES = 100


def alerts_json(
    store: Reader, query: str, current_keys: Collection[str] | None, shows_processes: bool = False
) -> dict[str, Any]:
    """All thresholds, and as many of their changes as `query` requests; or BadRequestError.

    `current_keys`: the metrics that have a current value; None if the newest tick is stale.
    `shows_processes`: name those that explain an alert.
    """
    limit = _parse_limit(query)
    controls = store.alert_controls()
    return {
        "thresholds": [_alert_json(state, current_keys, controls) for state in store.thresholds()],
        "log": _changes_json(
            store.changes(), store.deliveries(), limit, store.alert_processes() if shows_processes else {}
        ),
        "actions": [_action_json(action) for action in reversed(controls.log[-limit:])],
    }


def firing_json(states: Iterable[AlertState], controls: AlertControls) -> list[dict[str, Any]]:
    """The firing alerts in short form, for each response of /api/ticks."""
    return [
        {"metric": state.threshold.metric, "text": state.threshold.text, "since": _since_json(state)}
        | _controls_json(state.threshold, controls)
        for state in states
        if state.firing
    ]


def _controls_json(threshold: Threshold, controls: AlertControls) -> dict[str, Any]:
    """The mute and the acknowledgement of a rule, if it has one."""
    actions = {
        "mute": controls.mutes.get(threshold.condition),
        "acknowledgement": controls.acknowledgements.get(threshold.condition),
    }
    return {name: _action_json(action) for name, action in actions.items() if action}


def _action_json(action: AlertAction) -> dict[str, Any]:
    return {
        "kind": action.kind,
        "text": action.rule.text,
        "time": to_milliseconds(action.time),
        "user": action.user,
        "comment": action.comment,
        "until": None if action.until is None else to_milliseconds(action.until),
    }


def _alert_json(
    state: AlertState, current_keys: Collection[str] | None, controls: AlertControls
) -> dict[str, Any]:
    threshold = state.threshold
    return {
        "text": threshold.text,
        "metric": threshold.metric,
        "op": threshold.op,
        "limit": threshold.stated_limit,
        **({"within": threshold.within} if threshold.within else {}),
        "for": threshold.seconds,
        "level": threshold.level,
        "origin": "page" if threshold in controls.rules else "settings",
        "repeat": threshold.repeat,
        "except": [period.text for period in threshold.quiet_hours],
        "state": "broken" if state.firing else "ok" if _has_value(state, current_keys) else "unknown",
        "since": _since_json(state),
        **_controls_json(threshold, controls),
    }


def _has_value(state: AlertState, current_keys: Collection[str] | None) -> bool:
    if current_keys is None:
        return False
    return state.threshold.op == MISSING_OP or state.threshold.metric in current_keys


def _since_json(state: AlertState) -> int | None:
    return None if state.since is None else to_milliseconds(state.since)


def _changes_json(
    changes: Sequence[AlertChange], sent: Mapping[str, int], limit: int, processes: Processes
) -> list[dict[str, Any]]:
    """The last `limit` of `changes`, newest first. `sent`: the last delivered change by address."""
    delivered = min(sent.values(), default=None)
    return [
        {
            "number": change.number,
            "text": change.threshold.text,
            "metric": change.threshold.metric,
            "state": "broken" if change.firing else "ok",
            "time": to_milliseconds(change.time),
            "value": change.value,
            "sent": _was_sent(change, delivered),
            **({"silence": change.silence} if change.silence else {}),
            **({"detail": change.detail} if change.detail else {}),
            **_processes_json(change, processes),
        }
        for change in reversed(changes[-limit:])
    ]


def _was_sent(change: AlertChange, delivered: int | None) -> bool | None:
    """Whether a change was sent; None if it has no message."""
    return None if delivered is None or change.silence else change.number <= delivered


def _processes_json(change: AlertChange, processes: Processes) -> dict[str, Any]:
    used = explanation_of(change, processes)
    return {"processes": ranking_json(used.kind, used.ranking)} if used else {}


def _parse_limit(query: str) -> int:
    """The `limit` of a query; BadRequestError if it has anything else."""
    parameters = query_fields(query)
    if not parameters:
        return DEFAULT_CHANGES
    (name, text), *others = parameters
    if name != "limit" or others:
        raise BadRequestError("expected no parameter but limit")
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= MAX_CHANGES):
        raise BadRequestError(
            f"limit is {quote_value(text)}; expected a whole number from 1 to {MAX_CHANGES}"
        )
    return int(text)


# Metrics that the patterns of one query can match.
MAX_MATCHED_METRICS = 200


def metrics_json(store: Reader) -> list[dict[str, Any]]:
    """Each metric, with the kind of its panel if its source declares one."""
    panel_kinds = store.panel_kinds()
    rows = [asdict(metric) for metric in store.metrics()]
    return [row | {"kind": panel_kinds[row["panel"]]} if row["panel"] in panel_kinds else row for row in rows]


def match_metrics(store: Reader, patterns: Sequence[str]) -> list[str]:
    """The keys that match a pattern; possibly none before the first tick."""
    keys = [metric.key for metric in store.metrics()]
    matches = dict.fromkeys(key for pattern in patterns for key in filter(compile_pattern(pattern), keys))
    return list(matches)[:MAX_MATCHED_METRICS]


def health_json(store: Reader, interval: float, now: float) -> tuple[bool, bytes]:
    """Whether the data is stale at `now`, and the response body.

    `interval`: seconds between ticks, for use before the first tick.
    """
    snapshot = store.snapshot()
    newest = snapshot.cursor.time_ms
    step = snapshot.newest.step if snapshot.newest else interval
    age = tick_age(newest / 1000, now) if newest else None
    stale = age is None or is_stale(age, step)
    body: dict[str, Any] = {
        "status": "stale" if stale else "ok",
        "age": None if age is None else round(age, 3),
    }
    if age is not None and age < 0:
        body["error"] = f"the newest tick is {-age:.0f} s in the future: a clock was wrong"
    return stale, encode_json(body)


def hosts_json(hosts: HostStore) -> dict[str, Any]:
    """`now` in seconds by the store's clock, and a row for each host, by name."""
    now = hosts.now_ms()
    # While the store is unreachable, a host without new ticks can still be running.
    quiet_state = "unknown" if hosts.notices() else "stale"
    return {"now": now / 1000, "hosts": [_host_json(host, now, quiet_state) for host in hosts.hosts()]}


def _host_json(host: Host, now: int, quiet_state: str) -> dict[str, Any]:
    """`newest` in milliseconds by the host's clock, `age` and `skew` in seconds.

    All three are None before its first tick. `quiet_state`: the state of a host without new ticks.
    """
    row: dict[str, Any] = {"name": host.name, "state": quiet_state, "newest": None, "age": None, "skew": None}
    if host.newest_ms:
        age = host.silence_ms(now) / 1000
        skew = (host.newest_ms - host.arrived_ms) / 1000
        row |= {"state": "live" if age <= stale_after(host.step) else quiet_state}
        row |= {"newest": host.newest_ms, "age": round(age, 1), "skew": round(skew, 1) + 0.0}
    return row | {"values": dict(host.values)}
