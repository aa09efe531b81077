"""The derived metrics of a tick, computed from the values of the sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dashapp.model.formulas.derived import DerivedMetric, in_order
from dashapp.model.formulas.syntax import quote_name
from dashapp.model.text import similar_names
from dashapp.model.ticks import Metric, max_encoded_chars

# Seconds after which an input without a value is reported: a slow source, or a push, may come later.
UNKNOWN_AFTER_S = 15.0
# Characters of a name in a sentence.
MAX_SHOWN_NAME = 80


class DerivedMetrics:
    """Computes `metrics`, each after those in its formula. `known`: the keys in the store."""

    def __init__(self, metrics: Sequence[DerivedMetric], known: Iterable[str] = ()) -> None:
        self._metrics = in_order(metrics)
        names = {derived.metric.key for derived in metrics}
        known = {*known, *names}
        # The inputs that never had a value, each with the first metric that needs it.
        self._unseen: dict[str, str] = {}
        for derived in metrics:
            for key in derived.formula.inputs:
                if key not in known:
                    self._unseen.setdefault(key, derived.metric.key)
        # Names that a source returns too. A line with values of both would be wrong.
        self._taken: dict[str, None] = {}
        self._since: float | None = None
        self.max_chars = max_encoded_chars(names)

    def derive(self, values: Mapping[str, float]) -> dict[Metric, float]:
        """Return the derived values of a tick whose sources returned `values`."""
        if not self._metrics:
            return {}
        results: dict[Metric, float] = {}
        inputs = dict(values)
        for derived in self._metrics:
            metric = derived.metric
            if metric.key in values:
                self._taken[metric.key] = None
            elif metric.key not in self._taken and (value := derived.formula.value(inputs)) is not None:
                results[metric] = inputs[metric.key] = value
        return results

    def problem(self, time: float, values: Mapping[str, float]) -> str:
        """Return a sentence about a taken name or inputs that never appeared; empty if fine.

        `time` and `values` are those of the tick.
        """
        if self._unseen:
            for key in self._unseen.keys() & values.keys():
                del self._unseen[key]
        if self._taken:
            name = quote_name(next(iter(self._taken)))
            return f"the derived metric {name} is not computed: a source returns {name} too; rename it"
        # The clock may have been set back.
        self._since = time if self._since is None else min(self._since, time)
        if not self._unseen or time - self._since < UNKNOWN_AFTER_S:
            return ""
        key, name = next(iter(self._unseen.items()))
        similar = similar_names(key, (other for other in values if other != name))
        hint = f"did you mean {quote_name(similar[0])}?" if similar else "nothing has returned it yet"
        others = f" and {len(self._unseen) - 1} more" if len(self._unseen) > 1 else ""
        shown = quote_name(key)[:MAX_SHOWN_NAME]
        return f"the derived metric {quote_name(name)[:MAX_SHOWN_NAME]} needs {shown}{others}; {hint}"
