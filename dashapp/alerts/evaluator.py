"""Evaluation of thresholds, tick by tick; returns each change of state once.

It is pure: the time comes from the ticks.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable

from dashapp.model.thresholds import MISSING_OP, AlertChange, AlertState, Threshold
from dashapp.model.ticks import GAP_STEPS, Tick, to_milliseconds

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class AlertEvaluator:
    """Evaluates ticks in the order in which they were made.

    An alert fires once the limit is crossed at every tick for `threshold.seconds`. It resolves once
    `threshold.clear_threshold` is not crossed for as long. That time starts again if a value is missing, if
    there is a gap between ticks, or if the clock was set back.

    A metric is missing once it had no value for `threshold.seconds`, until its next value. That time
    continues while there are no ticks, so such an alert is reported after the gap.
    """

    def __init__(
        self, thresholds: Iterable[Threshold], before: Iterable[AlertState] = (), newest: float = 0.0
    ) -> None:
        """`before`: the states of an earlier evaluator; those of other thresholds are dropped.

        `newest`: the time of the last tick that it evaluated, 0 if there was none.
        """
        known = {state.threshold: state for state in before}
        states = [known.get(each, AlertState(each)) for each in thresholds]
        self._cases: list[_LimitRule | _MissingRule] = [
            _MissingRule(state, to_milliseconds(newest))
            if state.threshold.op == MISSING_OP
            else _LimitRule(state)
            for state in states
        ]
        self._last = 0

    def states(self) -> list[AlertState]:
        return [case.state for case in self._cases]

    def evaluate(self, tick: Tick) -> list[AlertChange]:
        """Return the changes at this tick."""
        now = to_milliseconds(tick.time)
        follows = 0 < now - self._last <= GAP_STEPS * 1000 * tick.step
        self._last = now
        changes: list[AlertChange] = []
        for case in self._cases:
            case.evaluate(now, tick.values.get(case.metric), follows, changes)
        return changes


class _LimitRule:
    """One threshold with a limit. Times are in milliseconds.

    `contrary_since`: the time since when the value contradicts the state; None if it does not.
    """

    __slots__ = ("contrary_since", "holds", "limits", "metric", "patience", "state")

    def __init__(self, state: AlertState) -> None:
        threshold = state.threshold
        self.state = state
        self.metric = threshold.metric
        self.limits = (threshold.limit, threshold.clear_threshold)
        self.holds = _OPERATORS[threshold.op]
        self.patience = to_milliseconds(threshold.seconds)
        self.contrary_since: int | None = None

    def evaluate(self, now: int, value: float | None, follows: bool, changes: list[AlertChange]) -> None:
        broken = self.state.firing
        if value is None or self.holds(value, self.limits[broken]) is broken:
            self.contrary_since = None
            return
        if self.contrary_since is None or not follows:
            self.contrary_since = now
        if now - self.contrary_since >= self.patience:
            self.state = AlertState(self.state.threshold, not broken, now / 1000)
            self.contrary_since = None
            changes.append(AlertChange(self.state.threshold, not broken, now / 1000, value))


class _MissingRule:
    """One threshold of a missing metric. `seen`: its last value in milliseconds, 0 for never."""

    __slots__ = ("metric", "patience", "seen", "state")

    def __init__(self, state: AlertState, newest: int) -> None:
        self.state = state
        self.metric = state.threshold.metric
        self.patience = to_milliseconds(state.threshold.seconds)
        self.seen = newest

    def evaluate(self, now: int, value: float | None, follows: bool, changes: list[AlertChange]) -> None:
        # A metric that never had a value is missing since the first tick. A clock that was set back restarts
        # the time.
        self.seen = min(self.seen or now, now)
        # Between two consecutive ticks nothing is missing, however far apart they are.
        there = follows and value is not None
        if now - self.seen >= self.patience and not there and not self.state.firing:
            self._transition(True, self.seen + self.patience, None, changes)
        if value is not None:
            self.seen = now
            if self.state.firing:
                self._transition(False, now, value, changes)

    def _transition(self, broken: bool, at: int, value: float | None, changes: list[AlertChange]) -> None:
        self.state = AlertState(self.state.threshold, broken, at / 1000)
        changes.append(AlertChange(self.state.threshold, broken, at / 1000, value))
