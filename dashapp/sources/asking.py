"""Asking psutil: a call that this platform lacks, denies or leaves empty is None, never an error."""

from __future__ import annotations

import math
from collections.abc import Callable
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
