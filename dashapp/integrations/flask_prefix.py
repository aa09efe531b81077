"""The prefix of our pages in a Flask application: its form, and conflicts with other routes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from dashapp.config.cli import quote_value
from dashapp.model.ticks import MountError

# Characters that need no escape in a URL and have no meaning in a rule.
_PATH_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
_EXPECTED = 'expected letters, digits, - and _ between slashes, such as "/monitor/"'


def normalize_prefix(given: Any) -> str:
    """Return the prefix with a slash at each end. MountError if it is not a path."""
    if isinstance(given, str):
        parts = given.strip("/").split("/")
        if all(_PATH_SEGMENT.fullmatch(part) for part in parts):
            return f"/{'/'.join(parts)}/"
        if given.strip("/") == "":
            raise MountError(
                f"the prefix is {quote_value(given)}, which is all of the application; {_EXPECTED}"
            )
    raise MountError(f"the prefix is {quote_value(given)}; {_EXPECTED}")


def route_conflict(own: str, rules: Iterable[str]) -> str:
    """Return an error if a rule of the application is below `own`, else empty text.

    A rule that begins with a variable, such as `/<path:rest>`, is no conflict: Flask prefers ours.
    """
    for rule in rules:
        if rule == own[:-1] or rule.startswith(own):
            return (
                f'the prefix "{own}" holds the application\'s own route {quote_value(rule)}; choose another'
            )
    return ""


def prefix_conflict(own: str, others: Iterable[str]) -> str:
    """Return an error if another of our prefixes overlaps `own`, else empty text."""
    for other in others:
        if other == own:
            return f'dashapp is mounted at "{own}" already; choose another prefix for a second one'
        if own.startswith(other) or other.startswith(own):
            return f'dashapp is mounted at "{other}" already, and "{own}" overlaps it; choose another prefix'
    return ""
