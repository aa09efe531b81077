"""Call psutil without exceptions: a result that is missing or denied is None or empty."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil

# Exceptions of psutil's functions if the platform or a privilege is missing.
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
    """Return the result of a psutil call, or None if it fails."""
    try:
        return call()
    except PSUTIL_ERRORS:
        return None


def as_mapping(result: Any) -> Mapping[str, Any]:
    """Return a result by device, or an empty mapping for other types."""
    return result if isinstance(result, Mapping) else {}


def as_list(result: Any) -> Sequence[Any]:
    """Return a result as a sequence, or an empty one for other types."""
    return result if isinstance(result, list | tuple) else ()


def finite_field(result: Any, field: str) -> float | None:
    """Return a field of a result if it is a finite number, otherwise None."""
    value = getattr(result, field, None)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    return None


def finite_fields(result: Any, *fields: str) -> dict[str, float]:
    """Return the fields that are finite numbers."""
    values = ((field, finite_field(result, field)) for field in fields)
    return {field: value for field, value in values if value is not None}
