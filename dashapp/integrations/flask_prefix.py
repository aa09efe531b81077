"""The prefix of our pages in a Flask application: its form, and conflicts with other routes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from dashapp.model.text import quote_value
from dashapp.model.ticks import MountError

# Characters that need no escape in a URL and have no meaning in a rule.
_PATH_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
_EXPECTED = 'expected letters, digits, - and _ between slashes, such as "/monitor/"'


def normalize_prefix(value: Any) -> str:
    """Return the prefix with a slash at each end. MountError if it is not a path."""
    if isinstance(value, str):
        parts = value.strip("/").split("/")
        if all(_PATH_SEGMENT.fullmatch(part) for part in parts):
            return f"/{'/'.join(parts)}/"
        if value.strip("/") == "":
            raise MountError(f"the prefix is {quote_value(value)}, the whole application; {_EXPECTED}")
    raise MountError(f"the prefix is {quote_value(value)}; {_EXPECTED}")


def route_conflict(prefix: str, rules: Iterable[str]) -> str:
    """Return an error if a rule of the application is below `prefix`, else empty text.

    A rule that begins with a variable, such as `/<path:rest>`, is no conflict: Flask prefers ours.
    """
    for rule in rules:
        if rule == prefix[:-1] or rule.startswith(prefix):
            return f'the prefix "{prefix}" contains the route {quote_value(rule)}; choose another prefix'
    return ""


def prefix_conflict(prefix: str, others: Iterable[str]) -> str:
    """Return an error if another of our prefixes overlaps `prefix`, else empty text."""
    for other in others:
        if other == prefix:
            return f'dashapp is already mounted at "{prefix}"; choose another prefix'
        if prefix.startswith(other) or other.startswith(prefix):
            return f'the prefix "{prefix}" overlaps "{other}" of another mount; choose another prefix'
    return ""
