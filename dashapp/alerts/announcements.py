"""Announcements: the state of each alert that receivers of messages know.

An alert sends no message in its quiet hours and while it is muted. Afterwards one message reports the state,
if the receivers know another one.
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, tzinfo

from dashapp.model.alerts.controls import AlertControls
from dashapp.model.thresholds import (
    MUTED,
    QUIET,
    REMINDER,
    TEST,
    AlertChange,
    AlertState,
    Threshold,
)


class Announcements:
    """Decides which changes are sent, and which alerts are reported once more.

    `zone`: the time zone of quiet hours; None for that of the machine.
    """

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        # By condition: the state in the last message, and the time of that message.
        self._known: dict[str, tuple[bool, float]] = {}
        # By condition: why the current state has no message, if it differs from that one.
        self._withheld: dict[str, str] = {}

    def restore(self, states: Iterable[AlertState], log: Iterable[AlertChange]) -> None:
        """Go on with the log of an earlier process."""
        newest: dict[str, AlertChange] = {}
        silent: dict[str, AlertChange] = {}
        for change in log:
            if change.kind != TEST:
                group = silent if change.silence else newest
                group[change.threshold.condition] = change
        self._known, self._withheld = {}, {}
        for state in states:
            condition = state.threshold.condition
            sent, withheld = newest.get(condition), silent.get(condition)
            if sent is not None:
                self._known[condition] = (sent.firing, sent.time)
            elif withheld is None:
                # The log lacks the change, because it is old.
                self._known[condition] = (state.firing, state.since or 0.0)
            if state.firing != self._known.get(condition, (False, 0.0))[0]:
                self._withheld[condition] = withheld.silence if withheld is not None else QUIET

    def silenced(
        self, changes: Sequence[AlertChange], now: float, controls: AlertControls
    ) -> list[AlertChange]:
        """Return changes at `now`, each with the reason if it has no message."""
        return [self._silenced(change, now, controls) for change in changes]

    def _silenced(self, change: AlertChange, now: float, controls: AlertControls) -> AlertChange:
        condition = change.threshold.condition
        reason = self._reason(change.threshold, change.firing, now, controls)
        known, _time = self._known.get(condition, (False, 0.0))
        if known == change.firing:
            # For example resolved, without a message that it fired.
            reason = reason or self._withheld.get(condition, QUIET)
            self._withheld.pop(condition, None)
        elif reason:
            self._withheld[condition] = reason
        else:
            self._known[condition] = (change.firing, now)
            self._withheld.pop(condition, None)
        return replace(change, silence=reason) if reason else change

    def ended(self, change: AlertChange) -> AlertChange:
        """Return the last change of a removed rule, silent if no receiver knows the alert.

        Quiet hours and mutes do not delay it, because nothing could send it later.
        """
        condition = change.threshold.condition
        is_known, _time = self._known.pop(condition, (False, 0.0))
        reason = self._withheld.pop(condition, QUIET)
        return change if is_known else replace(change, silence=reason)

    def reminders(
        self, states: Iterable[AlertState], now: float, values: Mapping[str, float], controls: AlertControls
    ) -> list[AlertChange]:
        """Return one more message of each alert that needs one at `now`, with the current value."""
        reminders = []
        for state in states:
            threshold = state.threshold
            if not (self._withheld or (state.firing and threshold.repeat)):
                continue
            condition = threshold.condition
            if not (condition in self._withheld or self._is_due(state, condition, now)):
                continue
            is_acknowledged = state.firing and condition in controls.acknowledgements
            if is_acknowledged or self._reason(threshold, state.firing, now, controls):
                continue
            self._known[condition] = (state.firing, now)
            self._withheld.pop(condition, None)
            value = values.get(threshold.metric)
            reminders.append(AlertChange(threshold, state.firing, now, value, kind=REMINDER))
        return reminders

    def _is_due(self, state: AlertState, condition: str, now: float) -> bool:
        repeat = state.threshold.repeat
        if not (state.firing and repeat):
            return False
        _firing, sent_at = self._known.get(condition, (True, state.since or now))
        return now - sent_at >= repeat

    def _reason(self, threshold: Threshold, firing: bool, now: float, controls: AlertControls) -> str:
        """Return why there is no message at `now`; empty if there is one."""
        mute = controls.mutes.get(threshold.condition)
        if mute is not None and (firing or mute.until is not None):
            return MUTED
        return QUIET if is_quiet(threshold, now, self._zone) else ""


def is_quiet(threshold: Threshold, now: float, zone: tzinfo | None) -> bool:
    """Whether `now` is in the quiet hours of a rule."""
    if not threshold.quiet_hours:
        return False
    if zone is None:
        local = clock.localtime(now)
        day, minute = local.tm_wday, 60 * local.tm_hour + local.tm_min
    else:
        moment = datetime.fromtimestamp(now, zone)
        day, minute = moment.weekday(), 60 * moment.hour + moment.minute
    return any(period.covers(day, minute) for period in threshold.quiet_hours)


def with_entries(log: Iterable[AlertChange], entries: Sequence[AlertChange]) -> list[AlertChange]:
    """Return a log with further entries, without the messages that they replace."""
    messages = [entry for entry in entries if entry.kind]
    if not messages:
        return [*log, *entries]
    replaced = {entry.threshold.condition for entry in messages if entry.kind == REMINDER}
    has_test = any(entry.kind == TEST for entry in messages)
    return [change for change in log if not _is_replaced(change, replaced, has_test)] + [*entries]


def _is_replaced(change: AlertChange, reminders: Set[str], has_test: bool) -> bool:
    if change.kind == REMINDER:
        return change.threshold.condition in reminders
    return change.kind == TEST and has_test
