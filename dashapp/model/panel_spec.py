"""Parse a panel's table from the settings, and match metric keys against patterns."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from typing import Any

from dashapp.model.text import is_finite_number, quote_value, suggest

KINDS = ("line", "area", "stacked", "mountain", "bar", "table")
# Only a source can choose this kind, because metrics cannot be drawn as a curve.
CURVE_KIND = "curve"
# Reference for a line that is compared with its first visible point.
FIRST_POINT = "first"
TEXT_KEYS = ("name", "title", "of", "unit")
BOUND_KEYS = ("low", "high")
LIST_KEYS = ("metrics", "right")
ALL_KEYS = (*TEXT_KEYS, "kind", *LIST_KEYS, *BOUND_KEYS, "reference")
MAX_TEXT_LENGTH, MAX_PATTERN_LENGTH, MAX_PATTERNS = 64, 256, 64
# Tables of the page, and the word in its address for no panel.
RESERVED_PANELS = frozenset(("alerts", "hosts", "none", "runs", "top"))
_INVALID_CHARS = re.compile(r"[^\w-]+")


def parse_panel_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a panel, always with `name` and `title`.

    Raises ValueError with what is expected.
    """
    fields: dict[str, Any] = {}
    for key, value in table.items():
        if key in TEXT_KEYS:
            fields[key] = _parse_text(key, value)
        elif key == "kind":
            kind = value if isinstance(value, str) else ""
            if kind not in KINDS:
                hint = f"; only a source can set {CURVE_KIND}" if kind == CURVE_KIND else ""
                raise ValueError(f"kind is {quote_value(value)}; expected one of {', '.join(KINDS)}{hint}")
            fields[key] = kind
        elif key in LIST_KEYS:
            fields[key] = _parse_patterns(key, value)
        elif key in BOUND_KEYS:
            fields[key] = _parse_bound(key, value)
        elif key == "reference":
            fields[key] = _parse_reference(value)
        else:
            hint = suggest(str(key), ALL_KEYS, f"expected one of {', '.join(ALL_KEYS)}")
            raise ValueError(f"`{key[:80]}` is not a key of a panel{hint}")
    label = fields.get("name") or fields.get("title", "")
    name = _INVALID_CHARS.sub("-", label).strip("-")
    if not name:
        raise ValueError("the panel has no name; expected `name` or `title`")
    if "name" in fields:
        check_panel_name("name", name)
        fields["name"] = name
    else:
        fields["name"] = f"{name.lower()}-panel" if name.lower() in RESERVED_PANELS else name.lower()
    fields.setdefault("title", label.replace("_", " ").capitalize())
    low, high = fields.get("low"), fields.get("high")
    if low is not None and high is not None and low >= high:
        raise ValueError(f"low is {low:g}; expected less than high, which is {high:g}")
    return fields


def check_panel_name(key: str, name: object) -> None:
    """Raise ValueError if the page uses this name itself. `key` is the setting with the name."""
    if name in RESERVED_PANELS:
        raise ValueError(f"{key} is {quote_value(name)}, which the page uses itself; expected another name")


def parse_panel_text(text: str) -> dict[str, Any]:
    """Return the table in one line of a flag or variable, such as `name="x", metrics=["a.*"]`."""
    import tomllib

    try:
        document = tomllib.loads(f"panel = {{ {text} }}")
    except (ValueError, RecursionError):
        document = {}
    panel = document.get("panel")
    if len(document) != 1 or not isinstance(panel, dict):
        raise ValueError('expected a panel as one line of TOML, such as name="cpu", kind="area"')
    return panel


def matches_pattern(pattern: str, key: str) -> bool:
    """Return whether `pattern` matches `key`.

    `*` stands for any text and `?` for one character; everything else is literal.

    >>> matches_pattern("weather.*", "weather.kitchen"), matches_pattern("weather", "weather.kitchen")
    (True, False)
    """
    return bool(compile_pattern(pattern)(key))


def compile_pattern(pattern: str) -> Callable[[str], object]:
    """Return a function that is true for the keys that match `pattern`.

    fnmatch would cache 32,768 patterns, which requests can invent; the cache of `re` holds 512.
    """
    if "?" in pattern:
        return re.compile(fnmatch.translate(pattern.replace("[", "[[]"))).match
    if "*" not in pattern:
        return pattern.__eq__
    first, *middle, last = pattern.split("*")

    def matches(key: str) -> bool:
        position, end = len(first), len(key) - len(last)
        if position > end or not key.startswith(first) or not key.endswith(last):
            return False
        for part in middle:
            found = key.find(part, position, end)
            if found < 0:
                return False
            position = found + len(part)
        return True

    return matches


def _parse_text(key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH or not value.isprintable():
        raise ValueError(
            f"{key} is {quote_value(value)}; expected text of at most {MAX_TEXT_LENGTH} characters"
        )
    return value.strip()


def _parse_patterns(key: str, value: object) -> tuple[str, ...]:
    patterns = [value] if isinstance(value, str) else value
    if patterns == []:
        raise ValueError(f'{key} is empty; expected metric keys, such as ["cpu.*"]')
    if not isinstance(patterns, list) or not 1 <= len(patterns) <= MAX_PATTERNS:
        raise ValueError(f'{key} is {quote_value(value)}; expected a list of metric keys, such as ["cpu.*"]')
    for pattern in patterns:
        if not isinstance(pattern, str) or not 0 < len(pattern) <= MAX_PATTERN_LENGTH:
            raise ValueError(f"{key} contains {quote_value(pattern)}; expected metric keys, such as cpu.*")
    return tuple(patterns)


def _parse_bound(key: str, value: object) -> float:
    if not is_finite_number(value):
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
