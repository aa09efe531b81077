"""A panel's table: what a settings file may say of a chart, and what patterns of metric keys mean.

Knows no panel, metric or figure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from dashapp.model.text import quote_value, suggest

KINDS = ("line", "area", "stacked", "mountain", "bar", "table")
# What no metric can be drawn as: its source alone can say it.
CURVE_KIND = "curve"
# The reference of a line that is measured against the first point in sight.
FIRST_POINT = "first"
TEXT_KEYS = ("name", "title", "of", "unit")
BOUND_KEYS = ("low", "high")
LIST_KEYS = ("metrics", "right")
ALL_KEYS = (*TEXT_KEYS, "kind", *LIST_KEYS, *BOUND_KEYS, "reference")
MAX_TEXT_LENGTH, MAX_PATTERN_LENGTH, MAX_PATTERNS = 64, 256, 64
_INVALID_CHARS = re.compile(r"[^\w-]+")


def parse_panel_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a panel, `name` and `title` always. ValueError, with what is expected."""
    given: dict[str, Any] = {}
    for key, value in table.items():
        if key in TEXT_KEYS:
            given[key] = _parse_text(key, value)
        elif key == "kind":
            if value not in KINDS:
                hint = ", as a curve is its source's to say" if value == CURVE_KIND else ""
                raise ValueError(f"kind is {quote_value(value)}; expected one of {', '.join(KINDS)}{hint}")
            given[key] = value
        elif key in LIST_KEYS:
            given[key] = _parse_patterns(key, value)
        elif key in BOUND_KEYS:
            given[key] = _parse_bound(key, value)
        elif key == "reference":
            given[key] = _parse_reference(value)
        else:
            hint = suggest(str(key), ALL_KEYS, f"{', '.join(ALL_KEYS)} are")
            raise ValueError(f"`{key[:80]}` is not one of a panel's keys{hint}")
    wanted = given.get("name") or given.get("title", "")
    name = _INVALID_CHARS.sub("-", wanted).strip("-")
    if not name:
        raise ValueError("there is no name in it; expected a name or a title")
    given["name"] = name if "name" in given else name.lower()
    given.setdefault("title", wanted.replace("_", " ").capitalize())
    low, high = given.get("low"), given.get("high")
    if low is not None and high is not None and low >= high:
        raise ValueError(f"low is {low:g}; expected less than high, which is {high:g}")
    return given


def parse_panel_text(text: str) -> dict[str, Any]:
    """The table that a flag or a variable says on one line: `name="x", metrics=["a.*"]`."""
    import tomllib

    try:
        found = tomllib.loads(f"panel = {{ {text} }}")
    except (ValueError, RecursionError):
        found = {}
    panel = found.get("panel")
    if len(found) != 1 or not isinstance(panel, dict):
        raise ValueError('expected a panel as one line of TOML, such as name="cpu", kind="area"')
    return panel


def matches_pattern(pattern: str, key: str) -> bool:
    """Whether a key is meant: `*` is anything, `?` one character, all else itself.

    >>> matches_pattern("weather.*", "weather.kitchen"), matches_pattern("weather", "weather.kitchen")
    (True, False)
    """
    return pattern == key or fnmatchcase(key, pattern.replace("[", "[[]"))


def _parse_text(key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH or not value.isprintable():
        raise ValueError(
            f"{key} is {quote_value(value)}; expected text of at most {MAX_TEXT_LENGTH} characters"
        )
    return value.strip()


def _parse_patterns(key: str, value: object) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if listed == []:
        raise ValueError(f'{key} is empty; expected metric keys, such as ["cpu.*"]')
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_PATTERNS:
        raise ValueError(f'{key} is {quote_value(value)}; expected a list of metric keys, such as ["cpu.*"]')
    for each in listed:
        if not isinstance(each, str) or not 0 < len(each) <= MAX_PATTERN_LENGTH:
            raise ValueError(f"{key} holds {quote_value(each)}; expected metric keys, such as cpu.*")
    return tuple(listed)


def _parse_bound(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{key} is {quote_value(value)}; expected a number")
    return float(value)


def _parse_reference(value: object) -> str | float:
    if isinstance(value, str):
        if not 0 < len(value) <= MAX_PATTERN_LENGTH or not value.isprintable():
            raise ValueError(
                f'reference is {quote_value(value)}; expected a metric key, "{FIRST_POINT}" or a number'
            )
        return value
    return _parse_bound("reference", value)
