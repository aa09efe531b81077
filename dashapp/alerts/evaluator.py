"""Evaluation of thresholds, tick by tick; returns each change of state once.

It is pure: the time comes from the ticks.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import replace

from dashapp.alerts.outlook import NO_OUTLOOK, Outlook
from dashapp.model.rollup import point_end_ms
from dashapp.model.thresholds import (
    MISSING_OP,
    REACHES_OP,
    UNUSUAL_OP,
    AlertChange,
    AlertState,
    Threshold,
)
from dashapp.model.ticks import GAP_STEPS, Tick, to_milliseconds

# Ticks in a row without a value that a duration tolerates, and the share of itself if that is more. Otherwise
# a busy machine, which skips a tick now and then, would hold back an alert for hours.
MAX_MISSED_TICKS, MAX_MISSED_SHARE = 3, 0.1

# An alert about a trend resolves beyond this multiple of its time: a trend changes a little each hour.
REACHES_MARGIN = 1.25
MINUTE_S = 60

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class AlertEvaluator:
    """Evaluates ticks in the order in which they were made.

    An alert fires once the limit is crossed by every value for `threshold.seconds`. It resolves once
    `threshold.clear_threshold` is not crossed for as long. Some ticks or values may be missing: in a row, at
    most MAX_MISSED_TICKS or the share MAX_MISSED_SHARE of the time, if that is more. That time starts again
    after more missing values.

    A metric is missing once it had no value for `threshold.seconds`, until its next value. That time
    continues while there are no ticks, so such an alert is reported after the gap.
    """

    def __init__(
        self,
        thresholds: Iterable[Threshold],
        previous_states: Iterable[AlertState] = (),
        newest: float = 0.0,
        outlook: Outlook = NO_OUTLOOK,
    ) -> None:
        """`previous_states`: states of an earlier evaluator, without those of other thresholds.

        `newest`: the time of the last tick that it evaluated, 0 if there was none. `outlook`: trends and
        usual ranges of the metrics.
        """
        self._newest_ms = to_milliseconds(newest)
        self._outlook = outlook
        self._rules: list[_LimitRule | _MissingRule] = []
        self._last = 0
        # Of each rule, the time of its state before the clock was last set back, and after it.
        self._moved_times: list[tuple[float | None, float | None]] = []
        self.set_thresholds(thresholds, previous_states)

    def states(self) -> list[AlertState]:
        return [rule.state for rule in self._rules]

    def set_thresholds(
        self, thresholds: Iterable[Threshold], previous_states: Iterable[AlertState] = ()
    ) -> None:
        """Evaluate these from now on. One with the condition of an earlier one keeps its state."""
        rules = {rule.state.threshold.condition: rule for rule in self._rules}
        states = {state.threshold.condition: state for state in previous_states}
        self._rules, self._moved_times = [], []
        for threshold in thresholds:
            condition = threshold.condition
            if rule := rules.get(condition):
                rule.state = replace(rule.state, threshold=threshold)
                self._rules.append(rule)
                continue
            state = replace(states.get(condition, AlertState(threshold)), threshold=threshold)
            if threshold.op == MISSING_OP:
                # A new rule does not count the time before it.
                self._rules.append(_MissingRule(state, self._last or self._newest_ms))
            elif threshold.op == REACHES_OP:
                self._rules.append(_ReachesRule(state, self._outlook))
            elif threshold.op == UNUSUAL_OP:
                self._rules.append(_UnusualRule(state, self._outlook))
            else:
                self._rules.append(_LimitRule(state))

    def follow_clock(self, size: float, after: float | None, restores: bool = False) -> None:
        """Go on after the clock was set by `size` seconds; see AlertMonitor.follow_clock.

        Durations go on as if it had not been.
        """
        shift_ms = to_milliseconds(size)
        self._last += shift_ms
        for rule in self._rules:
            rule.shift(shift_ms)
        if after is None:
            return
        moved_times = self._moved_times if restores else []
        self._moved_times = []
        for index, rule in enumerate(self._rules):
            since = rule.state.since
            if moved_times and moved_times[index][1] == since:
                moved = moved_times[index][0]
            else:
                moved = since + size if since is not None and (restores or since > after) else since
            self._moved_times.append((since, moved))
            rule.state = replace(rule.state, since=moved)

    def evaluate(self, tick: Tick) -> list[AlertChange]:
        """Return the changes at this tick."""
        now = to_milliseconds(tick.time)
        step_ms = 1000 * tick.step
        consecutive = 0 < now - self._last <= GAP_STEPS * step_ms
        self._last = now
        changes: list[AlertChange] = []
        for rule in self._rules:
            value = tick.values.get(rule.metric)
            if isinstance(rule, _MissingRule):
                rule.evaluate(now, value, consecutive, changes)
            elif value is not None:
                rule.evaluate(now, value, step_ms, changes)
        return changes


class _LimitRule:
    """One threshold with a limit. Times are in milliseconds.

    `pending_since`: the time since when the value contradicts the state; None if it does not.
    `last_pending`: the time of the last such value.
    """

    __slots__ = ("compare", "duration_ms", "last_pending", "limits", "metric", "pending_since", "state")

    def __init__(self, state: AlertState) -> None:
        threshold = state.threshold
        self.state = state
        self.metric = threshold.metric
        self.limits = (threshold.limit, threshold.clear_threshold)
        self.compare = _OPERATORS.get(threshold.op, _OPERATORS[">="])
        self.duration_ms = to_milliseconds(threshold.seconds)
        self.pending_since: int | None = None
        self.last_pending = 0

    def shift(self, shift_ms: int) -> None:
        if self.pending_since is not None:
            self.pending_since += shift_ms
            self.last_pending += shift_ms

    def evaluate(self, now: int, value: float, step_ms: float, changes: list[AlertChange]) -> None:
        firing = self.state.firing
        self._follow(now, value, step_ms, changes, self.compare(value, self.limits[firing]))

    def _follow(
        self, now: int, value: float, step_ms: float, changes: list[AlertChange], is_true: bool
    ) -> None:
        """Change the state if the condition `is_true` has contradicted it for the duration."""
        firing = self.state.firing
        if is_true is firing:
            self.pending_since = None
            return
        missed_ms = max(MAX_MISSED_TICKS * step_ms, MAX_MISSED_SHARE * self.duration_ms)
        is_continued = 0 < now - self.last_pending <= missed_ms + GAP_STEPS * step_ms
        if self.pending_since is None or not is_continued:
            self.pending_since = now
        self.last_pending = now
        if now - self.pending_since >= self.duration_ms:
            self.state = AlertState(self.state.threshold, not firing, now / 1000)
            self.pending_since = None
            changes.append(AlertChange(self.state.threshold, not firing, now / 1000, value))


class _ReachesRule(_LimitRule):
    """One threshold of a trend. It fires at the limit as well, because a trend ends there."""

    __slots__ = ("outlook",)

    def __init__(self, state: AlertState, outlook: Outlook) -> None:
        super().__init__(state)
        self.outlook = outlook

    def evaluate(self, now: int, value: float, step_ms: float, changes: list[AlertChange]) -> None:
        firing, threshold = self.state.firing, self.state.threshold
        is_true: bool | None = value >= threshold.limit
        if not is_true:
            margin = REACHES_MARGIN if firing else 1.0
            is_true = self.outlook.reaches(threshold, now / 1000, margin * threshold.within)
        if is_true is not None:
            self._follow(now, value, step_ms, changes, is_true)


class _UnusualRule(_LimitRule):
    """One threshold of a usual range, which is of minutes: it compares the mean of each minute."""

    __slots__ = ("minute", "outlook", "total", "weight")

    def __init__(self, state: AlertState, outlook: Outlook) -> None:
        super().__init__(state)
        self.outlook = outlook
        self.minute = 0
        self.total = self.weight = 0.0

    def evaluate(self, now: int, value: float, step_ms: float, changes: list[AlertChange]) -> None:
        minute = point_end_ms(now, MINUTE_S)
        if minute != self.minute:
            self._end_minute(step_ms, changes)
            self.minute, self.total, self.weight = minute, 0.0, 0.0
        self.total += value
        self.weight += 1

    def shift(self, shift_ms: int) -> None:
        super().shift(shift_ms)
        self.weight = 0.0

    def _end_minute(self, step_ms: float, changes: list[AlertChange]) -> None:
        if not self.weight:
            return
        mean = self.total / self.weight
        usual = self.outlook.usual_range(self.metric, self.minute / 1000)
        if usual is not None:
            low, high = usual
            minute_ms = max(1000 * MINUTE_S, step_ms)
            self._follow(self.minute, mean, minute_ms, changes, not low <= mean <= high)


class _MissingRule:
    """One threshold of a missing metric.

    `last_seen_ms`: the time of its last value, 0 for never.
    """

    __slots__ = ("duration_ms", "last_seen_ms", "metric", "state")

    def __init__(self, state: AlertState, newest: int) -> None:
        self.state = state
        self.metric = state.threshold.metric
        self.duration_ms = to_milliseconds(state.threshold.seconds)
        self.last_seen_ms = newest

    def shift(self, shift_ms: int) -> None:
        if self.last_seen_ms:
            self.last_seen_ms += shift_ms

    def evaluate(self, now: int, value: float | None, consecutive: bool, changes: list[AlertChange]) -> None:
        # A metric that never had a value is missing since the first tick. A clock that was set back restarts
        # the time.
        self.last_seen_ms = min(self.last_seen_ms or now, now)
        # Between two consecutive ticks nothing is missing, however far apart they are.
        present = consecutive and value is not None
        if now - self.last_seen_ms >= self.duration_ms and not present and not self.state.firing:
            self._transition(True, self.last_seen_ms + self.duration_ms, None, changes)
        if value is not None:
            self.last_seen_ms = now
            if self.state.firing:
                self._transition(False, now, value, changes)

    def _transition(
        self, firing: bool, time_ms: int, value: float | None, changes: list[AlertChange]
    ) -> None:
        self.state = AlertState(self.state.threshold, firing, time_ms / 1000)
        changes.append(AlertChange(self.state.threshold, firing, time_ms / 1000, value))
