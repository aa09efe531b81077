"""JSON of the alerts, metrics, health and hosts in a store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl

from dashapp.http.responses import encode_json
from dashapp.model.panel_spec import matches_pattern
from dashapp.model.text import quote_value
from dashapp.model.thresholds import MISSING_OP, AlertChange, AlertState
from dashapp.model.ticks import BadRequestError, stale_after, to_milliseconds
from dashapp.stores.base import MAX_CHANGES, Reader
from dashapp.stores.hosts import Host, HostStore

# Alert changes in a response without a limit parameter.
DEFAULT_CHANGES = 100


def alerts_json(store: Reader, query: str, there: Collection[str] | None) -> dict[str, Any]:
    """All thresholds, and as many of their changes as `query` requests; or BadRequestError.

    `there`: the metrics that have a current value; None if the newest tick is stale.
    """
    limit = _parse_limit(query)
    return {
        "thresholds": [_alert_json(state, there) for state in store.thresholds()],
        "log": _changes_json(store.changes(), store.deliveries(), limit),
    }


def firing_json(states: Iterable[AlertState]) -> list[dict[str, Any]]:
    """The firing alerts in short form, for each response of /api/ticks."""
    return [
        {"metric": each.threshold.metric, "text": each.threshold.text, "since": _since_json(each)}
        for each in states
        if each.firing
    ]


def _alert_json(state: AlertState, there: Collection[str] | None) -> dict[str, Any]:
    threshold = state.threshold
    return {
        "text": threshold.text,
        "metric": threshold.metric,
        "op": threshold.op,
        "limit": None if threshold.op == MISSING_OP else threshold.limit,
        "for": threshold.seconds,
        "state": "broken" if state.firing else "ok" if _threshold_json(state, there) else "unknown",
        "since": _since_json(state),
    }


def _threshold_json(state: AlertState, there: Collection[str] | None) -> bool:
    if there is None:
        return False
    return state.threshold.op == MISSING_OP or state.threshold.metric in there


def _since_json(state: AlertState) -> int | None:
    return None if state.since is None else to_milliseconds(state.since)


def _changes_json(
    changes: Sequence[AlertChange], sent: Mapping[str, int], limit: int
) -> list[dict[str, Any]]:
    """The last `limit` of `changes`, newest first. `sent`: the last delivered change by address."""
    told = min(sent.values(), default=None)
    return [
        {
            "number": each.number,
            "text": each.threshold.text,
            "metric": each.threshold.metric,
            "state": "broken" if each.firing else "ok",
            "time": to_milliseconds(each.time),
            "value": each.value,
            "sent": None if told is None else each.number <= told,
        }
        for each in reversed(changes[-limit:])
    ]


def _parse_limit(query: str) -> int:
    """The `limit` of a query; BadRequestError if it has anything else."""
    given = parse_qsl(query, keep_blank_values=True)
    if not given:
        return DEFAULT_CHANGES
    (name, text), *more = given
    if name != "limit" or more:
        raise BadRequestError("expected limit, and nothing else")
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= MAX_CHANGES):
        raise BadRequestError(
            f"limit is {quote_value(text)}; expected a whole number from 1 to {MAX_CHANGES}"
        )
    return int(text)


# Metrics that the patterns of one query can match.
MAX_MATCHED_METRICS = 200


def metrics_json(store: Reader) -> list[dict[str, Any]]:
    """Each metric, with the kind of its panel if its source declares one."""
    looks = store.panel_kinds()
    rows = [asdict(metric) for metric in store.metrics()]
    return [row | {"kind": looks[row["panel"]]} if row["panel"] in looks else row for row in rows]


def match_metrics(store: Reader, patterns: Sequence[str]) -> list[str]:
    """The keys that match a pattern; possibly none before the first tick."""
    keys = [metric.key for metric in store.metrics()]
    meant = dict.fromkeys(key for pattern in patterns for key in keys if matches_pattern(pattern, key))
    return list(meant)[:MAX_MATCHED_METRICS]


def health_json(store: Reader, interval: float, now: float) -> tuple[bool, bytes]:
    """Whether the data is stale at `now`, and the response body.

    `interval`: seconds between ticks, for use before the first tick.
    """
    newest = store.newest().time_ms
    ticks = store.since(float("-inf"), 1)
    step = ticks[-1].step if ticks else interval
    age = max(0.0, now - newest / 1000) if newest else None
    stale = age is None or age > stale_after(step)
    return stale, encode_json(
        {"status": "stale" if stale else "ok", "age": None if age is None else round(age, 3)}
    )


def hosts_json(hosts: HostStore) -> dict[str, Any]:
    """`now` in seconds by the store's clock, and a row for each host, by name."""
    now = hosts.now_ms()
    # While the store is unreachable, a host without new ticks can still be running.
    quiet = "unknown" if hosts.notices() else "stale"
    return {"now": now / 1000, "hosts": [_host_json(host, now, quiet) for host in hosts.hosts()]}


def _host_json(host: Host, now: int, quiet: str) -> dict[str, Any]:
    """`newest` in milliseconds by the host's clock, `age` and `skew` in seconds.

    All three are None before its first tick. `quiet`: the state of a host without new ticks.
    """
    row: dict[str, Any] = {"name": host.name, "state": quiet, "newest": None, "age": None, "skew": None}
    if host.newest_ms:
        # A tick can arrive after `now` was read: its age is 0, not negative.
        age = max(0, now - host.arrived_ms) / 1000
        skew = (host.newest_ms - host.arrived_ms) / 1000
        row |= {"state": "live" if age <= stale_after(host.step) else quiet}
        row |= {"newest": host.newest_ms, "age": round(age, 1), "skew": round(skew, 1) + 0.0}
    return row | {"values": dict(host.values)}
