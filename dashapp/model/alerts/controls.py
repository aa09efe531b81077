"""Actions of people on alerts: rules of the page, mutes, acknowledgements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dashapp.model.thresholds import AlertState, Threshold

MUTE, UNMUTE, ACKNOWLEDGE = "mute", "unmute", "acknowledge"
CREATE, CHANGE_RULE, DELETE, TEST_RULE = "create", "change", "delete", "test"
# The longest mute with an end, in seconds.
MAX_MUTE_S = 86_400.0
ACTION_KINDS = (MUTE, UNMUTE, ACKNOWLEDGE, CREATE, CHANGE_RULE, DELETE, TEST_RULE)
# Limits: actions in the log, of which the oldest are dropped; characters of a comment and of a user name.
MAX_ACTIONS, MAX_COMMENT_CHARS, MAX_USER_CHARS = 500, 300, 256


@dataclass(frozen=True, slots=True)
class AlertAction:
    """An action of a person at `time` (seconds UTC) on `rule`.

    `id`: makes a repeated action one. `until`: the end of a mute in seconds, or None until the alert
    resolves. `replaces`: the rule that a changed one replaces.
    """

    id: str
    kind: str
    rule: Threshold
    time: float
    user: str = ""
    comment: str = ""
    until: float | None = None
    replaces: Threshold | None = None


@dataclass(frozen=True, slots=True)
class AlertControls:
    """Mutes and acknowledgements are actions, by the condition of their rule."""

    rules: tuple[Threshold, ...] = ()
    mutes: Mapping[str, AlertAction] = field(default_factory=dict)
    acknowledgements: Mapping[str, AlertAction] = field(default_factory=dict)
    log: tuple[AlertAction, ...] = ()

    def with_action(self, action: AlertAction) -> AlertControls:
        """Return these controls after an action. One with the id of an earlier one changes nothing."""
        if any(earlier.id == action.id for earlier in self.log):
            return self
        condition = action.rule.condition
        controls = replace(self, log=(*self.log, action)[-MAX_ACTIONS:])
        if action.kind == MUTE:
            return replace(controls, mutes={**self.mutes, condition: action})
        if action.kind == UNMUTE:
            return replace(controls, mutes=_without(self.mutes, {condition}))
        if action.kind == ACKNOWLEDGE:
            return replace(controls, acknowledgements={**self.acknowledgements, condition: action})
        if action.kind == CREATE:
            return replace(controls, rules=_with_rule(self.rules, action.rule, condition))
        if action.kind == CHANGE_RULE and action.replaces is not None:
            return replace(controls, rules=_with_rule(self.rules, action.rule, action.replaces.condition))
        if action.kind == DELETE:
            rules = tuple(rule for rule in self.rules if rule.condition != condition)
            return replace(controls, rules=rules)
        return controls

    def current(self, states: Iterable[AlertState], now: float) -> AlertControls:
        """Return these controls without the mutes and acknowledgements that have ended at `now`.

        Those of a rule that does not exist any more have ended too.
        """
        if not (self.mutes or self.acknowledgements):
            return self
        firing = {state.threshold.condition: state.firing for state in states}
        ended_mutes = {
            condition
            for condition, mute in self.mutes.items()
            if condition not in firing or _has_ended(mute, firing[condition], now)
        }
        resolved = {condition for condition in self.acknowledgements if not firing.get(condition)}
        if not (ended_mutes or resolved):
            return self
        return replace(
            self,
            mutes=_without(self.mutes, ended_mutes),
            acknowledgements=_without(self.acknowledgements, resolved),
        )

    def shifted(self, seconds: float) -> AlertControls:
        """Return these controls after the clock was set by `seconds`.

        The rest of each mute is as long as before.
        """
        if not any(mute.until for mute in self.mutes.values()):
            return self
        return replace(
            self,
            mutes={
                condition: mute if mute.until is None else replace(mute, until=max(0.0, mute.until + seconds))
                for condition, mute in self.mutes.items()
            },
        )


def _has_ended(mute: AlertAction, firing: bool, now: float) -> bool:
    if mute.until is None:
        return not firing
    # An end that is days away is by a clock that was wrong: a message too many is better than years without.
    return not now < mute.until <= now + 2 * MAX_MUTE_S


def _with_rule(rules: Iterable[Threshold], rule: Threshold, replaces: str) -> tuple[Threshold, ...]:
    """Return rules with `rule` in place of the one with the condition `replaces`, or at the end."""
    kept = [other for other in rules if other.condition == replaces or other.condition != rule.condition]
    places = [index for index, other in enumerate(kept) if other.condition == replaces]
    if not places:
        return (*kept, rule)
    kept[places[0]] = rule
    return tuple(kept)


def _without(actions: Mapping[str, AlertAction], conditions: set[str]) -> dict[str, AlertAction]:
    return {condition: action for condition, action in actions.items() if condition not in conditions}
