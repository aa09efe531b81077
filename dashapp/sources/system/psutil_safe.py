"""Asking psutil: a call that this platform lacks, denies or leaves empty is None, never an error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil

# What psutil's functions are known to raise where a platform or a right is missing.
REFUSALS = (psutil.Error, OSError, NotImplementedError, AttributeError, RuntimeError, ValueError, LookupError)

Ask = Callable[[], Any]


def ask(call: Ask) -> Any:
    """What it answers; None where it is refused."""
    try:
        return call()
    except REFUSALS:
        return None


def by_name(answer: Any) -> Mapping[str, Any]:
    """An answer for each device; none where it is of another kind."""
    return answer if isinstance(answer, Mapping) else {}


def listed(answer: Any) -> Sequence[Any]:
    """An answer one by one; none where it is of another kind."""
    return answer if isinstance(answer, list | tuple) else ()


def number(answer: Any, field: str) -> float | None:
    """A field of an answer, where it is a finite number."""
    value = getattr(answer, field, None)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    return None


def numbers(answer: Any, *fields: str) -> dict[str, float]:
    """Those of the fields that are finite numbers."""
    found = ((field, number(answer, field)) for field in fields)
    return {field: value for field, value in found if value is not None}
