"""Time column: which column of a table holds the time, and what its text means, in seconds UTC.

ISO 8601 (without a zone: UTC), or epoch seconds, milliseconds, microseconds or nanoseconds, by their size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

NAMES = ("time", "timestamp", "date", "datetime", "ts")
# Epoch seconds stay below this until the year 5138; what is larger counts parts of a second.
_LARGEST_SECONDS = 1e11


def find(heading: Sequence[str]) -> int:
    """The column of one of NAMES, or the first."""
    plain = [name.strip().lower() for name in heading]
    return next((plain.index(name) for name in NAMES if name in plain), 0)


def parse(text: str) -> float:
    """ValueError for what is no time.

    >>> parse("2026-01-02T03:04:05Z") == parse("2026-01-02 03:04:05") == parse("1767323045000")
    True
    """
    text = text.strip()
    try:
        value = float(text)
    except ValueError:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(value) or "_" in text or (len(text) == 8 and text[:2] in ("19", "20")):
        # Eight digits are a day to the one who wrote them.
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).timestamp()
    while abs(value) >= _LARGEST_SECONDS:
        value /= 1000
    return value
