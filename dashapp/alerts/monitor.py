"""The watch: what the collector does with a tick once it is kept. It has the thresholds judged, leaves in
the store where they stand and what became of them, and says which of them name what no source gives.

Knows no clock, process or signal; what becomes of a change is for the caller.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from dashapp.alerts.evaluator import AlertEvaluator
from dashapp.model.notices import MAX_NOTICES, NoticeSink
from dashapp.model.text import quote_value, suggest
from dashapp.model.thresholds import AlertChange, Threshold
from dashapp.model.ticks import Tick
from dashapp.stores.base import MAX_CHANGES, Store

# Seconds that a metric may take to appear: some sources are read seldom, or wait for another machine.
FIRST_VALUE_TIMEOUT_S = 30.0


class AlertMonitor:
    """Goes on where the store's last watch stopped: what was broken is, until it is judged otherwise."""

    def __init__(
        self, thresholds: Sequence[Threshold], store: Store, notice: NoticeSink | None = None
    ) -> None:
        self._store = store
        self._notice = notice
        before = store.thresholds()
        self._evaluator = AlertEvaluator(thresholds, before, store.newest().time_ms / 1000)
        self._log = deque(store.changes(), maxlen=MAX_CHANGES)
        self._missing = {each.metric: None for each in thresholds}  # a set in the order given
        self._started: float | None = None
        self._told: str | None = None
        if notice is not None:
            notice.clear()
        if self._evaluator.states() != before:
            store.set_thresholds(self._evaluator.states())

    def observe(self, tick: Tick) -> list[AlertChange]:
        """The changes that came with `tick`, which the store has by now."""
        changes = self._evaluator.evaluate(tick)
        if changes:
            self._store.set_thresholds(self._evaluator.states())
            last = self._log[-1].number if self._log else 0
            changes = [replace(each, number=number) for number, each in enumerate(changes, last + 1)]
            self._log.extend(changes)
            self._store.set_changes(self._log)
        if self._missing:
            self._check_missing(tick)
        return changes

    def _check_missing(self, tick: Tick) -> None:
        """Say which metrics never came, for as long as they do not."""
        for key in [key for key in self._missing if key in tick.values]:
            del self._missing[key]
        if self._started is None:
            self._started = tick.time
        if self._notice is None or tick.time - self._started < FIRST_VALUE_TIMEOUT_S:
            return
        said = " ".join(_missing_metric_notice(key, tick.values) for key in list(self._missing)[:MAX_NOTICES])
        if said != self._told:
            self._told = said
            if said:
                self._notice.set(said)
            else:
                self._notice.clear()


def _missing_metric_notice(key: str, keys: Iterable[str]) -> str:
    hint = suggest(key, keys, "/api/metrics lists those there are.")
    return f"--threshold names {quote_value(key)}, which no source gives{hint}"
