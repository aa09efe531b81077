"""Alert monitor: evaluates the thresholds of each stored tick and records the result.

It stores the states and changes of alerts, and reports thresholds whose metric no source provides. The caller
delivers the changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace
from datetime import tzinfo

from dashapp.alerts.announcements import Announcements, with_entries
from dashapp.alerts.evaluator import AlertEvaluator
from dashapp.alerts.outlook import StoreOutlook
from dashapp.model.alerts.controls import TEST_RULE, AlertAction, AlertControls
from dashapp.model.alerts.rules import MAX_RULES
from dashapp.model.notices import MAX_NOTICES, NoticeSink
from dashapp.model.text import quote_value, similar_names, suggest
from dashapp.model.thresholds import (
    CHANGE,
    REACHES_OP,
    TEST,
    UNUSUAL_OP,
    AlertChange,
    AlertState,
    Threshold,
)
from dashapp.model.ticks import Tick
from dashapp.stores.base import Store
from dashapp.stores.documents import ALERT_CONTROLS, MAX_CHANGES

# Seconds for a metric to appear: some sources are read rarely, or wait for another machine.
FIRST_VALUE_TIMEOUT_S = 30.0
# Names to compare with an unknown one, so that a program which pushes new names fills no memory.
MAX_COMPARED_NAMES = 10_000


# The detail of the last change of an alert whose rule was removed while it fired.
RULE_REMOVED = "its rule was removed"

# Changes, and the time of their tick.
Explain = Callable[[Sequence[AlertChange], float], None]


class AlertMonitor:
    """Continues from the states in the store: a firing alert fires until a tick resolves it."""

    def __init__(
        self,
        thresholds: Sequence[Threshold],
        store: Store,
        notice: NoticeSink | None = None,
        explain: Explain | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        """`thresholds`: of the settings; the store has those of the page.

        `explain` stores what explains the changes of a tick, before the store has these. `zone`: of quiet
        hours; None for that of the machine.
        """
        self._configured = tuple(thresholds)
        self._controls = store.alert_controls()
        thresholds = self._all_thresholds()
        self._store = store
        self._notice = notice
        self._explain = explain
        newest = store.newest().time_ms / 1000
        self._log = deque(store.alert_log(), maxlen=MAX_CHANGES)
        previous_states = store.thresholds()
        self._outlook = StoreOutlook(store)
        self._outlook.set_thresholds(thresholds)
        self._evaluator = AlertEvaluator(
            thresholds, _restore(previous_states, self._log, newest), newest, self._outlook
        )
        self._announcements = Announcements(zone)
        self._removed = self._find_removed(previous_states)
        self._restore_announcements()
        self._missing_metrics = {threshold.metric: None for threshold in thresholds}  # an ordered set
        self._seen_names: set[str] = set()
        self._similar_names: dict[str, list[str]] = {}
        self._start_time: float | None = None
        # The log before the clock was last set back.
        self._log_before_step: list[AlertChange] = []
        self._tests: list[Threshold] = []
        self._notice_is_current = False
        if notice is not None:
            notice.clear()
        if self._evaluator.states() != previous_states:
            store.set_thresholds(self._evaluator.states())

    def observe(self, tick: Tick) -> list[AlertChange]:
        """Evaluate `tick`, which is already in the store; return its changes and further messages."""
        self._outlook.step(tick.time, tick.step)
        changes = self._evaluator.evaluate(tick)
        changes = self._announcements.silenced(changes, tick.time, self._controls)
        states = self._evaluator.states()
        self._set_controls(self._controls.current(states, tick.time))
        changes += self._announcements.reminders(states, tick.time, tick.values, self._controls)
        changes += self._take_removed(tick)
        changes += self._take_tests(tick)
        if changes:
            changes = self._add_to_log(self._detailed(changes), tick.time)
            self._store.set_thresholds(states)
        if self._missing_metrics:
            self._check_missing(tick)
        return changes

    def apply(self, *actions: AlertAction) -> None:
        """Take over what people did on the page. The same action a second time changes nothing."""
        controls = self._controls
        for action in actions:
            changed = controls.with_action(action)
            has_more = len(changed.rules) > len(controls.rules)
            is_full = len(self._configured) + len(changed.rules) > MAX_RULES
            if changed is controls or (has_more and is_full):
                continue
            if action.kind == TEST_RULE:
                self._tests.append(action.rule)
            controls = changed
        rules = self._controls.rules
        self._set_controls(controls)
        if controls.rules != rules:
            self._set_thresholds()

    def states(self) -> list[AlertState]:
        return self._evaluator.states()

    def wait_for_outlook(self, seconds: float = 10.0) -> bool:
        """Wait until trends and usual ranges are computed; False if that takes longer."""
        return self._outlook.wait(seconds)

    def close(self) -> None:
        """End the thread of the outlook."""
        self._outlook.close()

    def _detailed(self, changes: Iterable[AlertChange]) -> list[AlertChange]:
        """Return the changes, those about a trend or a usual range with what is known of it."""
        return [
            replace(change, detail=self._outlook.describe(change.threshold, change.time, change.value))
            if change.firing and change.threshold.op in (REACHES_OP, UNUSUAL_OP)
            else change
            for change in changes
        ]

    def _set_controls(self, controls: AlertControls) -> None:
        if controls is not self._controls:
            self._controls = controls
            self._store.write_document(ALERT_CONTROLS, controls)

    def _all_thresholds(self) -> list[Threshold]:
        """Return the rules of the settings, and those of the page that are not among them."""
        conditions = {threshold.condition for threshold in self._configured}
        added = [rule for rule in self._controls.rules if rule.condition not in conditions]
        return [*self._configured, *added]

    def _set_thresholds(self) -> None:
        """Follow a change of the rules of the page."""
        thresholds = self._all_thresholds()
        # A rule that is created again does not go on with the state that it had when it was deleted.
        newest = self._store.newest().time_ms / 1000
        previous_states = self._evaluator.states()
        self._outlook.set_thresholds(thresholds)
        self._evaluator.set_thresholds(thresholds, _restore((), self._log, newest))
        self._removed = self._find_removed(previous_states)
        self._restore_announcements()
        self._missing_metrics = {
            threshold.metric: None for threshold in thresholds if threshold.metric not in self._seen_names
        }
        self._notice_is_current = False
        self._store.set_thresholds(self._evaluator.states())

    def _find_removed(self, previous_states: Iterable[AlertState]) -> list[AlertState]:
        """Return the alerts that fire by the states or the log, and whose rules were removed."""
        current = {state.threshold.condition for state in self._evaluator.states()}
        firing = {state.threshold.condition: state for state in previous_states if state.firing}
        # The states lack it already if this process was killed before the next tick.
        for change in self._log:
            condition = change.threshold.condition
            if change.kind == CHANGE and change.firing:
                firing[condition] = AlertState(change.threshold, True, change.time)
            elif change.kind == CHANGE:
                firing.pop(condition, None)
        return [state for condition, state in firing.items() if condition not in current]

    def _restore_announcements(self) -> None:
        self._announcements.restore([*self._evaluator.states(), *self._removed], self._log)

    def _take_removed(self, tick: Tick) -> list[AlertChange]:
        """Return the end of each alert whose rule was removed."""
        removed, self._removed = self._removed, []
        changes = [
            AlertChange(state.threshold, False, tick.time, None, detail=RULE_REMOVED) for state in removed
        ]
        return [self._announcements.ended(change) for change in changes]

    def _take_tests(self, tick: Tick) -> list[AlertChange]:
        tests, self._tests = self._tests, []
        return [
            AlertChange(rule, False, tick.time, tick.values.get(rule.metric), kind=TEST) for rule in tests
        ]

    def _add_to_log(self, changes: Sequence[AlertChange], time: float) -> list[AlertChange]:
        last = self._log[-1].number if self._log else 0
        numbered = [replace(change, number=number) for number, change in enumerate(changes, last + 1)]
        if self._explain is not None:
            self._explain([change for change in numbered if not change.silence], time)
        self._log = deque(with_entries(self._log, numbered), maxlen=MAX_CHANGES)
        # The log comes first: if this process is killed in between, the next one repairs the states.
        self._store.set_changes(self._log)
        return numbered

    def follow_clock(self, size: float, after: float | None, restores: bool = False) -> None:
        """Go on after the clock was set by `size` seconds.

        Times later than `after` are wrong by that; None if none is. `restores`: times before the last step
        back were right, and those since then are wrong.
        """
        self._evaluator.follow_clock(size, after, restores)
        self._set_controls(self._controls.shifted(size))
        if self._start_time is not None:
            self._start_time += size
        if after is None:
            return
        before = [*self._log]
        originals = {change.number: change for change in self._log_before_step} if restores else {}
        changes = []
        for change in before:
            is_wrong = change.time > after
            moved = replace(change, time=change.time + size) if is_wrong else change
            changes.append(originals.get(change.number, moved))
        self._log_before_step = before
        self._log = deque(changes, maxlen=MAX_CHANGES)
        self._restore_announcements()
        self._store.set_changes(self._log)
        self._store.set_thresholds(self._evaluator.states())

    def _check_missing(self, tick: Tick) -> None:
        """Set a notice that names the metrics without any value, until they have one."""
        for key in [key for key in self._missing_metrics if key in tick.values]:
            del self._missing_metrics[key]
            self._notice_is_current = False
        new_names: Set[str] = set()
        if len(self._seen_names) < MAX_COMPARED_NAMES and not tick.values.keys() <= self._seen_names:
            new_names = tick.values.keys() - self._seen_names
            self._seen_names |= new_names
            self._notice_is_current = False
        if self._start_time is None:
            self._start_time = tick.time
        is_due = tick.time - self._start_time >= FIRST_VALUE_TIMEOUT_S
        if self._notice is None or self._notice_is_current or not is_due:
            return
        self._notice_is_current = True
        if keys := list(self._missing_metrics)[:MAX_NOTICES]:
            self._notice.set(" ".join(self._missing_metric_notice(key, new_names) for key in keys))
        else:
            self._notice.clear()

    def _missing_metric_notice(self, key: str, new_names: Set[str]) -> str:
        """Return the sentence about a missing metric, with the most similar of all names seen.

        A comparison with thousands of names takes longer than a tick may. So each name is compared once.
        """
        similar = self._similar_names.get(key)
        names = self._seen_names if similar is None else [*new_names, *similar]
        self._similar_names[key] = similar = similar_names(key, names)
        hint = suggest(key, similar, "see /api/metrics")
        is_configured = any(threshold.metric == key for threshold in self._configured)
        subject = "--threshold" if is_configured else "An alert rule of the page"
        return f"{subject} names {quote_value(key)}, which no source provides{hint}"


def _restore(states: Iterable[AlertState], log: Iterable[AlertChange], newest: float) -> list[AlertState]:
    """Return the stored states, with the changes of the log that are later than they are.

    A threshold that is in the log alone was removed meanwhile. It does not fire since `newest`, the time of
    the newest tick.
    """
    restored = {state.threshold.condition: state for state in states}
    changes = {change.threshold.condition: change for change in log if change.kind == CHANGE}
    for condition, change in changes.items():
        state = restored.get(condition)
        if state is None:
            state = AlertState(change.threshold, False, max(newest, change.time))
        elif state.since is None or state.since < change.time:
            state = AlertState(change.threshold, change.firing, change.time)
        restored[condition] = state
    return list(restored.values())
