"""Asking psutil: a call that this platform lacks, denies or leaves empty is None, never an error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil

# What psutil's functions are known to raise where a platform or a right is missing.
PSUTIL_ERRORS = (
    psutil.Error,
    OSError,
    NotImplementedError,
    AttributeError,
    RuntimeError,
    ValueError,
    LookupError,
)

PsutilCall = Callable[[], Any]


def call_or_none(call: PsutilCall) -> Any:
    """What it answers; None where it is refused."""
    try:
        return call()
    except PSUTIL_ERRORS:
        return None


def as_mapping(answer: Any) -> Mapping[str, Any]:
    """An answer for each device; none where it is of another kind."""
    return answer if isinstance(answer, Mapping) else {}


def as_list(answer: Any) -> Sequence[Any]:
    """An answer one by one; none where it is of another kind."""
    return answer if isinstance(answer, list | tuple) else ()


def finite_field(answer: Any, field: str) -> float | None:
    """A field of an answer, where it is a finite number."""
    value = getattr(answer, field, None)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    return None


def finite_fields(answer: Any, *fields: str) -> dict[str, float]:
    """Those of the fields that are finite numbers."""
    found = ((field, finite_field(answer, field)) for field in fields)
    return {field: value for field, value in found if value is not None}
