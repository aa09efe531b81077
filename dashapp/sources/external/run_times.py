"""The options `every` and `timeout` of a source that runs again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashapp.model.text import is_finite_number, quote_value

DEFAULT_INTERVAL_S, MIN_INTERVAL_S, MAX_INTERVAL_S = 10.0, 1.0, 86_400.0
MIN_TIMEOUT_S = 0.1


def parse_run_times(
    values: Mapping[str, Any], default_timeout: float, max_timeout: float
) -> tuple[float, float]:
    """Return the interval and the timeout in seconds, from options by name.

    The default of the timeout is at most the interval. ValueError with a sentence if one is out of its range,
    or the timeout is longer than the interval.
    """
    every = _seconds("every", values.get("every", DEFAULT_INTERVAL_S), MIN_INTERVAL_S, MAX_INTERVAL_S)
    default = min(default_timeout, every)
    timeout = _seconds("timeout", values.get("timeout", default), MIN_TIMEOUT_S, max_timeout)
    if timeout > every:
        raise ValueError(f"timeout is {timeout:g}; expected at most every, which is {every:g}")
    return every, timeout


def _seconds(name: str, value: object, low: float, high: float) -> float:
    try:
        number = float(value) if isinstance(value, str) else value
    except ValueError:
        number = None
    if not is_finite_number(number) or not low <= number <= high:
        raise ValueError(f"{name} is {quote_value(value)}; expected seconds from {low:g} to {high:g}")
    return float(number)
