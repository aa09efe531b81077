"""The bodies of requests about alerts, checked against the rules of a store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dashapp.model.alerts.controls import (
    ACKNOWLEDGE,
    CHANGE_RULE,
    CREATE,
    DELETE,
    MAX_COMMENT_CHARS,
    MAX_MUTE_S,
    MUTE,
    TEST_RULE,
    UNMUTE,
    AlertAction,
)
from dashapp.model.alerts.rules import MAX_RULES, parse_rule, rule_conflicts
from dashapp.model.text import quote_value
from dashapp.model.thresholds import AlertState, Threshold
from dashapp.model.ticks import BadRequestError
from dashapp.stores.base import Reader

# Durations of a mute by their name in a request, in seconds; None until the alert resolves.
MUTE_DURATIONS: Mapping[str, float | None] = {"1h": 3600.0, "1d": MAX_MUTE_S, "resolved": None}

# The fields of the body for each path below /api/alerts/; the first one is the rule.
FIELDS = {
    "mute": ("rule", "for"),
    "unmute": ("rule",),
    "acknowledge": ("rule", "comment"),
    "rules": ("rule", "replaces"),
    "rules/delete": ("rule",),
    "test": ("rule",),
}


def parse_action(name: str, body: bytes, store: Reader, time: float, user: str, id: str) -> AlertAction:
    """Return the action of a request to `name`, a key of FIELDS; or BadRequestError."""
    fields = _parse_body(name, body)
    states = store.thresholds()
    if name in ("rules", "test"):
        rule = _parse_rule("rule", fields["rule"])
        if name == "test":
            return AlertAction(id, TEST_RULE, rule, time, user)
        return _parse_rule_change(rule, fields.get("replaces", ""), store, states, time, user, id)
    state = _find(fields["rule"], states)
    rule = state.threshold
    if name == "rules/delete":
        _check_origin(rule, store)
        return AlertAction(id, DELETE, rule, time, user)
    if name == "unmute":
        return AlertAction(id, UNMUTE, rule, time, user)
    if name == "mute":
        seconds = _parse_duration(fields.get("for", ""))
        if seconds is None and not state.firing:
            raise BadRequestError(
                f'for is "resolved", but {quote_value(rule.text)} is not firing; expected 1h or 1d'
            )
        return AlertAction(id, MUTE, rule, time, user, until=None if seconds is None else time + seconds)
    if not state.firing:
        raise BadRequestError(
            f"{quote_value(rule.text)} is not firing; only a firing alert can be acknowledged"
        )
    return AlertAction(id, ACKNOWLEDGE, rule, time, user, _parse_comment(fields.get("comment", "")))


def _parse_body(name: str, body: bytes) -> dict[str, str]:
    known = FIELDS[name]
    expected = f"expected JSON such as {json.dumps(dict.fromkeys(known, '…'), ensure_ascii=False)}"
    try:
        document: Any = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise BadRequestError(f"the body is not JSON; {expected}") from None
    if not isinstance(document, dict) or "rule" not in document:
        raise BadRequestError(f"the body has no rule; {expected}")
    for key, value in document.items():
        if key not in known:
            raise BadRequestError(f"{quote_value(key)} is not a known key; {expected}")
        if not isinstance(value, str):
            raise BadRequestError(f"{key} is not text; {expected}")
    return document


def _parse_rule(name: str, text: str) -> Threshold:
    try:
        return parse_rule(text)
    except ValueError as error:
        raise BadRequestError(f"{name} is {quote_value(text)}; {error}") from None


def _parse_rule_change(
    rule: Threshold,
    replaced: str,
    store: Reader,
    states: Sequence[AlertState],
    time: float,
    user: str,
    id: str,
) -> AlertAction:
    """Return the creation of a rule, or the change of another one into it."""
    rules = [state.threshold for state in states]
    old = None
    if replaced:
        old = _find(replaced, states).threshold
        _check_origin(old, store)
        rules.remove(old)
    elif len(rules) >= MAX_RULES:
        raise BadRequestError(f"there are {len(rules)} rules; expected at most {MAX_RULES}; delete one first")
    if rule in rules:
        raise BadRequestError(f"{quote_value(rule.text)} exists already")
    # Not all pairs of 500 rules, which take half a second.
    others = [other for other in rules if other.metric == rule.metric]
    for other in others:
        for conflict in rule_conflicts([other, rule]):
            raise BadRequestError(f"the list of rules {conflict}")
    return AlertAction(id, CHANGE_RULE if old else CREATE, rule, time, user, replaces=old)


def _find(text: str, states: Sequence[AlertState]) -> AlertState:
    rule = _parse_rule("rule", text)
    for state in states:
        if state.threshold.condition == rule.condition:
            return state
    raise BadRequestError(f"there is no rule {quote_value(rule.text)}; see /api/alerts")


def _check_origin(rule: Threshold, store: Reader) -> None:
    if rule not in store.alert_controls().rules:
        raise BadRequestError(
            f"{quote_value(rule.text)} is a rule of the settings; change --threshold or DASHAPP_THRESHOLD"
        )


def _parse_duration(text: str) -> float | None:
    if text not in MUTE_DURATIONS:
        raise BadRequestError(f"for is {quote_value(text)}; expected {', '.join(MUTE_DURATIONS)}")
    return MUTE_DURATIONS[text]


def _parse_comment(text: str) -> str:
    comment = " ".join(text.split())
    if len(comment) > MAX_COMMENT_CHARS:
        raise BadRequestError(
            f"comment has {len(comment):,} characters; expected at most {MAX_COMMENT_CHARS}"
        )
    if not comment.isprintable():
        raise BadRequestError(f"comment is {quote_value(comment)}; expected printable text")
    return comment
