"""Convert the result of a function or a feed to metrics, within limits.

Names and values come from foreign code and can be anything.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from dashapp.model.ticks import Metric, SourceError
from dashapp.sources.rejection import describe_value

MAX_METRICS = 1000
MAX_NAME_LENGTH = 200
MAX_LABEL_LENGTH = 64
# Only characters that fit a URL, an element's id and a comma-separated list; letters of any script do.
_INVALID_CHARS = re.compile(r"[^\w.-]+")


class UnusableResultError(SourceError, TypeError):
    """A function returned another type than its source accepts."""


class NamedValues:
    """Makes metrics of names: the same for the same name, and at most MAX_METRICS of a result.

    The key is `stem.name`. The label is the name, after `label` if there is one. `rejection` describes what
    the last reading dropped, as the end of a sentence; it is empty if nothing was dropped.
    """

    def __init__(
        self,
        stem: str,
        *,
        label: str = "",
        unit: str = "",
        panel: str = "",
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        self.rejection = ""
        self._stem = stem
        self._label = plain_label(label)
        self._unit = plain_label(unit)
        self.panel = panel_name(panel or stem)
        self._low, self._high = low, high
        self._cache: dict[object, Metric] = {}
        self._keys: set[str] = set()

    def read(self, result: object) -> dict[Metric, Any]:
        """Return the metrics of a number, or of a mapping of names to numbers.

        A value that is no finite number stays as it is: the sampler reports it under its metric's name.
        Raises UnusableResultError for other types.
        """
        self.rejection = ""
        if not isinstance(result, Mapping):
            if (number := to_float(result)) is None:
                raise UnusableResultError(
                    f"returned {describe_value(result)}; expected a number or a mapping of names to numbers"
                )
            return {self._cache.get("") or self._metric(""): number}
        values: dict[Metric, Any] = {}
        cache = self._cache
        invalid_count = excess_count = 0
        items: Collection[tuple[Any, Any]] = result.items()
        if len(cache) > MAX_METRICS or len(items) > MAX_METRICS:
            # Names that are gone make room for others. Of too many names, those that were there first stay.
            ordered = sorted(items, key=lambda item: item[0] not in cache)
            self._forget({name for name, _value in ordered[:MAX_METRICS]})
            cache, items = self._cache, ordered
        for name, value in items:
            metric = cache.get(name)
            if metric is None:
                if not is_name(name):
                    invalid_count += 1
                    continue
                if len(values) >= MAX_METRICS:
                    excess_count += 1
                    continue
                metric = self._metric(name)
            number = to_float(value)
            values[metric] = value if number is None else number
        if excess_count:
            self.rejection = f"returned more than {MAX_METRICS:,} metrics; {excess_count:,} were dropped"
        elif invalid_count:
            self.rejection = (
                f"returned {invalid_count:,} names that are not text of 1 to {MAX_NAME_LENGTH} characters"
            )
        return values

    def _forget(self, kept: Collection[object]) -> None:
        self._cache = {name: metric for name, metric in self._cache.items() if name in kept}
        self._keys = {metric.key for metric in self._cache.values()}

    def _metric(self, name: object) -> Metric:
        text = str(name)
        suffix = _INVALID_CHARS.sub("-", text).strip("-.") or ("unnamed" if text else "")
        key = base_key = f"{self._stem}.{suffix}" if suffix else self._stem
        number = 2
        while key in self._keys:
            key, number = f"{base_key}-{number}", number + 1
        self._keys.add(key)
        label = f"{self._label} {text}" if self._label and text else self._label or text or self._stem
        label = plain_label(label) or "?"
        metric = Metric(key, label, self._unit, self.panel, self._low, self._high)
        self._cache[name] = metric
        return metric


def panel_name(text: str) -> str:
    """Return a panel name that fits a URL: letters, digits and dashes."""
    return _INVALID_CHARS.sub("-", text).replace(".", "-").strip("-") or "others"


def is_name(name: object) -> bool:
    """Return whether `name` is text within MAX_NAME_LENGTH, or a whole number."""
    if isinstance(name, str):
        return bool(name.strip()) and len(name) <= MAX_NAME_LENGTH
    return isinstance(name, int) and not isinstance(name, bool) and abs(name) < 10**18


def to_float(value: object) -> float | None:
    """Return a number of any type as a float, or None for text and anything else.

    Numbers are int, bool, Decimal, Fraction and those of numpy.
    """
    if type(value) is float:
        return value
    if isinstance(value, str | bytes | bytearray) or not hasattr(type(value), "__float__"):
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except Exception:
        # 10**400, or a foreign object that only looks like a number.
        return None


def plain_label(text: str) -> str:
    """Return text for a label: spaces for unprintable characters, and the end cut off."""
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text if len(text) <= MAX_LABEL_LENGTH else text[: MAX_LABEL_LENGTH - 1] + "…"
