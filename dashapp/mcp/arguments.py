"""Arguments of a tool: types and limits, with one sentence for each error."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dashapp.model.panel_spec import MAX_PATTERN_LENGTH, compile_pattern
from dashapp.model.text import quote_value, suggest, suggest_metric
from dashapp.model.ticks import BadRequestError, Metric

MAX_TEXT_LENGTH = 256
MAX_PATTERNS, MAX_WILDCARDS = 32, 32


class Arguments:
    """The arguments of a call. `names`: those that the tool has."""

    def __init__(self, values: Mapping[str, Any], names: Collection[str]) -> None:
        for name in values:
            if name not in names:
                hint = suggest(name, names, f"expected {', '.join(names)}" if names else "expected none")
                raise BadRequestError(f"{quote_value(name)} is not an argument{hint}")
        self._values = {name: value for name, value in values.items() if value is not None}

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_LENGTH:
            raise BadRequestError(f"{name} is {quote_value(value)}; expected text")
        return value

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        value = self._values.get(name, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise BadRequestError(
                f"{name} is {quote_value(value)}; expected a whole number from {low} to {high}"
            )
        return value

    def patterns(self, name: str) -> list[str]:
        """Return keys or patterns, given as a list or as text with commas; empty if there are none."""
        value = self._values.get(name, [])
        patterns = value.split(",") if isinstance(value, str) else value
        if not isinstance(patterns, list) or not all(
            isinstance(pattern, str) and len(pattern) <= MAX_PATTERN_LENGTH for pattern in patterns
        ):
            raise BadRequestError(
                f"{name} is {quote_value(value)}; expected a list of keys such as cpu.percent"
            )
        patterns = [pattern.strip() for pattern in patterns if pattern.strip()]
        if len(patterns) > MAX_PATTERNS:
            raise BadRequestError(f"{name} has {len(patterns)} keys; expected at most {MAX_PATTERNS}")
        if (count := sum(pattern.count("*") + pattern.count("?") for pattern in patterns)) > MAX_WILDCARDS:
            raise BadRequestError(f"{name} has {count} wildcards; expected at most {MAX_WILDCARDS}")
        return patterns


def match_metrics(name: str, patterns: list[str], catalogue: list[Metric]) -> list[Metric]:
    """Return the metrics that match, in order; BadRequestError if a pattern matches none."""
    found: dict[str, Metric] = {}
    for pattern in patterns:
        matches = compile_pattern(pattern)
        metrics = [metric for metric in catalogue if matches(metric.key)]
        if not metrics:
            keys = (metric.key for metric in catalogue)
            hint = suggest_metric(pattern, keys, "list_metrics lists all")
            raise BadRequestError(f"{name} contains {quote_value(pattern)}, which is no metric{hint}")
        found |= {metric.key: metric for metric in metrics}
    return [*found.values()]
